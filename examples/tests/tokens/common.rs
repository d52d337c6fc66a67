//! Builds answers as bytes, and prints what the decoder makes of them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use breaker_examples::assistant::tokens::{Event, Limits, StreamError, Tokens, decode, decode_within};
use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};

/// The head of a chat, without text.
pub(crate) const ROLE: &str = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}"#;
pub(crate) const HELLO: &str = r#"{"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}"#;
pub(crate) const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
pub(crate) const USAGE: &str = r#"{"choices":[],"usage":{"completion_tokens":1}}"#;
pub(crate) const DONE: &str = "[DONE]";

/// Each of these as the data of an event.
pub(crate) fn events<const N: usize>(data: [&str; N]) -> String {
    data.map(|data| format!("data: {data}\n\n")).concat()
}

/// An error of the body, as from a broken connection.
pub(crate) fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// A body with these pieces, and then this end; `None` is an orderly one.
pub(crate) fn body(
    pieces: Vec<Bytes>,
    last: Option<io::Error>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::iter(pieces.into_iter().map(Ok).chain(last.map(Err)))
}

/// All items of a decoder, each as a word: tokens in quotes, the others by name, and errors with an
/// exclamation mark.
pub(crate) fn seen(text: &str) -> String {
    seen_of(decode(body(vec![Bytes::copy_from_slice(text.as_bytes())], None)))
}

/// The items of a body that breaks.
pub(crate) fn seen_until_it_breaks(text: &str) -> String {
    seen_of(decode(body(vec![Bytes::copy_from_slice(text.as_bytes())], Some(broken()))))
}

/// The items within these limits.
pub(crate) fn seen_within(limits: Limits, pieces: Vec<Bytes>) -> String {
    seen_of(decode_within(limits, body(pieces, None)))
}

/// The items of a decoder whose bytes are all available.
pub(crate) fn seen_of(mut tokens: Tokens<io::Error>) -> String {
    let mut words = Vec::new();
    while let Some(item) = tokens.next().now_or_never().expect("all bytes are there") {
        words.push(word(&item));
    }
    assert!(tokens.next().now_or_never().unwrap().is_none(), "it stays at its end");
    words.join(" ")
}

pub(crate) fn word<E>(item: &Result<Event, StreamError<E>>) -> String {
    match item {
        Ok(Event::Token(text)) => format!("{text:?}"),
        Ok(Event::Refusal(text)) => format!("refusal:{text:?}"),
        Ok(Event::Aside) => "aside".to_owned(),
        Ok(Event::Finish(reason)) => format!("{reason:?}"),
        Ok(Event::Done) => "done".to_owned(),
        Err(StreamError::Cut) => "cut!".to_owned(),
        Err(StreamError::Empty) => "empty!".to_owned(),
        Err(StreamError::Upstream(error)) => format!("upstream!({error})"),
        Err(StreamError::TooLong { most }) => format!("longer-than-{most}!"),
        Err(StreamError::Unreadable(_)) => "unreadable!".to_owned(),
        Err(StreamError::Body(_)) => "broken!".to_owned(),
    }
}

/// A body that closes a channel when it is dropped.
pub(crate) struct Held {
    pub(crate) text: Option<&'static str>,
    pub(crate) _alive: tokio::sync::oneshot::Sender<()>,
}

impl Stream for Held {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.text.take() {
            Some(text) => Poll::Ready(Some(Ok(Bytes::from_static(text.as_bytes())))),
            None => Poll::Pending,
        }
    }
}
