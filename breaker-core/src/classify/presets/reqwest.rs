//! Classifies the errors and responses of each version of reqwest. `tests/tests/http_presets.rs`
//! tests what reqwest itself returns.

use super::subject::Subject;
use crate::machine::outcome::Outcome;
use std::error::Error;

/// The preset for `reqwest::Error` (feature `reqwest`).
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | 0.12.28, 0.13.5 |
/// | of a status (`error_for_status`) | as the status | its `Retry-After` is lost, since the error has no headers: classify the `Response` | 0.12.28, 0.13.5 |
/// | `is_builder` | ignored | the request cannot be made | 0.12.28, 0.13.5 |
/// | `is_builder` because of a URL that is neither `http` nor `https` | success | a redirect led there; a URL of yours of that kind has the same error | 0.12.28, 0.13.5 |
/// | `is_redirect`: too many, or refused by your policy | success | it answered | 0.12.28, 0.13.5 |
/// | your own body stream failed | ignored | over HTTP/2 the feature `h2` is needed to see it | 0.12.28, 0.13.5 |
/// | an upgrade that the answer did not bring | ignored | its status is not in the error: check the `Response` first | 0.12.28, 0.13.5 |
/// | this machine has no port, descriptor or memory left | ignored | nothing was sent; but a name that is looked up without a descriptor is "not known", which is a failure | 0.12.28, 0.13.5 |
/// | `https` in a build of reqwest without TLS | ignored | nothing was sent | 0.12.28, 0.13.5 |
/// | the proxy asks for other credentials (407) | ignored | the service was not called | 0.12.28, 0.13.5 |
/// | any other: connect, timeout, a body that breaks off or cannot be decoded | failure | | 0.12.28, 0.13.5 |
///
/// The error does not show everything. An answer with a status of 404 or 503 may be read by
/// `.json()` without `error_for_status`. That is an error of decoding, whatever the status, and
/// so a failure. A `read_timeout` also ends a body that the caller itself reads too slowly.
pub fn reqwest<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

pub(super) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    #[cfg(feature = "reqwest-0-13")]
    if let Some(outcome) = super::subject::of::<::reqwest_0_13::Error>(error) {
        return Some(outcome);
    }
    #[cfg(feature = "reqwest-0-12")]
    if let Some(outcome) = super::subject::of::<::reqwest_0_12::Error>(error) {
        return Some(outcome);
    }
    let _ = error;
    None
}

/// The presets for one version.
macro_rules! presets {
    ($reqwest:ident) => {
        mod $reqwest {
            use crate::breaker::error::CircuitBreakerError;
            use crate::breaker::error_chain::{as_one, chain};
            use crate::classify::Classify;
            use crate::classify::presets::http::http_1::with_headers;
            use crate::classify::presets::io::never_left;
            use crate::classify::presets::texts::{cannot_be_sent, not_upgraded, proxy_refuses};
            use crate::classify::value::HttpStatus;
            use crate::machine::outcome::Outcome;
            use ::$reqwest::{Error, Response};

            impl Classify for Error {
                fn classify(&self) -> Outcome {
                    if let Some(error) = CircuitBreakerError::find(self) {
                        return error.classify();
                    }
                    match self.status() {
                        Some(status) => status.classify(),
                        None if self.is_builder() => of_request(self),
                        None if self.is_redirect() => Outcome::success(),
                        None if is_own(self) => Outcome::ignored(),
                        None => Outcome::failure(),
                    }
                }
            }

            fn of_request(error: &Error) -> Outcome {
                let of_http = |url: &::$reqwest::Url| matches!(url.scheme(), "http" | "https");
                if error.url().is_none_or(of_http) { Outcome::ignored() } else { Outcome::success() }
            }

            /// Whether the service was not called, or got only a part of the request.
            fn is_own(error: &Error) -> bool {
                never_left(error)
                    || not_upgraded(error)
                    || error.is_request() && own_body(error)
                    || error.is_connect() && (proxy_refuses(error) || cannot_be_sent(error))
            }

            fn own_body(error: &Error) -> bool {
                #[cfg(feature = "h2-0-4")]
                if crate::breaker::error_chain::any_of(error, crate::classify::presets::h2::is_own) {
                    return true;
                }
                chain(error).skip(1).filter_map(as_one::<Error>).any(Error::is_body)
            }

            impl HttpStatus for Response {
                fn http_status(&self) -> u16 {
                    self.status().as_u16()
                }
            }

            impl Classify for Response {
                fn classify(&self) -> Outcome {
                    with_headers(self.status(), self.headers())
                }
            }
        }
    };
}

#[cfg(feature = "reqwest-0-12")]
presets!(reqwest_0_12);
#[cfg(feature = "reqwest-0-13")]
presets!(reqwest_0_13);
