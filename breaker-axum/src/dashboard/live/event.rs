//! Writes an event as `text/event-stream`, once for all readers.

use bytes::Bytes;
use serde::Serialize;

/// An event in the form of server-sent events. Clones share its bytes.
///
/// `axum::response::sse::Event` would copy them for each reader. DESIGN.md says why.
#[derive(Clone, Debug)]
pub(crate) struct Event(Bytes);

impl Event {
    /// An event with this JSON. JSON has no line breaks, so nothing in it can end the event.
    pub(crate) fn new(name: &str, data: &impl Serialize) -> Self {
        let mut text = format!("event: {name}\ndata: ").into_bytes();
        let start = text.len();
        if serde_json::to_writer(&mut text, data).is_err() {
            // Serialising our types cannot fail.
            text.truncate(start);
            text.extend_from_slice(b"{}");
        }
        text.extend_from_slice(b"\n\n");
        Self(text.into())
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// A message of the broadcast to a reader.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// An event for all readers.
    Public(Event),
    /// An event for readers that are logged in.
    Private(Event),
    /// The reader is to join again, since too much has changed. It then gets everything.
    Resync,
}
