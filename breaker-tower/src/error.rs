//! What `build` finds wrong.

use breaker_core::ConfigError;

/// A wrong setting of a layer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting of the breaker is wrong, or the breaker has no name.
    #[error("the layer of circuit breaker `{breaker}`: {error}")]
    Setting {
        /// The breaker's name.
        breaker: String,
        /// What is wrong.
        error: ConfigError,
    },
    /// The text is no duration.
    #[error(
        "the layer of circuit breaker `{breaker}`: body_timeout: is `{text}`, expected a duration above zero such as \"10s\", or \"off\" (a bare number is seconds)"
    )]
    BodyTimeout {
        /// The breaker's name.
        breaker: String,
        /// What was given.
        text: String,
    },
    /// The layer is of a breaker that exists, and that breaker has its settings.
    #[error(
        "the layer of circuit breaker `{0}` sets values of the breaker, but it was given a breaker that exists; set them where that is made, or give the layer a name"
    )]
    SettingsOfBreaker(String),
    /// A `fallback` of bytes cannot answer a gRPC call.
    #[error(
        "the layer of circuit breaker `{0}`: `fallback` is for `CircuitBreakerLayer::http`, since a gRPC client reads messages and a status in trailers"
    )]
    FallbackOfGrpc(String),
}
