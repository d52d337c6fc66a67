//! Classifies the statuses and responses of each version of tonic, and makes a status of a
//! rejection.

use super::subject::Subject;
use crate::machine::outcome::Outcome;
use std::error::Error;

/// The preset for `tonic::Status` (feature `tonic`), and for `tonic::transport::Error` (feature
/// `tonic-transport`).
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | 0.12.3, 0.13.1, 0.14.9 |
/// | with an `h2::Error` behind it | as [`h2`](super::h2()), whatever the code | a reset of the server is no answer of the service; a message that is too large for this side's own limit is a reset "sent by user" | 0.12.3, 0.13.1, 0.14.9 |
/// | this machine has no port, descriptor or memory left; `https` without TLS set up; an address without a scheme | ignored | nothing was sent | 0.12.3, 0.13.1, 0.14.9 |
/// | an HTTP status in place of gRPC's, of a proxy, without a body or with one of five bytes or more | 408, 429 and 5xx: failure; other 4xx: success; others: failure | as [`http_status`](super::http_status), but a redirect or a page is no answer | 0.12.3, 0.13.1, 0.14.9 |
/// | `Unavailable`, `DeadlineExceeded`, `ResourceExhausted`, `Internal`, `Unknown`, `DataLoss` | failure | | 0.12.3, 0.13.1, 0.14.9 |
/// | `Cancelled` | failure | a time limit of the `Endpoint`, of the request or of the server, a handler that panicked, a dying connection; a caller who cancels sees no `Status` | 0.12.3, 0.13.1, 0.14.9 |
/// | `Ok`, `InvalidArgument`, `NotFound`, `AlreadyExists`, `PermissionDenied`, `FailedPrecondition`, `Aborted`, `OutOfRange`, `Unimplemented`, `Unauthenticated` | success | it answered | 0.12.3, 0.13.1, 0.14.9 |
/// | `transport::Error`, of `Endpoint` and its `connect` | failure; ignored as above, and for what is no address or user agent | | 0.12.3, 0.13.1, 0.14.9 |
///
/// A failure keeps `grpc-retry-pushback-ms` of the metadata, or `retry-after` in seconds or as a
/// date. A negative pushback ("not again") is no time.
///
/// Connecting may hang under both limits of an `Endpoint`: `timeout` begins after it, and
/// `connect_timeout` covers TCP and not TLS. So give the function a `timeout`.
///
/// A `tonic::Response` is a success. A `Status` can be made of a `CircuitBreakerError`, so that a
/// function that returns a `Result<_, Status>` can be annotated. The status is `Unavailable` with
/// the text of the error. Its metadata has `retry-after` where the breaker knows it, and its
/// `source()` is the error. A timeout is a `DeadlineExceeded`.
///
/// ```
/// # #[cfg(all(feature = "tonic", feature = "macros"))] {
/// # use tonic_0_14 as tonic;
/// use breaker_core::{Registry, circuit_breaker};
///
/// #[circuit_breaker(name = "greeter", classify)]
/// fn greet(name: &str) -> Result<tonic::Response<String>, tonic::Status> {
///     Ok(tonic::Response::new(format!("Hello, {name}")))
/// }
///
/// assert!(greet("Ann").is_ok());
/// Registry::global().get("greeter").unwrap().trip(); // an outage
/// let status = greet("Ann").unwrap_err();
/// assert_eq!(status.code(), tonic::Code::Unavailable);
/// assert_eq!(status.metadata().get("retry-after").unwrap(), "30");
/// # }
/// ```
pub fn tonic<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

pub(super) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    let known = [
        #[cfg(feature = "tonic-0-14")]
        tonic_0_14::known,
        #[cfg(feature = "tonic-0-13")]
        tonic_0_13::known,
        #[cfg(feature = "tonic-0-12")]
        tonic_0_12::known,
    ];
    known.iter().find_map(|known| known(error))
}

/// What an HTTP status in place of gRPC's says, where tonic itself made the message. The code has
/// to be the one that tonic makes of that status. The status is only in the message: at its end,
/// where a body came with it.
fn http_status(code: i32, message: &str) -> Option<Outcome> {
    const UNKNOWN: i32 = 2;
    const INTERNAL: i32 = 13;
    const UNAVAILABLE: i32 = 14;
    let (text, with_body) = match message.strip_prefix("grpc-status header missing, mapped from HTTP status code ") {
        Some(text) => (text, false),
        None => {
            let flag = message.strip_prefix("protocol error: received message with invalid compression flag: ")?;
            (flag.split_once("while receiving response with status: ")?.1, true)
        }
    };
    let digits = text.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let status: u16 = digits.parse().ok()?;
    let made_of_it = match status {
        _ if with_body => INTERNAL,
        400 => INTERNAL,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => UNAVAILABLE,
        _ => UNKNOWN,
    };
    (code == made_of_it).then(|| match status {
        400..=499 => super::status::http_status(&status),
        _ => Outcome::failure(),
    })
}

/// The presets for one version.
macro_rules! presets {
    ($tonic:ident) => {
        mod $tonic {
            use crate::classify::Classify;
            use crate::breaker::error::CircuitBreakerError;
            use crate::machine::outcome::Outcome;
            use ::$tonic::{Code, Response, Status};
            use crate::classify::presets::h2;
            use crate::classify::presets::io::never_left;
            use crate::classify::presets::retry_after::requested;
            use crate::classify::presets::subject;
            use crate::classify::presets::texts::cannot_be_sent;
            use crate::classify::presets::tonic::http_status;
            use std::sync::Arc;
            use std::time::Duration;

            impl Classify for Status {
                fn classify(&self) -> Outcome {
                    match outcome(self) {
                        Outcome::Failure { .. } => {
                            retry_after(self).map_or(Outcome::failure(), Outcome::failure_with_retry_after)
                        }
                        other => other,
                    }
                }
            }

            fn outcome(status: &Status) -> Outcome {
                if let Some(error) = CircuitBreakerError::find(status) {
                    return error.classify();
                }
                // HTTP/2 says more than the code that was made of it.
                if let Some(outcome) = h2::behind(status) {
                    return outcome;
                }
                if never_left(status) || cannot_be_sent(status) {
                    return Outcome::ignored();
                }
                match http_status(status.code().into(), status.message()) {
                    Some(http) => http,
                    None => of_code(status.code()),
                }
            }

            fn of_code(code: Code) -> Outcome {
                match code {
                    // A caller who cancels sees no status: a time limit, the connection or the
                    // server has cancelled.
                    Code::Cancelled
                    | Code::Unavailable
                    | Code::DeadlineExceeded
                    | Code::ResourceExhausted
                    | Code::Internal
                    | Code::Unknown
                    | Code::DataLoss => Outcome::failure(),
                    Code::Ok
                    | Code::InvalidArgument
                    | Code::NotFound
                    | Code::AlreadyExists
                    | Code::PermissionDenied
                    | Code::FailedPrecondition
                    | Code::Aborted
                    | Code::OutOfRange
                    | Code::Unimplemented
                    | Code::Unauthenticated => Outcome::success(),
                }
            }

            pub(super) fn known(error: &(dyn std::error::Error + 'static)) -> Option<Outcome> {
                #[cfg(feature = "tonic-transport")]
                if let Some(outcome) = subject::of::<::$tonic::transport::Error>(error) {
                    return Some(outcome);
                }
                subject::of::<Status>(error)
            }

            /// For `Endpoint::connect`.
            #[cfg(feature = "tonic-transport")]
            impl Classify for ::$tonic::transport::Error {
                fn classify(&self) -> Outcome {
                    match CircuitBreakerError::find(self) {
                        Some(error) => error.classify(),
                        None if never_left(self) || cannot_be_sent(self) => Outcome::ignored(),
                        None => h2::behind(self).unwrap_or(Outcome::failure()),
                    }
                }
            }

            /// A service that fails answers with a `Status`.
            impl<T> Classify for Response<T> {
                fn classify(&self) -> Outcome {
                    Outcome::success()
                }
            }

            /// gRPC's own value (a negative one means "not again", which is no time), or that of a
            /// proxy.
            fn retry_after(status: &Status) -> Option<Duration> {
                let header = |name| status.metadata().get(name)?.to_str().ok();
                let pushback = header("grpc-retry-pushback-ms").and_then(|millis| millis.trim().parse().ok());
                pushback.map(Duration::from_millis).or_else(|| requested(header))
            }

            /// `Unavailable`, or `DeadlineExceeded` for a call that exceeded its time limit. The
            /// metadata has `retry-after` in whole seconds where the breaker knows them, and
            /// `source()` is the error itself.
            impl From<CircuitBreakerError> for Status {
                fn from(error: CircuitBreakerError) -> Self {
                    let code = if error.is_timeout() { Code::DeadlineExceeded } else { Code::Unavailable };
                    let mut status = Status::new(code, error.to_string());
                    if let Some(wait) = error.retry_after() {
                        // Rounded up, since an earlier call is too early.
                        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
                        status.metadata_mut().insert("retry-after", seconds.into());
                    }
                    status.set_source(Arc::new(error));
                    status
                }
            }

            #[cfg(test)]
            mod tests {
                use super::*;
                use crate::classify::presets::tonic::tests::{CODES, HTTP, TIMES, limited, rejected, secs};

                #[test]
                fn a_code_is_classified_by_the_table() {
                    for (code, expected) in CODES {
                        assert_eq!(Status::new(Code::from_i32(*code), "").classify(), *expected, "{code}");
                    }
                    assert_eq!(Response::new(()).classify(), Outcome::success());
                }

                #[test]
                fn a_rejection_by_another_breaker_is_ignored() {
                    let status = Status::from_error(Box::new(rejected(None)));
                    assert_eq!((status.code(), status.classify()), (Code::Unknown, Outcome::ignored()));
                }

                #[test]
                fn an_http_status_in_place_of_grpcs_counts_with_a_body_and_without() {
                    for (http, code, expected) in HTTP {
                        let bare = format!("grpc-status header missing, mapped from HTTP status code {http}");
                        assert_eq!(Status::new(Code::from_i32(*code), &*bare).classify(), *expected, "{bare}");
                        let with_body = format!(
                            "protocol error: received message with invalid compression flag: 60 (valid flags are 0 and 1) while receiving response with status: {http} So"
                        );
                        assert_eq!(Status::internal(&*with_body).classify(), *expected, "{with_body}");
                    }
                }

                #[test]
                fn the_message_of_a_service_is_no_http_status() {
                    for (code, message, expected) in [
                        (Code::Unavailable, "billing: grpc-status header missing, mapped from HTTP status code 404", Outcome::failure()),
                        (Code::Unavailable, "grpc-status header missing, mapped from HTTP status code 404", Outcome::failure()),
                        (Code::InvalidArgument, "grpc-status header missing, mapped from HTTP status code 502", Outcome::success()),
                        (Code::Internal, "read it while receiving response with status: 404 Not Found", Outcome::failure()),
                        (Code::Unknown, "grpc-status header missing, mapped from HTTP status code +40", Outcome::failure()),
                        (Code::Unknown, "grpc-status header missing, mapped from HTTP status code 4é", Outcome::failure()),
                    ] {
                        assert_eq!(Status::new(code, message).classify(), expected, "{message}");
                    }
                }

                #[test]
                fn a_shortage_or_mistake_of_this_machine_is_ignored() {
                    let shortage = std::io::Error::from(std::io::ErrorKind::AddrInUse);
                    let own = std::io::Error::other("Connecting to HTTPS without TLS enabled");
                    for error in [shortage, own] {
                        let mut status = Status::unavailable("tcp bind local error");
                        status.set_source(Arc::new(error));
                        assert_eq!(status.classify(), Outcome::ignored());
                    }
                }

                #[test]
                fn a_failure_keeps_the_servers_pushback() {
                    for (name, value, millis) in TIMES {
                        let mut status = Status::new(Code::Unavailable, "");
                        status.metadata_mut().insert(*name, value.parse().unwrap());
                        let after = millis.map(Duration::from_millis);
                        let expected = after.map_or(Outcome::failure(), Outcome::failure_with_retry_after);
                        assert_eq!(status.classify(), expected, "{name}: {value}");
                    }
                }

                #[test]
                fn a_rejection_becomes_a_status_that_still_is_one() {
                    for (wait, seconds) in [(None, None), (Some(secs(30)), Some("30"))] {
                        let status = Status::from(rejected(wait));
                        assert_eq!(status.code(), Code::Unavailable);
                        assert!(status.message().contains("circuit breaker `inner`"), "{status:?}");
                        let text = status.metadata().get("retry-after").map(|value| value.to_str().unwrap());
                        assert_eq!(text, seconds, "{wait:?}");
                        assert!(CircuitBreakerError::find(&status).is_some());
                        assert_eq!(status.classify(), Outcome::ignored());
                    }
                }

                #[test]
                fn a_time_out_becomes_a_status_that_is_a_failure() {
                    let status = Status::from(limited());
                    assert_eq!((status.code(), status.classify()), (Code::DeadlineExceeded, Outcome::failure()));
                }
            }
        }
    };
}

#[cfg(feature = "tonic-0-12")]
presets!(tonic_0_12);
#[cfg(feature = "tonic-0-13")]
presets!(tonic_0_13);
#[cfg(feature = "tonic-0-14")]
presets!(tonic_0_14);

#[cfg(test)]
mod tests {
    use crate::breaker::caller::Owner;
    use crate::breaker::error::CircuitBreakerError;
    use crate::machine::outcome::Outcome;
    use crate::{CircuitBreaker, Config};
    use std::time::Duration;

    /// What each code counts as, whatever the version.
    pub(super) const CODES: &[(i32, Outcome)] = &[
        (0, Outcome::success()),
        (1, Outcome::failure()),
        (2, Outcome::failure()),
        (3, Outcome::success()),
        (4, Outcome::failure()),
        (5, Outcome::success()),
        (6, Outcome::success()),
        (7, Outcome::success()),
        (8, Outcome::failure()),
        (9, Outcome::success()),
        (10, Outcome::success()),
        (11, Outcome::success()),
        (12, Outcome::success()),
        (13, Outcome::failure()),
        (14, Outcome::failure()),
        (15, Outcome::failure()),
        (16, Outcome::success()),
    ];

    /// HTTP statuses, the code that tonic makes of each, and what it counts as.
    pub(super) const HTTP: &[(u16, i32, Outcome)] = &[
        (200, 2, Outcome::failure()),
        (302, 2, Outcome::failure()),
        (400, 13, Outcome::success()),
        (401, 16, Outcome::success()),
        (403, 7, Outcome::success()),
        (404, 12, Outcome::success()),
        (407, 2, Outcome::ignored()),
        (408, 2, Outcome::failure()),
        (429, 14, Outcome::failure()),
        (431, 2, Outcome::success()),
        (502, 14, Outcome::failure()),
    ];

    /// What a failure keeps of the metadata, in milliseconds.
    pub(super) const TIMES: &[(&str, &str, Option<u64>)] = &[
        ("grpc-retry-pushback-ms", "1500", Some(1500)),
        ("retry-after", "2", Some(2000)),
        ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
        ("grpc-retry-pushback-ms", "-1", None),
        ("x", "1", None),
    ];

    pub(super) const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn breaker() -> CircuitBreaker {
        CircuitBreaker::new("inner", Config::new()).unwrap()
    }

    /// A rejection that knows its wait, or not.
    pub(super) fn rejected(wait: Option<Duration>) -> CircuitBreakerError {
        let breaker = breaker();
        match wait {
            Some(wait) => breaker.trip_for(wait),
            None => breaker.force_open(),
        }
        breaker.try_acquire().unwrap_err()
    }

    /// The error of a call that exceeded its time limit.
    pub(super) fn limited() -> CircuitBreakerError {
        CircuitBreakerError::timed_out(Owner::Own(breaker()), secs(1))
    }
}
