//! The room of the replies: the JSON that users get.

use std::{collections::BTreeMap, time::Duration};

use breaker_core::Health;
use serde::Serialize;

use crate::indexing::{Answer, Hit, Indexed};

/// The reply to a search.
#[derive(Clone, Debug, Serialize)]
pub struct SearchReply<'a> {
    /// The query as it was asked.
    pub query: &'a str,
    /// `hybrid`: full text and vectors; `full_text`: without vectors.
    pub mode: &'static str,
    /// Why it is `full_text`, with the state of the breaker.
    pub degraded: Option<String>,
    /// The cache that had the answer: `l1`, `l2` or `l3`.
    pub cached: Option<&'static str>,
    /// How long the service worked on it.
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

/// The reply to a file.
#[derive(Clone, Debug, Serialize)]
pub struct IndexReply<'a> {
    /// The file.
    pub file_path: &'a str,
    /// What became of it.
    #[serde(flatten)]
    pub indexed: Indexed,
}

/// The state of the service: the breakers, and what was tried just now.
#[derive(Clone, Debug, Serialize)]
pub struct HealthReply {
    /// The breakers.
    #[serde(flatten)]
    pub health: Health,
    /// What was tried, by name.
    pub probes: BTreeMap<&'static str, Probe>,
}

/// What a call that was made for this reply came to.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    /// Whether it was answered.
    pub healthy: bool,
    /// How long that took.
    pub latency_ms: f64,
    /// Why not.
    pub error: Option<String>,
}

/// The reply without an answer.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorReply {
    /// What it is, for programs: `service_unavailable`, `invalid_request`, `not_found`.
    pub error: &'static str,
    /// What it is, for people.
    pub message: String,
    /// When to come back, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The state of the breaker that has the say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit_status: Option<&'static str>,
}

/// Milliseconds with their parts.
#[must_use]
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Whole seconds for `Retry-After`: rounded up, since earlier is too early, and at least 1.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
