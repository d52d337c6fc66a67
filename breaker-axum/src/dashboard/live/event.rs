//! Holds an event as readers get it.

use serde::Serialize;
use std::sync::Arc;

/// An event with its JSON, which was serialised once for all readers.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) data: Arc<str>,
}

impl Event {
    pub(crate) fn new(name: &'static str, data: &impl Serialize) -> Self {
        // Serialising our types cannot fail.
        let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
        Self { name, data: data.into() }
    }
}

/// What a reader gets.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// An event for all readers.
    Public(Event),
    /// An event for readers that are logged in.
    Private(Event),
    /// The reader is to join again, since too much has changed. Everything comes with that.
    Resync,
}
