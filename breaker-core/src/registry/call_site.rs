//! Describes where a breaker was declared.

use crate::config::types::Source;
use crate::registry::declaration::Declared;
use std::time::Duration;

/// A location in the code that uses a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CallSite {
    /// The annotated function, as `module::Type::function`; `None` where there is none, as for
    /// [`Registry::breaker`](crate::Registry::breaker).
    pub function: Option<String>,
    /// The file and line.
    #[cfg_attr(feature = "serde", serde(rename = "place"))]
    pub location: String,
    /// The time limit of its calls. `None`: they have none, or cannot time out. A keyed breaker
    /// with its own `reconfigure` uses that limit instead.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "timeout_ms", serialize_with = "crate::breaker::snapshot_json::maybe_millis")
    )]
    pub timeout: Option<Duration>,
    /// The source of that limit. `None` where there is no limit.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::breaker::snapshot_json::maybe_source"))]
    pub timeout_source: Option<Source>,
}

impl CallSite {
    pub(crate) fn new(declared: &Declared, limit: Option<(Duration, Source)>) -> Self {
        let function = declared.function();
        let location = match declared.location.rsplit_once(" (") {
            Some((location, _)) if function.is_some() => location,
            _ => &declared.location,
        };
        let (timeout, timeout_source) = limit.unzip();
        Self { function: function.map(str::to_owned), location: location.to_owned(), timeout, timeout_source }
    }
}
