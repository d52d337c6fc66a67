//! What `build` finds wrong.

use breaker_core::ConfigError;

/// A wrong setting of a layer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A value is out of its range, or the breaker has no name.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The text is no duration.
    #[error("`body_timeout` is `{0}`, expected a duration above zero such as \"10s\", or \"off\"")]
    BodyTimeout(String),
    /// The layer is of a breaker that exists, and that breaker has its settings.
    #[error(
        "the layer of circuit breaker `{0}` has settings of the breaker, but the breaker exists; set them where it is made, or give the layer its name in place of the breaker"
    )]
    SettingsOfBreaker(String),
    /// A `fallback` of bytes cannot answer a gRPC call.
    #[error("`fallback` is for `CircuitBreakerLayer::http`: a gRPC client reads messages and a status in trailers")]
    FallbackOfGrpc,
}
