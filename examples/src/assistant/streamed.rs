//! Turns a decoded stream into an answer for users, with each error as one of the API.

use std::sync::Arc;

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};

use super::{
    client::DECLINED,
    endpoint::Endpoint,
    error::{GenerationError, OutputError},
    output::{clean, is_visible},
    standing::Standing,
    tokens::{Event, Tokens},
    wire::{completion::wants_tool, fault::shorten, finish::Finish},
};

/// A streamed answer. It ends with [`Event::Finish`], [`Event::Done`] or an error, which is the
/// last item.
pub type Events = BoxStream<'static, Result<Event, GenerationError>>;

/// A complete answer as a stream.
#[must_use]
pub fn whole(text: String, finish: Option<Finish>) -> Events {
    let end = finish.map_or(Event::Done, Event::Finish);
    stream::iter([Ok(Event::Token(text)), Ok(end)]).boxed()
}

/// A provider's streamed answer, and its state.
#[derive(Debug)]
pub struct Streamed {
    tokens: Tokens<reqwest::Error>,
    endpoint: Arc<Endpoint>,
    standing: Arc<Standing>,
    query: String,
    /// Whether there was an item: the first one shows whether the provider's settings work.
    has_begun: bool,
    /// Text that is held back: blanks before the first word, and a possible beginning of the key.
    held: String,
    has_text: bool,
    /// Whether the model says why it does not answer.
    declines: bool,
    /// The end, where an item has to come before it.
    end: Option<Event>,
    is_over: bool,
}

impl Streamed {
    /// The answer to this question by the provider at this endpoint. It reports the result to the
    /// provider's standing.
    #[must_use]
    pub fn new(tokens: Tokens<reqwest::Error>, endpoint: Arc<Endpoint>, standing: Arc<Standing>, query: &str) -> Self {
        Self {
            tokens,
            endpoint,
            standing,
            query: query.to_owned(),
            has_begun: false,
            held: String::new(),
            has_text: false,
            declines: false,
            end: None,
            is_over: false,
        }
    }

    /// Its events.
    #[must_use]
    pub fn events(self) -> Events {
        stream::unfold(self, async |mut streamed| Some((streamed.next().await?, streamed))).boxed()
    }

    async fn next(&mut self) -> Option<Result<Event, GenerationError>> {
        while !self.is_over {
            let item = match self.end.take() {
                Some(end) => Ok(Some(end)),
                None => match self.tokens.next().await? {
                    Ok(event) => self.fit(event),
                    Err(error) => Err(self.endpoint.in_fit_words(error.into())),
                },
            };
            // An event without visible text is no item.
            if let Some(item) = item.transpose() {
                self.is_over = item.as_ref().is_ok_and(|event| *event == Event::Done) || item.is_err();
                self.tell(&item);
                return Some(item);
            }
        }
        None
    }

    /// The event in the form that a user may see.
    fn fit(&mut self, event: Event) -> Result<Option<Event>, GenerationError> {
        Ok(match event {
            Event::Token(text) => self.show(&text).map(Event::Token),
            Event::Refusal(text) => {
                self.declines = true;
                self.show(&text).map(Event::Refusal)
            }
            Event::Aside => Some(Event::Aside),
            Event::Finish(finish) => {
                let finish = if self.declines { Finish::Declined } else { finish };
                Some(self.close(Event::Finish(finish), finish)?)
            }
            Event::Done => Some(self.close(Event::Done, Finish::Unknown)?),
        })
    }

    /// The part of the text that a user may see now.
    fn show(&mut self, text: &str) -> Option<String> {
        self.held.push_str(text);
        if !self.has_text {
            if !self.held.chars().any(is_visible) {
                return None;
            }
            self.held.drain(..self.held.len() - self.held.trim_start().len());
        }
        let rest = self.held.split_off(self.endpoint.held_from(&self.held));
        let shown = std::mem::replace(&mut self.held, rest);
        self.fit_to_show(shown)
    }

    fn fit_to_show(&mut self, text: String) -> Option<String> {
        let text = clean(&self.endpoint.hide_long(text));
        self.has_text |= text.chars().any(is_visible);
        Some(text).filter(|text| !text.is_empty())
    }

    /// The end, or the item that has to come before it.
    fn close(&mut self, end: Event, finish: Finish) -> Result<Event, GenerationError> {
        let held = std::mem::take(&mut self.held);
        let rest = self.fit_to_show(held).filter(|_| self.has_text);
        let before = match rest {
            Some(text) => Event::Token(text),
            None if self.has_text => return Ok(end),
            None => Self::without_text(finish)?,
        };
        self.has_text = true;
        self.end = Some(end);
        Ok(before)
    }

    /// The error of an answer that ends without a word of text, as after reasoning alone.
    fn without_text(finish: Finish) -> Result<Event, GenerationError> {
        match finish {
            Finish::Declined => Ok(Event::Refusal(DECLINED.to_owned())),
            Finish::ToolCalls => Err(wants_tool()),
            Finish::Stop | Finish::Length | Finish::Unknown => Err(OutputError::NoAnswer.into()),
        }
    }

    /// The first item, and each error after it, shows whether the settings work.
    fn tell(&mut self, item: &Result<Event, GenerationError>) {
        let provider = self.endpoint.key();
        if !self.has_begun || item.is_err() {
            self.standing.note(&provider, &self.query, item);
        }
        if !self.has_begun
            && let (Some(answered), Some(asked)) = (self.tokens.model(), &self.endpoint.model)
        {
            self.standing.note_model(&provider, asked, &shorten(&self.endpoint.hide(answered)));
        }
        self.has_begun = true;
    }
}
