//! The circuit breakers of [`breaker_core`] as a tower layer, for clients without a function to
//! annotate.
//!
//! - [`CircuitBreakerLayer::http`] is for HTTP clients: a status of 5xx, 408 or 429 is a failure,
//!   and a body that breaks off is one too.
//! - [`CircuitBreakerLayer::grpc`] is for gRPC clients, such as a channel of tonic: the
//!   `grpc-status` counts.
//! - [`CircuitBreakerLayer::new`] is for any other service.
//!
//! A layer has the same registry, settings, variables, files, metrics and dashboard as annotated
//! functions. A layer and a function with one name share the breaker.
//!
//! ```
//! use breaker_tower::{BoxError, CircuitBreakerLayer};
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::{Layer, Service, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // Stands for the client of hyper-util, or any other service of HTTP requests.
//! let client = service_fn(|_: Request<Full<Bytes>>| async {
//!     Ok::<_, BoxError>(Response::builder().status(503).body(Full::new(Bytes::new()))?)
//! });
//!
//! let layer = CircuitBreakerLayer::http("payments").fail_max(3).timeout("2s").body_timeout("10s").build()?;
//! let mut payments = layer.layer(client);
//! for _ in 0..3 {
//!     let response = payments.ready().await?.call(Request::new(Full::default())).await?;
//!     assert_eq!(response.status(), 503);
//! }
//! let error = payments.ready().await?.call(Request::new(Full::default())).await.unwrap_err();
//! assert!(breaker_core::CircuitBreakerError::find(&*error).is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # Where the layer goes
//!
//! Above it: a `Retry`, a `Buffer`, a `Balance`, an outer `Timeout`. Below it: what belongs to the
//! dependency, such as a `ConcurrencyLimit` of its connections. A time limit below it is a failure
//! of the call. One above it drops the call, which counts as the setting `on_cancel` says. So give
//! the layer a [`timeout`](CircuitBreakerLayerBuilder::timeout).
//!
//! [`CircuitBreakerService`] says what readiness means.
//!
//! # Features
//!
//! None is on by default. A name without a version is the newest one, until our next major version.
//!
//! - `tonic`: a rejected call of a channel is a `Status` of tonic 0.14
//! - `tonic-0-14`: the same
//! - `tonic-0-13`: a `Status` of tonic 0.13
//! - `tonic-0-12`: a `Status` of tonic 0.12
//! - `reqwest`: [`CircuitBreakerLayer::http`] takes a `Client` of reqwest 0.13
//! - `reqwest-0-13`: the same
//! - `reqwest-0-12`: it takes a `Client` of reqwest 0.12
//! - `reqwest-middleware`: `CircuitBreakerMiddleware` for reqwest-middleware 0.5
//! - `reqwest-middleware-0-5`: the same
//! - `reqwest-middleware-0-4`: the same for reqwest-middleware 0.4
//! - `aws-sdk`: `CircuitBreakerHttpClient` for the AWS SDK
//! - `aws-sdk-1`: the same
//!
//! The presets of errors are features of `breaker-core`: turn on those of your client, such as
//! `hyper-util`. [`presets::any`](breaker_core::presets::any) uses all that are on.

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
