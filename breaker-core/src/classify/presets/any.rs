//! Combines all presets, for errors that may come from several clients.

use super::subject::Subject;
use crate::breaker::error_view::Known;
use crate::machine::outcome::Outcome;
use std::error::Error;

/// All presets whose features are on. The first error of the chain that one of them knows counts as
/// that preset says. Use it for functions that use several clients. They may return an
/// `anyhow::Error`, a `Box<dyn Error>`, or an error of their own with those behind it.
///
/// All crates of a program share the features, so a preset that a dependency turns on is used here
/// too. An error that no preset knows is a failure, unless a rejection by another breaker is behind
/// it.
///
/// ```
/// use breaker_core::{Outcome, presets};
/// use std::io;
///
/// let refused: Box<dyn std::error::Error> = io::Error::from(io::ErrorKind::ConnectionRefused).into();
/// let missing: Box<dyn std::error::Error> = io::Error::from(io::ErrorKind::NotFound).into();
/// assert_eq!(presets::any(&refused), Outcome::failure());
/// assert_eq!(presets::any(&missing), Outcome::success());
/// assert_eq!(presets::any(&Err::<(), _>(missing)), Outcome::success());
/// ```
pub fn any<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

const ALL: &[Known] = &[
    #[cfg(feature = "async-nats-0-51")]
    super::async_nats::known,
    #[cfg(feature = "aws-sdk-1")]
    super::aws_sdk::known,
    #[cfg(any(feature = "bb8-0-8", feature = "bb8-0-9"))]
    super::pools::bb8::known,
    #[cfg(any(feature = "deadpool-0-12", feature = "deadpool-0-13"))]
    super::pools::deadpool::known,
    #[cfg(feature = "h2-0-4")]
    super::h2::known,
    #[cfg(feature = "hyper-1")]
    super::hyper::known,
    #[cfg(feature = "hyper-util-0-1")]
    super::hyper_util::known,
    #[cfg(feature = "lapin-4")]
    super::lapin::known,
    #[cfg(feature = "redis-1")]
    super::redis::known,
    #[cfg(any(feature = "reqwest-0-12", feature = "reqwest-0-13"))]
    super::reqwest::known,
    #[cfg(feature = "rumqttc-0-25")]
    super::rumqttc::known,
    #[cfg(any(feature = "sqlx-0-8", feature = "sqlx-0-9"))]
    super::sqlx::known,
    #[cfg(feature = "tokio")]
    super::tokio::known,
    #[cfg(feature = "tokio-postgres-0-7")]
    super::tokio_postgres::known,
    #[cfg(any(feature = "tonic-0-12", feature = "tonic-0-13", feature = "tonic-0-14"))]
    super::tonic::known,
    #[cfg(any(feature = "tower-0-4", feature = "tower-0-5"))]
    super::tower::known,
    #[cfg(feature = "ureq-3")]
    super::ureq::known,
    // The last: an `io::Error` is behind the errors of all other presets.
    super::io::known,
];

fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    ALL.iter().find_map(|known| known(error))
}
