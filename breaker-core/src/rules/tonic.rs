//! The rules for the statuses and responses of each version of tonic, and the status of a rejection.

/// The rules for one version.
macro_rules! rules {
    ($tonic:ident) => {
        mod $tonic {
            use crate::classify::Classify;
            use crate::error::CircuitBreakerError;
            use crate::outcome::Outcome;
            use ::$tonic::{Code, Response, Status};
            use std::error::Error as _;
            use std::sync::Arc;
            use std::time::Duration;

            impl Classify for Status {
                fn classify(&self) -> Outcome {
                    if let Some(error) = CircuitBreakerError::find(self) {
                        return error.classify();
                    }
                    match self.code() {
                        // The caller still waits, so it has not cancelled anything.
                        Code::Cancelled if self.source().is_none() => Outcome::neutral(),
                        Code::Cancelled
                        | Code::Unavailable
                        | Code::DeadlineExceeded
                        | Code::ResourceExhausted
                        | Code::Internal
                        | Code::Unknown
                        | Code::DataLoss => {
                            retry_after(self).map_or(Outcome::failure(), Outcome::failure_with_retry_after)
                        }
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
            }

            /// A service that is not well answers with a `Status`.
            impl<T> Classify for Response<T> {
                fn classify(&self) -> Outcome {
                    Outcome::success()
                }
            }

            /// gRPC's own word for it (a negative one says "not again", which is no time), or that of a proxy.
            fn retry_after(status: &Status) -> Option<Duration> {
                let number = |name| status.metadata().get(name)?.to_str().ok()?.trim().parse().ok();
                let pushback = number("grpc-retry-pushback-ms").map(Duration::from_millis);
                pushback.or_else(|| number("retry-after").map(Duration::from_secs))
            }

            /// `Unavailable`, or `DeadlineExceeded` for a call that was cut off at its time limit. The metadata has `retry-after` in whole seconds where the
            /// breaker knows them, and `source()` is the error itself.
            impl From<CircuitBreakerError> for Status {
                fn from(error: CircuitBreakerError) -> Self {
                    let code = if error.is_timeout() { Code::DeadlineExceeded } else { Code::Unavailable };
                    let mut status = Status::new(code, error.to_string());
                    if let Some(wait) = error.retry_after() {
                        // Rounded up, since earlier is too early.
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
                use crate::rules::tonic::tests::{CODES, TIMES, limited, rejected, secs};

                #[test]
                fn a_code_is_classified_by_the_table() {
                    for (code, expected) in CODES {
                        assert_eq!(Status::new(Code::from_i32(*code), "").classify(), *expected, "{code}");
                    }
                    assert_eq!(Response::new(()).classify(), Outcome::success());
                }

                #[test]
                fn a_rejection_by_another_breaker_is_neutral() {
                    let status = Status::from_error(Box::new(rejected(None)));
                    assert_eq!((status.code(), status.classify()), (Code::Unknown, Outcome::neutral()));
                }

                /// tonic's word for a time limit of the endpoint, and for a connection that ended under the call.
                #[test]
                fn what_the_transport_cancelled_is_a_failure() {
                    let mut status = Status::cancelled("Timeout expired");
                    status.set_source(Arc::new(std::io::Error::other("connection closed")));
                    assert_eq!(status.classify(), Outcome::failure());
                    status.metadata_mut().insert("retry-after", 2.into());
                    assert_eq!(status.classify(), Outcome::failure_with_retry_after(secs(2)));
                    assert_eq!(Status::cancelled("by the server").classify(), Outcome::neutral());
                }

                #[test]
                fn the_servers_pushback_rides_along() {
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
                        let told = status.metadata().get("retry-after").map(|value| value.to_str().unwrap());
                        assert_eq!(told, seconds, "{wait:?}");
                        assert!(CircuitBreakerError::find(&status).is_some());
                        assert_eq!(status.classify(), Outcome::neutral());
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
rules!(tonic_0_12);
#[cfg(feature = "tonic-0-13")]
rules!(tonic_0_13);
#[cfg(feature = "tonic-0-14")]
rules!(tonic_0_14);

#[cfg(test)]
mod tests {
    use crate::error::CircuitBreakerError;
    use crate::handle::Holder;
    use crate::outcome::Outcome;
    use crate::{CircuitBreaker, Config};
    use std::time::Duration;

    /// What each code counts as, whatever the version.
    pub(super) const CODES: &[(i32, Outcome)] = &[
        (0, Outcome::success()),
        (1, Outcome::neutral()),
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

    /// What of the metadata rides along with a failure, in milliseconds.
    pub(super) const TIMES: &[(&str, &str, Option<u64>)] = &[
        ("grpc-retry-pushback-ms", "1500", Some(1500)),
        ("retry-after", "2", Some(2000)),
        ("grpc-retry-pushback-ms", "-1", None),
        ("x", "1", None),
    ];

    pub(super) const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn breaker() -> CircuitBreaker {
        CircuitBreaker::new("inner", Config::new()).unwrap()
    }

    /// A rejection that knows for how long, or not.
    pub(super) fn rejected(wait: Option<Duration>) -> CircuitBreakerError {
        let breaker = breaker();
        match wait {
            Some(wait) => breaker.trip_for(wait),
            None => breaker.force_open(),
        }
        breaker.try_acquire().unwrap_err()
    }

    /// What is told of a call that was cut off.
    pub(super) fn limited() -> CircuitBreakerError {
        CircuitBreakerError::timed_out(Holder::Own(breaker()), secs(1))
    }
}
