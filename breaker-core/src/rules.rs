//! Rules: ready-made answers to what a result counts as.
//!
//! Each type has an `impl Classify`, so that a variant of yours can delegate to it, and [`both`] asks a whole result. The
//! thought behind all: a *failure* is a service that cannot be reached, is too slow, says itself that it cannot, or gives an
//! answer that nobody can read; an answer that blames the request is a *success*, since the service is there; a request
//! that never left is *neutral*.
//!
//! ```
//! use breaker_core::{Classify, Outcome, rules};
//! use std::io;
//!
//! #[derive(Classify)]
//! enum ApiError {
//!     #[classify(delegate)]
//!     Io(io::Error),
//!     #[classify(with = rules::http_status)]
//!     Answered { status: u16 },
//!     #[classify(neutral)]
//!     EmptyQuery,
//! }
//!
//! assert_eq!(ApiError::Answered { status: 404 }.classify(), Outcome::success());
//! assert_eq!(ApiError::Answered { status: 503 }.classify(), Outcome::failure());
//! assert_eq!(ApiError::Io(io::ErrorKind::ConnectionRefused.into()).classify(), Outcome::failure());
//! assert_eq!(ApiError::EmptyQuery.classify(), Outcome::neutral());
//! ```
//!
//! # HTTP status codes
//!
//! [`http_status`]; with the feature `http` also `http::StatusCode` and `http::Response`, with the feature `reqwest`
//! `reqwest::Response`.
//!
//! | status | counts as |
//! | --- | --- |
//! | 408 Request Timeout, 429 Too Many Requests, 500 to 599 | failure; of a response its `Retry-After` rides along |
//! | every other one | success |
//!
//! `Retry-After` is read as a number of seconds, or as a date: then it is the time from the response's own `Date`, or, without
//! one, from now; a date that is past counts as 0. One that cannot be read is none.
//!
//! # `std::io::Error`
//!
//! | kind | counts as |
//! | --- | --- |
//! | `NotFound`, `PermissionDenied`, `AlreadyExists`, `NotADirectory`, `IsADirectory`, `DirectoryNotEmpty` | success |
//! | `InvalidInput`, `InvalidFilename`, `ArgumentListTooLong`, `AddrInUse`, `AddrNotAvailable`, `Unsupported`, `OutOfMemory`, `Interrupted`, `WouldBlock` | neutral |
//! | `ConnectionRefused`, `ConnectionReset`, `ConnectionAborted`, `NotConnected`, `HostUnreachable`, `NetworkUnreachable`, `NetworkDown`, `BrokenPipe`, `TimedOut`, `UnexpectedEof`, `InvalidData`, and every other one | failure |
//! | any, made from a `CircuitBreakerError` | as that |
//!
//! # Versions
//!
//! A type belongs to one version of its crate, and so do the rules: the feature of the version that a service uses has to be on.
//!
//! | crate | version | feature |
//! | --- | --- | --- |
//! | `http` | 1 | `http-1`, or `http` |
//! | | 0.2 | `http-0-2` |
//! | `reqwest` | 0.13 | `reqwest-0-13`, or `reqwest` |
//! | | 0.12 | `reqwest-0-12` |
//! | `tonic` | 0.14 | `tonic-0-14`, or `tonic` |
//! | | 0.13, 0.12 | `tonic-0-13`, `tonic-0-12` |
//!
//! Several can be on at once. The name without a version stands for the same version until our next major one.
//!
//! # `reqwest::Error` (feature `reqwest`)
//!
//! | error | counts as |
//! | --- | --- |
//! | any that comes from a `CircuitBreakerError` | as that |
//! | of a status (`error_for_status`) | as the status; its `Retry-After` is lost, for the error has no headers: ask the `Response` |
//! | `is_builder`: the request cannot be made | neutral |
//! | `is_redirect`: too many, or refused by your policy | success |
//! | any other: connect, time-out, a body that breaks off or cannot be decoded | failure |
//!
//! # `tonic::Status` (feature `tonic`)
//!
//! | code | counts as |
//! | --- | --- |
//! | any, made from a `CircuitBreakerError` (`Status::from_error`) | as that |
//! | `Unavailable`, `DeadlineExceeded`, `ResourceExhausted`, `Internal`, `Unknown`, `DataLoss` | failure; `grpc-retry-pushback-ms` or `retry-after` of its metadata rides along |
//! | `Cancelled` with an error behind it: a time limit of the `Endpoint` or the `Request`, or a connection that ended under the call | failure, in the same way |
//! | `Cancelled` without one: the server's own word | neutral |
//! | `Ok`, `InvalidArgument`, `NotFound`, `AlreadyExists`, `PermissionDenied`, `FailedPrecondition`, `Aborted`, `OutOfRange`, `Unimplemented`, `Unauthenticated` | success |
//!
//! A `tonic::Response` is a success. A `Status` can be made of a `CircuitBreakerError`, so that a function that returns a `Result<_, Status>` can be annotated:
//! `Unavailable` with the text of the error, `retry-after` in its metadata where the breaker knows it, and the error as its `source()`. A time-out is a
//! `DeadlineExceeded`.
//!
//! ```
//! # #[cfg(all(feature = "tonic", feature = "macros"))] {
//! # use tonic_0_14 as tonic;
//! use breaker_core::{Registry, circuit_breaker};
//!
//! #[circuit_breaker(name = "greeter", classify)]
//! fn greet(name: &str) -> Result<tonic::Response<String>, tonic::Status> {
//!     Ok(tonic::Response::new(format!("Hello, {name}")))
//! }
//!
//! assert!(greet("Ann").is_ok());
//! Registry::global().get("greeter").unwrap().trip(); // an outage
//! let status = greet("Ann").unwrap_err();
//! assert_eq!(status.code(), tonic::Code::Unavailable);
//! assert_eq!(status.metadata().get("retry-after").unwrap(), "30");
//! # }
//! ```
//!
//! # `CircuitBreakerError`
//!
//! For a function that calls another one with a breaker: a rejection is neutral, since nobody was asked; a time-out is a
//! failure. The attribute says so by itself; [`errors`] says it for calls by a handle.

#[cfg(any(feature = "http-1", feature = "http-0-2"))]
mod http;
mod io;
#[cfg(any(feature = "reqwest-0-12", feature = "reqwest-0-13"))]
mod reqwest;
#[cfg(any(feature = "tonic-0-12", feature = "tonic-0-13", feature = "tonic-0-14"))]
mod tonic;

use crate::classify::Classify;
use crate::error::CircuitBreakerError;
use crate::outcome::Outcome;

#[cfg(feature = "http-0-2")]
pub use self::http::http_0_2;
#[cfg(feature = "http-1")]
pub use self::http::http_1::{self, retry_after};
pub use crate::worded::{Show, Shown};

/// What a whole result counts as, where both sides say it: `#[circuit_breaker(classify = rules::both)]`. For instance an HTTP
/// response, which is `Ok` whatever its status.
pub fn both<T: Classify, E: Classify>(result: &Result<T, E>) -> Outcome {
    match result {
        Ok(value) => value.classify(),
        Err(error) => error.classify(),
    }
}

/// What the attribute without a key says, for calls by a handle: every `Err` is a failure, but for one that is, or comes from, a rejection by
/// another breaker. That is neutral, since nobody was asked. The error's text, and that of the errors behind it, are shown.
///
/// The error is any `Error`, a `Box<dyn Error>`, an `anyhow::Error` or a string.
///
/// ```
/// # use breaker_core::{CircuitBreaker, Config, rules};
/// let (outer, inner) = (CircuitBreaker::new("outer", Config::new())?, CircuitBreaker::new("inner", Config::new())?);
/// inner.force_open();
/// outer.call_sync_with(|| inner.call_sync(|| Ok::<_, std::io::Error>(1)), rules::errors).unwrap_err();
/// assert_eq!(outer.snapshot().failure_count, 0);
/// # Ok::<(), breaker_core::ConfigError>(())
/// ```
pub fn errors<T, E: Show<Way>, Way>(result: &Result<T, E>) -> Shown<E> {
    Shown::of(result.as_ref().map(|_| ()))
}

/// What an HTTP status counts as, by the table [above](self#http-status-codes). It takes a reference, so that it can stand in
/// `#[classify(with = rules::http_status)]`.
#[must_use]
pub const fn http_status(status: &u16) -> Outcome {
    match *status {
        408 | 429 | 500..=599 => Outcome::failure(),
        _ => Outcome::success(),
    }
}

impl Classify for CircuitBreakerError {
    fn classify(&self) -> Outcome {
        if self.is_timeout() { Outcome::failure() } else { Outcome::neutral() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_blames_the_service_is_a_failure() {
        for status in [408, 429, 500, 502, 503, 504, 599] {
            assert_eq!(http_status(&status), Outcome::failure(), "{status}");
        }
        for status in [200, 204, 301, 304, 400, 401, 403, 404, 409, 422, 428, 430, 499, 600] {
            assert_eq!(http_status(&status), Outcome::success(), "{status}");
        }
    }
}
