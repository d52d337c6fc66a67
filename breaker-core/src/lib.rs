//! Circuit breakers for Rust services, declared with one attribute on a function.
//!
//! A circuit breaker guards the calls from a service to a dependency. It counts failures. After
//! enough consecutive failures it *opens*: it rejects calls at once, and no call waits for a
//! dependency that is down. Later it is *half-open*: it admits a few *probes*, and it closes again
//! when they succeed. (Michael Nygard, *Release It!*, 2007.)
//!
//! ```
//! use breaker_core::circuit_breaker;
//!
//! #[circuit_breaker(name = "weather_api", fail_max = 3)]
//! fn weather(city: &str) -> std::io::Result<String> {
//!     Err(std::io::Error::other(format!("503 for {city}"))) // your call of the dependency
//! }
//!
//! for _ in 0..3 {
//!     assert_eq!(weather("Oslo").unwrap_err().to_string(), "503 for Oslo");
//! }
//! let rejection = weather("Oslo").unwrap_err(); // the breaker is open
//! assert!(breaker_core::CircuitBreakerError::find(&rejection).is_some());
//! ```
//!
//! - [`circuit_breaker`], [`fallback`](macro@fallback) and [`retry`](macro@retry) are the
//!   attributes, with all their keys.
//! - [`CircuitBreaker`] is the breaker itself, for calls that are not functions of yours.
//! - [`Config`] has the rules that open a breaker and the settings of its recovery. They are
//!   consecutive failures, rates over a [`Window`], [`Backoff`] and ramps.
//! - [`Classify`] says what an error counts as. [`presets`] has ready-made implementations for the
//!   errors of many libraries.
//! - [`CacheStore`] and [`SyncCacheStore`] keep answers for the step `cache(..)` of a fallback.
//!   [`Stored`] holds such an answer with its age.
//! - [`Registry`] knows all breakers of the process: configuration without code changes, health.
//! - [`Listener`] observes what happens. The feature `tracing` brings one.
//!
//! # Guide
//!
//! - Begin: [the first breaker](_guide::getting_started), [what counts as a
//!   failure](_guide::failures), [choose settings](_guide::settings), [all
//!   settings](_guide::reference), [come from another breaker](_guide::migrating)
//! - Functions: [fallbacks](_guide::fallbacks), [retries](_guide::retries), [one breaker per host
//!   or tenant](_guide::keys), [a limit of calls at once](_guide::bulkhead), [calls within
//!   calls](_guide::nested_calls), [streams and LLM APIs](_guide::streams)
//! - Dependencies: [what to set in a client](_guide::clients), [HTTP and
//!   gRPC](_guide::clients_http), [databases](_guide::clients_databases),
//!   [Redis](_guide::clients_redis), [the AWS SDK](_guide::clients_aws), [NATS, AMQP and
//!   MQTT](_guide::clients_messaging), [layers for tower services](_guide::clients_layers)
//! - Services: [tests](_guide::testing), [configuration](_guide::configuration),
//!   [operation](_guide::operating), [troubleshooting](_guide::troubleshooting), [the
//!   dashboard](_guide::dashboard), [without axum](_guide::without_axum), [library
//!   crates](_guide::libraries)
//!
//! # Features
//!
//! Default features:
//!
//! - `macros`: the attributes
//! - `tokio`: time limits, `ready`, `subscribe`
//! - `tracing`: log lines
//! - `register`: the breakers of annotated functions are known before their first call
//!
//! Other features:
//!
//! - `retry`: the attribute of that name
//! - `moka`: the step `cache(key = ..)` without a store, and moka's caches as stores
//! - `toml`: [`Registry::load_file`]
//! - `stream`: `guard_stream`, the key `stream`, and events as a `Stream`
//! - `metrics`: `Registry::export_metrics`, for Prometheus and other recorders
//! - `serde`: `Serialize` for [`Snapshot`], [`Health`] and [`FallbackMetadata`]
//! - `anyhow`: type items and presets see what `anyhow::Error::context` was given, and what is in
//!   a box
//! - `test-util`: time is tokio's clock, so that `tokio::time::pause` and `advance` drive every
//!   breaker. `testing` helps tests of services. It is for dev-dependencies.
//! - `reqwest`, `sqlx`, `redis`, `tonic` and many more: ready-made [`presets`]. Each
//!   [version](presets#versions) has a feature.
//!
//! # Versions
//!
//! Rust 1.85 or newer. Three features need the newer one of their crate: `sqlx-0-9` 1.94,
//! `async-nats-0-51` 1.89, `lapin-4` 1.88. No feature links a native library.
//!
//! Each dependency is required in the oldest version that works. So this crate leaves the other
//! versions of a service as they are: one with tokio 1.40 and serde 1.0.200 keeps both. There are
//! two exceptions. syn 3 may raise proc-macro2. With the feature `toml`, which `test-util` turns
//! on, the newest `toml` raises a serde before 1.0.225.
//!
//! # Out of scope
//!
//! wasm, `no_std`, and breakers that are used on both sides of a `fork`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod breaker;
mod call;
mod classify;
mod clock;
mod config;
mod fallback;
mod machine;
#[allow(missing_docs, missing_debug_implementations, reason = "for the expansion of the attributes only")]
mod macro_support;
#[cfg(test)]
#[cfg(breaker_loom)]
mod models;
mod registry;
#[cfg(feature = "retry")]
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
mod retry;
mod sync;
mod telemetry;
#[cfg(feature = "test-util")]
pub mod testing;

pub use crate::breaker::classification::Classification;
pub use crate::breaker::error::{CallError, CircuitBreakerError};
pub use crate::breaker::handle::CircuitBreaker;
pub use crate::breaker::snapshot::{Health, LastError, Snapshot, Status, WindowCounts};
pub use crate::call::owned::{During, OwnedPermit};
pub use crate::call::permit::Permit;
#[cfg(feature = "stream")]
pub use crate::call::stream::{Classifier, GuardedStream, guard_stream, guard_stream_with};
pub use crate::classify::Classify;
pub use crate::classify::presets;
pub use crate::config::error::{ConfigError, ConfigErrorKind, ConfigErrors};
pub use crate::config::keys::{Config, Settings};
pub use crate::config::report::{Report, Strict};
pub use crate::config::types::{Backoff, OnCancel, OnPanic, PerFunction, Source, Window};
pub use crate::fallback::context::{FallbackContext, FallbackMetadata};
pub use crate::fallback::served::{ServedFallback, ServedFallbacks, served_fallbacks, served_fallbacks_sync};
pub use crate::fallback::store::{CacheStore, Stored, SyncCacheStore};
pub use crate::machine::outcome::Outcome;
pub use crate::machine::state::State;
pub use crate::registry::Registry;
pub use crate::registry::call_site::CallSite;
#[cfg(feature = "tokio")]
pub use crate::registry::watch::Watch;
pub use crate::telemetry::added_listener::AddedListener;
#[cfg(feature = "tokio")]
pub use crate::telemetry::channel::{Event, EventReceiver, EventSender, event_channel};
pub use crate::telemetry::event;
pub use crate::telemetry::event::Listener;
#[cfg(feature = "metrics")]
pub use crate::telemetry::metrics;

#[cfg(feature = "macros")]
pub use breaker_macros::{Classify, circuit_breaker, fallback, retry};

#[doc(hidden)]
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub mod __rt {
    pub use crate::macro_support::*;
}

#[cfg(all(doc, not(doctest)))]
pub mod _guide;

/// Runs the examples of the README as documentation tests.
#[cfg(all(doctest, feature = "macros"))]
#[doc = include_str!("../README.md")]
mod readme {}
