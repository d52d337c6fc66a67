//! The rule for `std::io::Error`.

use crate::classify::Classify;
use crate::error::CircuitBreakerError;
use crate::outcome::Outcome;
use std::io::{Error, ErrorKind};

impl Classify for Error {
    fn classify(&self) -> Outcome {
        match CircuitBreakerError::find(self) {
            Some(error) => error.classify(),
            None => kind(self.kind()),
        }
    }
}

fn kind(kind: ErrorKind) -> Outcome {
    match kind {
        ErrorKind::NotFound
        | ErrorKind::PermissionDenied
        | ErrorKind::AlreadyExists
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::DirectoryNotEmpty => Outcome::success(),
        ErrorKind::InvalidInput
        | ErrorKind::ArgumentListTooLong
        | ErrorKind::AddrInUse
        | ErrorKind::AddrNotAvailable
        | ErrorKind::Unsupported
        | ErrorKind::OutOfMemory
        | ErrorKind::Interrupted
        | ErrorKind::WouldBlock => Outcome::neutral(),
        // It has this name in code from Rust 1.87 on.
        other if other.to_string() == "invalid filename" => Outcome::neutral(),
        _ => Outcome::failure(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CircuitBreaker, Config};

    #[test]
    fn a_kind_is_classified_by_the_table() {
        let one = |kind: ErrorKind| Error::from(kind).classify();
        for kind in [ErrorKind::ConnectionRefused, ErrorKind::TimedOut, ErrorKind::InvalidData, ErrorKind::Other] {
            assert_eq!(one(kind), Outcome::failure(), "{kind}");
        }
        for kind in [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::AlreadyExists] {
            assert_eq!(one(kind), Outcome::success(), "{kind}");
        }
        for kind in [ErrorKind::InvalidInput, ErrorKind::Interrupted, ErrorKind::AddrInUse] {
            assert_eq!(one(kind), Outcome::neutral(), "{kind}");
        }
    }

    #[test]
    fn a_rejection_by_another_breaker_is_neutral() {
        let breaker = CircuitBreaker::new("inner", Config::new()).unwrap();
        breaker.force_open();
        let error = Error::from(breaker.try_acquire().unwrap_err());
        assert_eq!((error.kind(), error.classify()), (ErrorKind::Other, Outcome::neutral()));
    }
}
