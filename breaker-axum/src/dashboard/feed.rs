//! Feed: `GET /events`, the events of the hub for one reader, as server-sent events.
//!
//! A reader gets `hello` and `full`, then each event as it comes. One that was too slow has missed some, and gets a `full` in their place.
//! In a `tick` a breaker is whole but for `transitions`, which are left out where none was added or has become too old; in a `transition` it
//! is without those, since the one that is new stands beside it. `again`, the last
//! event, asks the page to connect again at once.

use super::Dashboard;
use super::access::Caller;
use super::board::POINTS;
use super::history::KEPT;
use super::hub::{Frame, TICK, frame};
use super::reply;
use super::shown::millis;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, sleep_until};

/// How many read at once at most.
const MOST_READERS: usize = 1024;
/// A stream lasts so long where nobody says when the server ends: an open one would hold up its end.
const LASTS: Duration = Duration::from_secs(60);

/// How many read.
#[derive(Default)]
pub(super) struct Readers(AtomicUsize);

/// One of those who read.
struct Place(Arc<Dashboard>);

struct Reader {
    place: Place,
    /// Of somebody who has logged in.
    session: Option<String>,
    receiver: Receiver<Frame>,
    first: Option<Bytes>,
    ends: Option<Instant>,
    over: bool,
}

pub(super) async fn events(State(dashboard): State<Arc<Dashboard>>, caller: Caller) -> Response {
    let Some(place) = Place::take(&dashboard) else {
        let mut full = reply::error(StatusCode::SERVICE_UNAVAILABLE, "too many dashboards are open; close some");
        full.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        return full;
    };
    let (receiver, full) = dashboard.hub.join();
    let first = [&b"retry: 1000\n"[..], &frame("hello", &dashboard.hello(&caller)), &full].concat();
    let ends = dashboard.until.is_none().then(|| Instant::now() + LASTS);
    let session = dashboard.access.as_ref().and_then(|access| access.session(&caller)).map(|session| session.id);
    let reader = Reader { place, session, receiver, first: Some(first.into()), ends, over: false };
    let events = stream::unfold(reader, |mut reader| async {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(bytes), reader))
    });
    // A proxy that gathers answers would hold the events back.
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::HeaderName::from_static("x-accel-buffering"), "no")];
    (headers, Body::from_stream(events)).into_response()
}

impl Dashboard {
    fn hello(&self, caller: &Caller) -> serde_json::Value {
        json!({
            "version": 1,
            "server_time": millis(SystemTime::now()),
            "tick_ms": whole(TICK),
            "history_ms": whole(KEPT),
            "history_since": millis(self.since),
            "chart": { "points": POINTS, "step_ms": whole(TICK) },
            "actions": self.actions(caller),
        })
    }
}

fn whole(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Place {
    fn take(dashboard: &Arc<Dashboard>) -> Option<Self> {
        let place = Self(Arc::clone(dashboard));
        // Dropped again where there is no room.
        (dashboard.readers.0.fetch_add(1, Ordering::Relaxed) < MOST_READERS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.readers.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Reader {
    /// What is to be sent next; `None`: nothing more.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.over {
            return None;
        }
        let dashboard = Arc::clone(&self.place.0);
        tokio::select! {
            () = dashboard.ended() => None,
            () = at(self.ends) => {
                self.over = true;
                Some(frame("again", &json!({})))
            }
            bytes = self.receive() => bytes,
        }
    }

    fn is_logged_in(&self) -> bool {
        let (access, session) = (&self.place.0.access, &self.session);
        access.as_ref().zip(session.as_ref()).is_some_and(|(access, id)| access.sessions.find(id).is_some())
    }

    async fn receive(&mut self) -> Option<Bytes> {
        loop {
            match self.receiver.recv().await {
                Ok(Frame::Event(bytes)) => return Some(bytes),
                // Somebody may have logged out meanwhile.
                Ok(Frame::Private(bytes)) if self.is_logged_in() => return Some(bytes),
                Ok(Frame::Private(_)) => {}
                Err(RecvError::Closed) => return None,
                Ok(Frame::Anew) | Err(RecvError::Lagged(_)) => {
                    let (receiver, full) = self.place.0.hub.join();
                    self.receiver = receiver;
                    return Some(full);
                }
            }
        }
    }
}

/// Waits until then; for ever without a time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
