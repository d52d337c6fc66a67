//! Provides presets: ready-made classifications for the errors of many libraries.
//!
//! All presets follow the same idea. A *failure* is a service that cannot be reached, is too slow,
//! or reports itself that it cannot serve. An answer that cannot be read is a failure too. An
//! answer that blames the request is a *success*, since the service is there. A request that never
//! left is *ignored*. So are your own pool, limit or shutdown, and a rejection by another breaker.
//! Each table was run against the real service, with the versions that it names.
//!
//! # How to use one
//!
//! | the function returns | write |
//! | --- | --- |
//! | an error of the library | `classify` alone: its types are [`Classify`]. Most of them cannot be made of a rejection: `open = not_called` says how |
//! | an `anyhow::Error`, a `Box<dyn Error>`, or an error of yours that has it as its `source()` | `classify = presets::io`, and so on: the first error of the chain that the preset knows decides; any other is a failure, unless a rejection by another breaker is behind it |
//! | an `Arc` of one of those or of an error, as a cache or a shared future returns it | the same; `open = |rejection| Arc::new(rejection.into())` makes one of a rejection |
//! | errors of several libraries, in one of those | `classify = presets::any` |
//! | an enum of yours | `#[derive(Classify)]`, with `#[classify(delegate)]` on the variant that has an error of the library, and `#[classify(with = presets::io)]` on one that has an `anyhow::Error` |
//! | an HTTP response, or another answer that may be a failure | any row above: an answer that is [`Classify`] says itself what it counts as, also beside `classify = presets::any` |
//!
//! Write a preset by its path `presets::..`. A function of your own, a closure, and a preset under
//! another path get the whole result, and nothing else is asked.
//!
//! A call by a handle takes the same functions: `call_classified(future, presets::io)`. They are
//! about errors, so any `Ok` is a success there. For an HTTP response write a closure:
//!
//! ```
//! # use breaker_core::{CircuitBreaker, Classify, Config, Outcome, presets};
//! # struct Response(u16);
//! # impl Classify for Response {
//! #     fn classify(&self) -> Outcome { presets::http_status(&self.0) }
//! # }
//! # fn get() -> std::io::Result<Response> { Ok(Response(503)) }
//! # let breaker = CircuitBreaker::new("search", Config::new())?;
//! let answer = breaker.call_sync_classified(get, |result| match result {
//!     Ok(response) => presets::errors(result).with_outcome(response.classify()),
//!     Err(_) => presets::io(result),
//! });
//! assert_eq!(breaker.snapshot().failure_count, 1);
//! # answer.unwrap();
//! # Ok::<(), breaker_core::ConfigError>(())
//! ```
//!
//! ```
//! use breaker_core::{Classify, Outcome, presets};
//! use std::io;
//!
//! #[derive(Classify)]
//! enum ApiError {
//!     #[classify(delegate)]
//!     Io(io::Error),
//!     #[classify(with = presets::http_status)]
//!     Answered { status: u16 },
//!     #[classify(ignored)]
//!     EmptyQuery,
//! }
//!
//! assert_eq!(ApiError::Answered { status: 404 }.classify(), Outcome::success());
//! assert_eq!(ApiError::Answered { status: 503 }.classify(), Outcome::failure());
//! assert_eq!(ApiError::Io(io::ErrorKind::ConnectionRefused.into()).classify(), Outcome::failure());
//! assert_eq!(ApiError::EmptyQuery.classify(), Outcome::ignored());
//! ```
//!
//! # HTTP status codes
//!
//! [`http_status`]; with the feature `http` also `http::StatusCode` and `http::Response`, with the
//! feature `reqwest` `reqwest::Response`.
//!
//! | status | counts as |
//! | --- | --- |
//! | 408 Request Timeout, 429 Too Many Requests, 500 to 599 | failure; for a response with its `Retry-After` |
//! | 407 Proxy Authentication Required | ignored: a proxy says so, and the service was not called |
//! | every other one | success |
//!
//! `Retry-After` is read as a number of seconds, or as a date. A date counts as the time from the
//! response's own `Date`, or, without one, from now. A date in the past counts as 0. A value that
//! cannot be read counts as none.
//!
//! # Versions
//!
//! A type belongs to one version of its crate, and so does a preset. The feature of the version
//! that a service uses has to be on. Without it, the compiler finds no such function, and names the
//! feature.
//!
//! A preset has the name of its crate, with `_` for `-`: `presets::tokio_postgres`,
//! `presets::aws_sdk`. The preset of `http` is [`both`], and `presets::tonic` is for
//! `tonic::transport` too. Each function's page has a table: error, counts as, why, seen with which
//! version. The guide describes the [settings of each client](crate::_guide::clients).
//!
//! | crate | version | feature |
//! | --- | --- | --- |
//! | `async-nats` | 0.51 | `async-nats-0-51`, or `async-nats` |
//! | the AWS SDK (`aws-smithy-runtime-api`) | 1 | `aws-sdk-1`, or `aws-sdk` |
//! | `bb8` | 0.9 | `bb8-0-9`, or `bb8` |
//! | | 0.8 | `bb8-0-8` |
//! | `deadpool` | 0.13 | `deadpool-0-13`, or `deadpool` |
//! | | 0.12 | `deadpool-0-12` |
//! | `h2` | 0.4 | `h2-0-4`, or `h2` |
//! | `http` | 1 | `http-1`, or `http` |
//! | | 0.2 | `http-0-2` |
//! | `hyper` | 1 | `hyper-1`, or `hyper` |
//! | `hyper-util` (`client::legacy`) | 0.1 | `hyper-util-0-1`, or `hyper-util` |
//! | `lapin` | 4 | `lapin-4`, or `lapin` |
//! | `redis` | 1 | `redis-1`, or `redis` |
//! | `reqwest` | 0.13 | `reqwest-0-13`, or `reqwest` |
//! | | 0.12 | `reqwest-0-12` |
//! | `rumqttc` | 0.25 | `rumqttc-0-25`, or `rumqttc` |
//! | `sqlx` | 0.9 | `sqlx-0-9`, or `sqlx` |
//! | | 0.8 | `sqlx-0-8` |
//! | `tokio-postgres` | 0.7 | `tokio-postgres-0-7`, or `tokio-postgres` |
//! | `tonic` | 0.14 | `tonic-0-14`, or `tonic` |
//! | | 0.13, 0.12 | `tonic-0-13`, `tonic-0-12` |
//! | `tonic::transport` | as the features above | `tonic-transport` beside one of them |
//! | `tower` | 0.5 | `tower-0-5`, or `tower` |
//! | | 0.4 | `tower-0-4` |
//! | `ureq` | 3 | `ureq-3`, or `ureq` |
//!
//! Several can be on at once. The name without a version means the same version until our next
//! major one.
//!
//! # `CircuitBreakerError`
//!
//! For a function that calls another function with a breaker. A rejection is ignored, since the
//! service was not called. A timeout is a failure. The attribute does so by itself; [`errors`]
//! does so for calls by a handle.

// What is inside: a file for each library, with its table of errors and its tests, and files that
// several of them use.
//
// - Any errors and results: `any`, `result`, `io`, `tokio`
// - HTTP: `http`, `status`, `retry_after`, `texts`, `reqwest`, `hyper`, `hyper_util`, `h2`, `ureq`,
//   `tower`, `tonic`, `aws_sdk`
// - Databases: `sqlx`, `tokio_postgres`, `sqlstate`, `sqlite`, `redis`, `pools`
// - Messages: `async_nats`, `lapin`, `rumqttc`
// - `subject`: what a preset accepts, and how it finds the error that it knows
//
// May use: `classify`, `breaker` and what is below them. To add a preset, see `classify/mod.rs`.

mod any;
#[cfg(feature = "async-nats-0-51")]
mod async_nats;
#[cfg(feature = "aws-sdk-1")]
mod aws_sdk;
#[cfg(feature = "h2-0-4")]
mod h2;
#[cfg(any(feature = "http-1", feature = "http-0-2"))]
mod http;
#[cfg(feature = "hyper-1")]
mod hyper;
#[cfg(feature = "hyper-util-0-1")]
mod hyper_util;
mod io;
#[cfg(feature = "lapin-4")]
mod lapin;
#[cfg(any(feature = "bb8-0-8", feature = "bb8-0-9", feature = "deadpool-0-12", feature = "deadpool-0-13"))]
mod pools;
#[cfg(feature = "redis-1")]
mod redis;
#[cfg(any(feature = "reqwest-0-12", feature = "reqwest-0-13"))]
mod reqwest;
mod result;
#[cfg(any(
    feature = "aws-sdk-1",
    feature = "http-1",
    feature = "http-0-2",
    feature = "tonic-0-12",
    feature = "tonic-0-13",
    feature = "tonic-0-14"
))]
mod retry_after;
#[cfg(feature = "rumqttc-0-25")]
mod rumqttc;
#[cfg(any(feature = "sqlx-0-8", feature = "sqlx-0-9"))]
mod sqlite;
#[cfg(any(feature = "sqlx-0-8", feature = "sqlx-0-9", feature = "tokio-postgres-0-7"))]
mod sqlstate;
#[cfg(any(feature = "sqlx-0-8", feature = "sqlx-0-9"))]
pub mod sqlx;
mod status;
mod subject;
#[cfg(any(
    feature = "hyper-util-0-1",
    feature = "reqwest-0-12",
    feature = "reqwest-0-13",
    feature = "tonic-0-12",
    feature = "tonic-0-13",
    feature = "tonic-0-14"
))]
mod texts;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg(feature = "tokio-postgres-0-7")]
mod tokio_postgres;
#[cfg(any(feature = "tonic-0-12", feature = "tonic-0-13", feature = "tonic-0-14"))]
mod tonic;
#[cfg(any(feature = "tower-0-4", feature = "tower-0-5"))]
mod tower;
#[cfg(feature = "ureq-3")]
mod ureq;

use crate::breaker::error::CircuitBreakerError;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;

pub use self::any::any;
#[cfg(feature = "async-nats-0-51")]
pub use self::async_nats::async_nats;
#[cfg(feature = "aws-sdk-1")]
pub use self::aws_sdk::{aws_code, aws_sdk};
#[cfg(feature = "h2-0-4")]
pub use self::h2::h2;
#[cfg(feature = "http-0-2")]
pub use self::http::http_0_2;
#[cfg(feature = "http-1")]
pub use self::http::http_1::{self, retry_after};
#[cfg(feature = "hyper-1")]
pub use self::hyper::hyper;
#[cfg(feature = "hyper-util-0-1")]
pub use self::hyper_util::hyper_util;
pub use self::io::io;
#[cfg(feature = "lapin-4")]
pub use self::lapin::lapin;
#[cfg(any(feature = "bb8-0-8", feature = "bb8-0-9"))]
pub use self::pools::bb8::bb8;
#[cfg(any(feature = "deadpool-0-12", feature = "deadpool-0-13"))]
pub use self::pools::deadpool::deadpool;
#[cfg(feature = "redis-1")]
pub use self::redis::redis;
#[cfg(any(feature = "reqwest-0-12", feature = "reqwest-0-13"))]
pub use self::reqwest::reqwest;
pub use self::result::{both, errors};
#[cfg(feature = "rumqttc-0-25")]
pub use self::rumqttc::rumqttc;
#[cfg(any(feature = "sqlx-0-8", feature = "sqlx-0-9"))]
pub use self::sqlx::sqlx;
pub use self::status::http_status;
pub use self::subject::{Alone, Subject, Whole};
#[cfg(feature = "tokio")]
pub use self::tokio::tokio;
#[cfg(feature = "tokio-postgres-0-7")]
pub use self::tokio_postgres::tokio_postgres;
#[cfg(any(feature = "tonic-0-12", feature = "tonic-0-13", feature = "tonic-0-14"))]
pub use self::tonic::tonic;
#[cfg(any(feature = "tower-0-4", feature = "tower-0-5"))]
pub use self::tower::tower;
#[cfg(feature = "ureq-3")]
pub use self::ureq::ureq;
pub use crate::classify::shown::{Show, Shown};

impl Classify for CircuitBreakerError {
    fn classify(&self) -> Outcome {
        self.counts_as()
    }
}
