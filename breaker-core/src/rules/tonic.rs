//! The rule for `tonic::Status`.

use crate::classify::Classify;
use crate::error::CircuitBreakerError;
use crate::outcome::Outcome;
use std::time::Duration;
use tonic::{Code, Response, Status};

impl Classify for Status {
    fn classify(&self) -> Outcome {
        if let Some(error) = CircuitBreakerError::find(self) {
            return error.classify();
        }
        match self.code() {
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Internal
            | Code::Unknown
            | Code::DataLoss => retry_after(self).map_or(Outcome::failure(), Outcome::failure_with_retry_after),
            Code::Cancelled => Outcome::neutral(),
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

/// What went wrong is a `Status`, never a response.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CircuitBreaker, Config};

    #[test]
    fn a_code_is_classified_by_the_table() {
        let one = |code: Code| Status::new(code, "").classify();
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::ResourceExhausted, Code::Internal] {
            assert_eq!(one(code), Outcome::failure(), "{code}");
        }
        for code in [Code::Ok, Code::InvalidArgument, Code::NotFound, Code::Unauthenticated, Code::Aborted] {
            assert_eq!(one(code), Outcome::success(), "{code}");
        }
        assert_eq!(one(Code::Cancelled), Outcome::neutral());
    }

    #[test]
    fn a_rejection_by_another_breaker_is_neutral() {
        let breaker = CircuitBreaker::new("inner", Config::new()).unwrap();
        breaker.force_open();
        let status = Status::from_error(Box::new(breaker.try_acquire().unwrap_err()));
        assert_eq!((status.code(), status.classify()), (Code::Unknown, Outcome::neutral()));
    }

    #[test]
    fn the_servers_pushback_rides_along() {
        let with = |name: &'static str, value: &'static str| {
            let mut status = Status::new(Code::Unavailable, "");
            status.metadata_mut().insert(name, value.parse().unwrap());
            status.classify()
        };
        let after = |millis| Outcome::failure_with_retry_after(Duration::from_millis(millis));
        assert_eq!(with("grpc-retry-pushback-ms", "1500"), after(1500));
        assert_eq!(with("retry-after", "2"), after(2000));
        assert_eq!(with("grpc-retry-pushback-ms", "-1"), Outcome::failure());
        assert_eq!(with("x", "1"), Outcome::failure());
    }
}
