//! Feed: `GET /events`, the events of the hub for one reader, as server-sent events.
//!
//! A reader gets `hello` and `full`, then each event as it comes. One that was too slow has missed some, and gets a `full` in their place.
//! In a `tick` a breaker is whole but for `transitions`, which are left out where none was added or has become too old; in a `transition` it
//! is without those, since the one that is new stands beside it. `again`, the last
//! event, asks the page to connect again at once; it comes after a minute, since only so long a reader has a place.

use super::Dashboard;
use super::access::Caller;
use super::axum::body::Body;
use super::axum::extract::State;
use super::axum::http::request::Parts;
use super::axum::http::{HeaderValue, StatusCode, header};
use super::axum::response::{IntoResponse, Response};
use super::broadcast::{Frame, Receiver, TICK, frame};
use super::diff::POINTS;
use super::history::KEPT;
use super::peer::Peer;
use super::readers::{Owner, Place};
use super::reply::Refused;
use super::view::millis;
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep_until;

/// A place among the readers, which is left with its value.
struct Seat {
    dashboard: Arc<Dashboard>,
    place: Place,
}

struct Reader {
    seat: Seat,
    /// Of a caller who has logged in.
    session: Option<String>,
    receiver: Receiver,
    first: Option<Bytes>,
    over: bool,
}

pub(crate) async fn events(State(dashboard): State<Arc<Dashboard>>, parts: Parts) -> Response {
    let caller = Caller::from(parts);
    let session = dashboard.access.as_ref().and_then(|access| access.session(&caller)).map(|session| session.id);
    let owner = session.clone().map_or_else(|| Owner::Stranger(Peer::of(caller.address)), Owner::Session);
    let place = match dashboard.readers.take(owner) {
        Some(place) => place,
        None => match dashboard.place_by_token(&caller) {
            Ok(place) => place,
            Err(refused) => return refused.into_response(),
        },
    };
    let seat = Seat { dashboard, place };
    let dashboard = &seat.dashboard;
    let (receiver, full) = dashboard.hub.join();
    let first = [&b"retry: 1000\n"[..], &frame("hello", &dashboard.hello(&caller)), &full].concat();
    let reader = Reader { seat, session, receiver, first: Some(first.into()), over: false };
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
    /// A place for a caller who shows the token, where there is no other one for it. The token is not looked at before: whoever guards the dashboard
    /// may send another one along, and to read takes none.
    fn place_by_token(&self, caller: &Caller) -> Result<Place, Refused> {
        let full = || {
            Refused::new(StatusCode::SERVICE_UNAVAILABLE, "too many dashboards are open; close some")
                .with_header(header::RETRY_AFTER, HeaderValue::from_static("10"))
        };
        let (Some(access), Some(token)) = (&self.access, caller.bearer_from_here()) else { return Err(full()) };
        self.check_token(access, caller, token, "events")?;
        self.readers.take(Owner::Token).ok_or_else(full)
    }

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

impl Drop for Seat {
    fn drop(&mut self) {
        self.dashboard.readers.leave(self.place);
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
        let (dashboard, ends) = (Arc::clone(&self.seat.dashboard), self.seat.place.ends);
        tokio::select! {
            // What has come meanwhile is for a reader that still has a place.
            biased;
            () = dashboard.ended() => None,
            () = sleep_until(ends) => {
                self.over = true;
                Some(frame("again", &json!({})))
            }
            bytes = self.receive() => bytes,
        }
    }

    fn is_logged_in(&self) -> bool {
        let (access, session) = (&self.seat.dashboard.access, &self.session);
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
                    let (receiver, full) = self.seat.dashboard.hub.join();
                    self.receiver = receiver;
                    return Some(full);
                }
            }
        }
    }
}
