//! Tells a user an answer while it is written: a task reads it from the provider, and hands it on through a channel with few places.
//!
//! So a slow user is no silence of the provider: its limits run only while the task waits for it.

use std::{pin::Pin, sync::Arc};

use futures_util::StreamExt as _;
use tokio::{
    select,
    sync::mpsc,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    answer::Answer,
    asking::Asking,
    error::GenerationError,
    generator::Generator,
    instead::BROKE_OFF,
    output::{MAX_OUTPUT_CHARS, validate},
    question::Question,
    streamed::Events,
    tokens::Event,
    wire::finish::Finish,
};

/// So many pieces wait for a slow user before the provider has to wait too.
const PLACES: usize = 16;

/// What a user is told: the source, the tokens, and how the answer ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Where the text that follows comes from; it has none yet.
    Source(Answer),
    /// A piece of the text.
    Token(String),
    /// That was the answer.
    Done {
        /// Why the model's text ended.
        finish: Option<Finish>,
        /// Whether there would have been more.
        truncated: bool,
    },
    /// The answer broke off, and what was told of it is not whole.
    Cut {
        /// Why: `cut`, `timeout` or `failure`.
        reason: &'static str,
        /// What else there is on the question.
        instead: Option<Answer>,
    },
    /// Another answer follows, from its beginning.
    Reset,
}

/// How one answer ended.
enum End {
    /// As the provider wanted.
    Whole(Option<Finish>),
    /// At a limit of this service.
    Limit,
    /// With this error.
    Broken(GenerationError),
    /// Nobody listens any more.
    Unheard,
}

/// Tells the answer to this question, once its first token is there. With `again`, an answer that breaks off is followed by another one, once.
///
/// # Errors
/// As of [`Generator::stream`]; nothing was told then.
///
/// # Cancellation
/// Dropping the future, or later the receiver, ends the call of the API at once.
pub async fn tell(
    generator: Arc<Generator>,
    question: Question,
    again: bool,
) -> Result<mpsc::Receiver<Piece>, GenerationError> {
    let deadline = Instant::now() + generator.limits().answer;
    let (head, events) = generator.stream(&question).await?;
    let (user, pieces) = mpsc::channel(PLACES);
    let mut teller =
        Teller { generator, question, user, deadline: Box::pin(sleep_until(deadline)), text: String::new() };
    tokio::spawn(async move {
        // Nobody is left to be told where a piece cannot be.
        let _ = teller.tell(head, events, again).await;
    });
    Ok(pieces)
}

/// An answer that is there already.
#[must_use]
pub fn told(answer: Answer) -> mpsc::Receiver<Piece> {
    let (user, pieces) = mpsc::channel(PLACES);
    let (text, finish) = (answer.text.clone(), answer.finish);
    let source = Answer { text: String::new(), ..answer };
    for piece in [Piece::Source(source), Piece::Token(text), Piece::Done { finish, truncated: false }] {
        // There are places for all of them, and somebody has the other end.
        let _ = user.try_send(piece);
    }
    pieces
}

struct Teller {
    generator: Arc<Generator>,
    question: Question,
    user: mpsc::Sender<Piece>,
    deadline: Pin<Box<Sleep>>,
    /// What was told of the answer.
    text: String,
}

type Sent = Result<(), mpsc::error::SendError<Piece>>;

impl Teller {
    async fn tell(&mut self, head: Answer, events: Events, again: bool) -> Sent {
        let Some(error) = self.one(head, events).await? else { return Ok(()) };
        let instead = if again { None } else { self.instead().await };
        self.user.send(Piece::Cut { reason: reason(&error), instead }).await?;
        if !again {
            return Ok(());
        }
        self.user.send(Piece::Reset).await?;
        let begun = select! {
            () = self.user.closed() => return Ok(()),
            begun = self.generator.stream(&self.question) => begun,
        };
        self.text.clear();
        let error = match begun {
            Ok((head, events)) => self.one(head, events).await?,
            Err(error) => Some(error),
        };
        let Some(error) = error else { return Ok(()) };
        let instead = self.instead().await;
        self.user.send(Piece::Cut { reason: reason(&error), instead }).await
    }

    /// Tells one answer to its end; the error it broke off with.
    async fn one(
        &mut self,
        head: Answer,
        events: Events,
    ) -> Result<Option<GenerationError>, mpsc::error::SendError<Piece>> {
        let (is_live, provider) = (head.source.is_live(), head.provider.clone());
        self.user.send(Piece::Source(head)).await?;
        let end = self.relay(events).await;
        let done = match end {
            End::Unheard => return Ok(None),
            End::Broken(error) => {
                tracing::warn!(provider, error = error.to_string(), "an answer broke off while it was told");
                return Ok(Some(error));
            }
            End::Whole(finish) => {
                if is_live && finish == Some(Finish::Stop) {
                    self.keep().await;
                }
                let finish = finish.or(is_live.then_some(Finish::Unknown));
                Piece::Done { finish, truncated: finish == Some(Finish::Length) }
            }
            End::Limit => Piece::Done { finish: None, truncated: true },
        };
        self.user.send(done).await?;
        Ok(None)
    }

    /// Hands the text on, and lets go of the provider when the answer is there, broken, too long, or heard by nobody.
    async fn relay(&mut self, mut events: Events) -> End {
        loop {
            let event = select! {
                biased;
                () = self.user.closed() => return End::Unheard,
                () = &mut self.deadline => return End::Limit,
                event = events.next() => event,
            };
            match event {
                Some(Ok(Event::Token(text) | Event::Refusal(text))) => {
                    if let Some(end) = self.pass(&text).await {
                        return end;
                    }
                }
                Some(Ok(Event::Aside)) => {}
                Some(Ok(Event::Finish(finish))) => return End::Whole(Some(finish)),
                Some(Ok(Event::Done)) => return End::Whole(None),
                Some(Err(error)) => return End::Broken(error),
                None => return End::Broken(GenerationError::Cut(None)),
            }
        }
    }

    /// Hands a piece of text on. The limit on the whole answer holds for a user too who reads nothing.
    async fn pass(&mut self, text: &str) -> Option<End> {
        let text = if self.text.is_empty() { text.trim_start() } else { text };
        if text.is_empty() {
            return None;
        }
        if self.text.chars().count() + text.chars().count() > MAX_OUTPUT_CHARS {
            return Some(End::Limit);
        }
        self.text.push_str(text);
        select! {
            biased;
            sent = self.user.send(Piece::Token(text.to_owned())) => sent.err().map(|_| End::Unheard),
            () = &mut self.deadline => Some(End::Limit),
        }
    }

    /// Keeps the whole answer for a time when the API is away.
    async fn keep(&self) {
        if let Ok(text) = validate(&self.text) {
            self.generator.cache().put(&self.question, text).await;
        }
    }

    async fn instead(&self) -> Option<Answer> {
        self.generator.instead(&self.question, &Asking::new(), BROKE_OFF).await
    }
}

/// Why an answer broke off, in a word for its user.
fn reason(error: &GenerationError) -> &'static str {
    match error {
        GenerationError::Cut(_) => BROKE_OFF,
        error if error.is_timeout() => "timeout",
        _ => "failure",
    }
}
