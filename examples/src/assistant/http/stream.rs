//! Sends the pieces of an answer over HTTP, as server-sent events.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    http::HeaderName,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::mpsc;

use super::status;
use crate::assistant::{
    answer::{Answer, Source},
    question::Question,
    reply::{CutEvent, DoneEvent, Metadata, SourceEvent, TokenEvent},
    service::Assistant,
    telling::Piece,
    wire::finish::Finish,
};

/// Some proxies close a connection that is silent for longer than this.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// Nginx buffers a response, unless this header disables it.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// An answer in flight to its user.
pub(super) struct Telling {
    assistant: Arc<Assistant>,
    question: Question,
    started: Instant,
    include_metadata: bool,
    /// The streamed answer, as its source described it.
    answer: Answer,
}

impl Telling {
    /// The answer to a question that came at `started`.
    pub(super) fn new(assistant: Arc<Assistant>, question: Question, started: Instant, include_metadata: bool) -> Self {
        Self { assistant, question, started, include_metadata, answer: Answer::new("", Source::Nothing) }
    }

    /// The response that sends these pieces.
    pub(super) fn response(self, pieces: mpsc::Receiver<Piece>) -> Response {
        let events = stream::unfold((self, pieces), async |(mut telling, mut pieces)| {
            let event = telling.event(pieces.recv().await?);
            Some((Ok::<_, Infallible>(event), (telling, pieces)))
        });
        ([UNBUFFERED], Sse::new(events).keep_alive(KeepAlive::new().interval(COMMENT_EVERY))).into_response()
    }

    fn event(&mut self, piece: Piece) -> Event {
        match piece {
            Piece::Source(answer) => {
                self.answer = answer;
                named("source", &SourceEvent::new(&self.question, &self.answer))
            }
            Piece::Token(text) => named("token", &TokenEvent { text }),
            Piece::Done { finish, truncated } => {
                self.answer.finish = finish;
                let (source, finish_reason) = (self.answer.source.as_str(), finish.map(Finish::as_str));
                let metadata = self.include_metadata.then(|| {
                    let metadata = Metadata::new(&self.question, &self.answer, self.status(), self.started.elapsed());
                    Metadata { truncated, ..metadata }
                });
                named("done", &DoneEvent { source, finish_reason, truncated, metadata })
            }
            Piece::Cut { reason, instead } => named("cut", &CutEvent::new(reason, instead)),
            Piece::Reset => Event::default().event("reset").data("{}"),
        }
    }

    fn status(&self) -> &'static str {
        status(self.assistant.breaker().as_ref())
    }
}

/// An event with this value, which is JSON without a line break.
fn named(name: &str, value: &impl Serialize) -> Event {
    let event = Event::default().event(name);
    event.clone().json_data(value).unwrap_or(event)
}
