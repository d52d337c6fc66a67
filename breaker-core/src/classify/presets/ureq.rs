//! Classifies `ureq::Error`.

use super::io::never_left;
use super::status::http_status;
use super::subject::{self, Subject};
use crate::breaker::error::CircuitBreakerError;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::ureq_3::Error;
use std::error;

/// The preset for `ureq::Error` (feature `ureq`).
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that holds a `CircuitBreakerError` | as that | the service was not called | 3.5.2 |
/// | `StatusCode` | as [`http_status`] | its `Retry-After` is lost: with `http_status_as_error(false)` the response has it, and is [`Classify`] as any `http::Response` | 3.5.2 |
/// | `Http`, `BadUri`, `RequireHttpsOnly`, `InvalidProxyUrl`, `TlsRequired`, and a `Protocol` error of the request's own headers or body | ignored | the request cannot be made | 3.5.2 |
/// | `BodyExceedsLimit` | ignored | a limit of this side | 3.5.2 |
/// | `Io` for which this machine has no port, descriptor or memory left | ignored | nothing was sent | 3.5.2 |
/// | `ConnectProxyFailed` with a 407 | ignored | the proxy asks for credentials | 3.5.2 |
/// | `TooManyRedirects`, `RedirectFailed` | success | it answered | 3.5.2 |
/// | `Timeout`, `HostNotFound`, `ConnectionFailed`, `Io`, `Protocol`, `Json`, and every other one | failure | | 3.5.2 |
///
/// ureq has no limit by default, and a breaker cannot time out a call that is not async: set
/// `timeout_global`.
///
/// An error of ureq has no `source()`. A body that you send from a reader of your own, and that
/// breaks off there, is an `Io` error too, and so a failure.
pub fn ureq<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

pub(super) fn known(error: &(dyn error::Error + 'static)) -> Option<Outcome> {
    subject::of::<Error>(error)
}

impl Classify for Error {
    fn classify(&self) -> Outcome {
        match self {
            Self::StatusCode(status) => http_status(status),
            Self::Http(_)
            | Self::BadUri(_)
            | Self::RequireHttpsOnly(_)
            | Self::InvalidProxyUrl
            | Self::TlsRequired
            | Self::BodyExceedsLimit(_) => Outcome::ignored(),
            Self::TooManyRedirects | Self::RedirectFailed => Outcome::success(),
            Self::ConnectProxyFailed(reason) if reason.contains("407") => Outcome::ignored(),
            Self::Protocol(error) if is_of_request(&format!("{error:?}")) => Outcome::ignored(),
            Self::Io(error) => of_error(error),
            Self::Other(error) => of_error(&**error),
            _ => Outcome::failure(),
        }
    }
}

fn of_error(error: &(dyn error::Error + 'static)) -> Outcome {
    match CircuitBreakerError::find(error) {
        Some(error) => error.classify(),
        None if never_left(error) => Outcome::ignored(),
        None => Outcome::failure(),
    }
}

/// Whether the protocol forbids the request. The type of these errors is not exported.
fn is_of_request(error: &str) -> bool {
    const OF_REQUEST: &[&str] = &[
        "MethodVersionMismatch",
        "TooManyHostHeaders",
        "TooManyContentLengthHeaders",
        "BadHostHeader",
        "BadAuthorizationHeader",
        "BodyLargerThanContentLength",
        "BodyNotAllowed",
    ];
    OF_REQUEST.iter().any(|name| error.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::ureq as preset;
    use super::*;
    use std::io::{self, ErrorKind};

    #[test]
    fn each_error_counts_by_the_table() {
        for (error, expected) in [
            (Error::StatusCode(503), Outcome::failure()),
            (Error::StatusCode(404), Outcome::success()),
            (Error::BadUri("no url".into()), Outcome::ignored()),
            (Error::BodyExceedsLimit(3), Outcome::ignored()),
            (Error::TooManyRedirects, Outcome::success()),
            (Error::HostNotFound, Outcome::failure()),
            (Error::Io(ErrorKind::ConnectionRefused.into()), Outcome::failure()),
            (Error::Io(ErrorKind::AddrInUse.into()), Outcome::ignored()),
            (Error::ConnectProxyFailed("proxy server responded 407".into()), Outcome::ignored()),
            (Error::ConnectProxyFailed("proxy server responded 502".into()), Outcome::failure()),
            (Error::Other("else".into()), Outcome::failure()),
        ] {
            assert_eq!(error.classify(), expected, "{error}");
            assert_eq!(preset(&io::Error::other(error)), expected);
        }
    }

    #[test]
    fn a_rejection_in_a_connector_is_ignored() {
        let breaker = crate::CircuitBreaker::new("inner", crate::Config::new()).unwrap();
        breaker.force_open();
        let rejection = || breaker.try_acquire().unwrap_err();
        assert_eq!(Error::Other(rejection().into()).classify(), Outcome::ignored());
        assert_eq!(Error::Io(rejection().into()).classify(), Outcome::ignored());
    }
}
