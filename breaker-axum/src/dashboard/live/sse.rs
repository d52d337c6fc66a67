//! Serves `GET /events`: the events of the broadcast as server-sent events, for one reader.
//!
//! | event | when | what it has |
//! | --- | --- | --- |
//! | `hello` | first | the server's time and what the caller may do |
//! | `full` | second, and after missed events | all breakers |
//! | `tick` | every second | the breakers that have changed, and those that are gone |
//! | `transition` | at each change of a state | that breaker |
//! | `audit` | at each action or refusal | its entry, for callers that are logged in |
//! | `again` | last, after a minute | nothing: the page is to connect again at once |
//!
//! A `tick` leaves the `transitions` of a breaker out unless one was added or has expired. A
//! `transition` always leaves them out, since it has the new one itself.

use super::access::{Access, permission};
use super::axum::body::Body;
use super::axum::extract::State;
use super::axum::http::request::Parts;
use super::axum::http::{HeaderName, HeaderValue, StatusCode, header};
use super::axum::response::{IntoResponse, Response};
use super::broadcast::{Broadcast, Receiver, TICK};
use super::caller::Caller;
use super::diff::POINTS;
use super::event::{Event, Message};
use super::history::RETENTION;
use super::peer::Peer;
use super::readers::{ReaderKey, Readers, Slot};
use super::response::Refusal;
use super::text::{millis, unix_millis};
use bytes::Bytes;
use futures_util::future::{BoxFuture, Shared};
use futures_util::stream;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep_until;

/// Tells proxies not to hold events back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How long a browser waits before it connects again after an error, in milliseconds.
const RETRY: &[u8] = b"retry: 1000\n";

/// What all event streams share.
pub(crate) struct Streams {
    pub(crate) broadcast: Arc<Broadcast>,
    pub(crate) access: Option<Arc<Access>>,
    pub(crate) readers: Readers,
    /// The start of the history.
    pub(crate) since: SystemTime,
    pub(crate) shutdown: Option<Shared<BoxFuture<'static, ()>>>,
}

/// A slot of the readers, which is released with this value.
struct SlotGuard {
    streams: Arc<Streams>,
    slot: Slot,
}

/// One open stream.
struct Reader {
    guard: SlotGuard,
    /// The ID of the session, for a caller that is logged in.
    session: Option<String>,
    receiver: Receiver,
    /// The events from before the first message.
    first: Option<Bytes>,
    finished: bool,
}

/// `GET /events`.
pub(crate) async fn events(State(streams): State<Arc<Streams>>, parts: Parts) -> Response {
    let caller = Caller::from(parts);
    let session = streams.access.as_ref().and_then(|access| access.session(&caller)).map(|session| session.id);
    let key = session.clone().map_or_else(|| ReaderKey::Anonymous(Peer::of(caller.address)), ReaderKey::Session);
    let slot = match streams.readers.acquire(key) {
        Some(slot) => slot,
        None => match streams.slot_by_token(&caller) {
            Ok(slot) => slot,
            Err(refusal) => return refusal.into_response(),
        },
    };
    let hello = Event::new("hello", &streams.hello(&caller));
    let guard = SlotGuard { streams, slot };
    let (receiver, full) = guard.streams.broadcast.join();
    let first = [RETRY, hello.bytes(), full.bytes()].concat();
    let reader = Reader { guard, session, receiver, first: Some(first.into()), finished: false };
    let events = stream::unfold(reader, |mut reader| async {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(bytes), reader))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (X_ACCEL_BUFFERING, "no")];
    (headers, Body::from_stream(events)).into_response()
}

impl Streams {
    /// A slot for a caller that sends the token, if there is no other slot for it.
    ///
    /// Before that the token is not compared. Reading needs none, and a proxy in front of the
    /// dashboard may send another one along.
    fn slot_by_token(&self, caller: &Caller) -> Result<Slot, Refusal> {
        let full = || {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too many dashboards are open; close some")
                .with_header(header::RETRY_AFTER, HeaderValue::from_static("10"))
        };
        let (Some(access), Some(token)) = (&self.access, caller.same_site_bearer()) else { return Err(full()) };
        access.check_token(caller, token, "events")?;
        self.readers.acquire(ReaderKey::Token).ok_or_else(full)
    }

    fn hello(&self, caller: &Caller) -> serde_json::Value {
        json!({
            "version": 1,
            "server_time": unix_millis(SystemTime::now()),
            "tick_ms": millis(TICK),
            "history_ms": millis(RETENTION),
            "history_since": unix_millis(self.since),
            "chart": { "points": POINTS, "step_ms": millis(TICK) },
            "actions": permission(self.access.as_deref(), caller),
        })
    }

    /// Waits for the shutdown of the server; forever if no signal was given.
    async fn shut_down(&self) {
        match &self.shutdown {
            Some(shutdown) => shutdown.clone().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        self.streams.readers.release(self.slot);
    }
}

impl Reader {
    /// The next bytes of the stream; `None` at its end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.finished {
            return None;
        }
        let (streams, expires) = (Arc::clone(&self.guard.streams), self.guard.slot.expires);
        tokio::select! {
            // A reader whose slot has expired gets no further event.
            biased;
            () = streams.shut_down() => None,
            () = sleep_until(expires) => {
                self.finished = true;
                Some(Event::new("again", &json!({})).bytes().clone())
            }
            event = self.receive() => event.map(|event| event.bytes().clone()),
        }
    }

    fn is_logged_in(&self) -> bool {
        let (access, session) = (&self.guard.streams.access, &self.session);
        access.as_ref().zip(session.as_ref()).is_some_and(|(access, id)| access.sessions.find(id).is_some())
    }

    async fn receive(&mut self) -> Option<Event> {
        loop {
            match self.receiver.recv().await {
                Ok(Message::Public(event)) => return Some(event),
                // The session may have ended since the stream began.
                Ok(Message::Private(event)) if self.is_logged_in() => return Some(event),
                Ok(Message::Private(_)) => {}
                Err(RecvError::Closed) => return None,
                Ok(Message::Resync) | Err(RecvError::Lagged(_)) => {
                    let (receiver, full) = self.guard.streams.broadcast.join();
                    self.receiver = receiver;
                    return Some(full);
                }
            }
        }
    }
}
