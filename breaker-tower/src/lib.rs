//! Circuit breakers as a [`tower`](https://docs.rs/tower) layer, for clients without a function to
//! annotate.

mod body;
mod builder;
mod error;
mod future;
mod grpc;
mod http_mode;
mod key;
mod layer;
mod mode;
mod rejection;
mod service;
mod setting;
mod shared;
mod source;

pub use crate::body::GuardedBody;
pub use crate::builder::CircuitBreakerLayerBuilder;
pub use crate::error::BuildError;
pub use crate::future::ResponseFuture;
pub use crate::http_mode::Http;
pub use crate::key::{KeyOf, Keyed, NoKey};
pub use crate::layer::CircuitBreakerLayer;
pub use crate::mode::{Judged, Mode, Plain};
pub use crate::service::CircuitBreakerService;
pub use crate::setting::SettingValue;
pub use crate::source::BreakerSource;

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
