//! Circuit breakers as a [`tower`](https://docs.rs/tower) layer, for clients without a function to
//! annotate.

#[cfg(feature = "aws-sdk-1")]
mod aws;
mod body;
mod builder;
mod error;
mod future;
mod grpc;
mod http_mode;
mod key;
mod layer;
#[cfg(any(feature = "reqwest-middleware-0-5", feature = "reqwest-middleware-0-4"))]
mod middleware;
mod mode;
mod rejection;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
mod reqwest;
mod service;
mod setting;
mod shared;
mod source;

#[cfg(feature = "aws-sdk-1")]
pub use crate::aws::CircuitBreakerHttpClient;
pub use crate::body::GuardedBody;
pub use crate::builder::CircuitBreakerLayerBuilder;
pub use crate::error::BuildError;
pub use crate::future::ResponseFuture;
pub use crate::http_mode::Http;
pub use crate::key::{KeyOf, Keyed, NoKey};
pub use crate::layer::CircuitBreakerLayer;
#[cfg(any(feature = "reqwest-middleware-0-5", feature = "reqwest-middleware-0-4"))]
pub use crate::middleware::CircuitBreakerMiddleware;
pub use crate::mode::{Judged, Mode, Plain};
pub use crate::service::CircuitBreakerService;
pub use crate::setting::SettingValue;
pub use crate::source::BreakerSource;

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
