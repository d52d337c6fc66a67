//! Defines the JSON replies.

use std::time::Duration;

use serde::Serialize;

use crate::indexing::{Answer, Hit, Indexed};

/// The reply to a search.
#[derive(Clone, Debug, Serialize)]
pub struct SearchReply<'a> {
    /// The query as the user wrote it.
    pub query: &'a str,
    /// `hybrid`: full text and vectors; `full_text`: without vectors.
    pub mode: &'static str,
    /// Why it is `full_text`, with the state of the breaker.
    pub degraded: Option<String>,
    /// The cache that had the answer: `l1`, `l2` or `l3`.
    pub cached: Option<&'static str>,
    /// How long the service worked on the request.
    pub duration_ms: f64,
    /// The functions, the best first.
    pub results: Vec<Hit>,
}

impl<'a> SearchReply<'a> {
    /// The reply with this answer.
    #[must_use]
    pub fn new(query: &'a str, answer: Answer, duration: Duration) -> Self {
        let mode = if answer.degraded.is_some() { "full_text" } else { "hybrid" };
        let cached = answer.cached.map(crate::cascade::Level::as_str);
        let duration_ms = milliseconds(duration);
        Self { query, mode, degraded: answer.degraded, cached, duration_ms, results: answer.hits }
    }
}

/// The reply to an indexed file.
#[derive(Clone, Debug, Serialize)]
pub struct IndexReply<'a> {
    /// The file.
    pub file_path: &'a str,
    /// The result of indexing it.
    #[serde(flatten)]
    pub indexed: Indexed,
}

/// Milliseconds with their fraction.
#[must_use]
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
