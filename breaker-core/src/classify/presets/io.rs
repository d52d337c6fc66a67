//! Classifies `std::io::Error`.

use super::subject::{self, Subject};
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_chain::{any_of, as_one};
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use std::io::{Error, ErrorKind};

/// The preset for `std::io::Error`, by its kind.
///
/// | error | counts as | why |
/// | --- | --- | --- |
/// | `NotFound`, `PermissionDenied`, `AlreadyExists`, `NotADirectory`, `IsADirectory`, `DirectoryNotEmpty` | success | it answered: what was requested does not hold |
/// | `InvalidInput`, `InvalidFilename`, `ArgumentListTooLong`, `Unsupported`, `Interrupted` | ignored | the call never left |
/// | `AddrInUse`, `OutOfMemory`; too many open files (`EMFILE`, `ENFILE`, `WSAEMFILE`) | ignored | this machine has no port, memory or descriptor left |
/// | `AddrNotAvailable` | failure | what connecting to an IPv6 address returns where IPv6 is off, also when the service refuses at its other addresses. A wrong address of your own has the same error |
/// | `WouldBlock` | failure | what a read returns on Unix when the time of `set_read_timeout` is over |
/// | `ConnectionRefused`, `ConnectionReset`, `ConnectionAborted`, `NotConnected`, `HostUnreachable`, `NetworkUnreachable`, `NetworkDown`, `BrokenPipe`, `TimedOut`, `UnexpectedEof`, `InvalidData`, and every other one | failure | it cannot be reached, is too slow, or breaks off |
/// | any, made from a `CircuitBreakerError` | as that | |
///
/// The error does not distinguish everything. A Unix socket whose server has gone is `NotFound`
/// too, as a file is, and so a success. A function that connects to one has to say what that counts
/// as. It needs a `classify = path` of its own, or another kind of error.
pub fn io<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(subject::of::<Error>)
}

impl Classify for Error {
    fn classify(&self) -> Outcome {
        match CircuitBreakerError::find(self) {
            Some(error) => error.classify(),
            None if is_own_shortage(self) => Outcome::ignored(),
            None => kind(self.kind()),
        }
    }
}

/// What an error of a chain counts as. `None`, where it only wraps the next error, which says more.
pub(super) fn known(error: &(dyn std::error::Error + 'static)) -> Option<Outcome> {
    let error = as_one::<Error>(error)?;
    (error.kind() != ErrorKind::Other || error.get_ref().is_none()).then(|| error.classify())
}

/// Whether this machine could not even start the call, by this error or one behind it: no port, no
/// descriptor, no memory.
#[cfg_attr(not(any(feature = "reqwest-0-12", feature = "reqwest-0-13")), allow(dead_code))]
pub(super) fn never_left(error: &(dyn std::error::Error + 'static)) -> bool {
    any_of(error, is_own_shortage)
}

fn is_own_shortage(error: &Error) -> bool {
    // Too many open files: `ErrorKind` has no kind for it.
    const DESCRIPTORS: &[i32] = if cfg!(windows) { &[10_024] } else { &[23, 24] };
    matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::OutOfMemory)
        || error.raw_os_error().is_some_and(|code| DESCRIPTORS.contains(&code))
}

fn kind(kind: ErrorKind) -> Outcome {
    match kind {
        ErrorKind::NotFound
        | ErrorKind::PermissionDenied
        | ErrorKind::AlreadyExists
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::DirectoryNotEmpty => Outcome::success(),
        ErrorKind::InvalidInput | ErrorKind::ArgumentListTooLong | ErrorKind::Unsupported | ErrorKind::Interrupted => {
            Outcome::ignored()
        }
        // The kind has this name in code from Rust 1.87 on.
        other if other.to_string() == "invalid filename" => Outcome::ignored(),
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
        for kind in [
            ErrorKind::ConnectionRefused,
            ErrorKind::TimedOut,
            ErrorKind::InvalidData,
            ErrorKind::Other,
            ErrorKind::AddrNotAvailable,
            ErrorKind::WouldBlock,
        ] {
            assert_eq!(one(kind), Outcome::failure(), "{kind}");
        }
        for kind in [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::AlreadyExists] {
            assert_eq!(one(kind), Outcome::success(), "{kind}");
        }
        for kind in [ErrorKind::InvalidInput, ErrorKind::Interrupted, ErrorKind::Unsupported] {
            assert_eq!(one(kind), Outcome::ignored(), "{kind}");
        }
    }

    #[test]
    fn a_shortage_of_this_machine_is_ignored() {
        let too_many_files = if cfg!(windows) { 10_024 } else { 24 };
        let errors =
            [Error::from_raw_os_error(too_many_files), ErrorKind::AddrInUse.into(), ErrorKind::OutOfMemory.into()];
        for error in errors {
            assert_eq!(error.classify(), Outcome::ignored(), "{error}");
            assert!(never_left(&Error::other(error)));
        }
        assert!(!never_left(&Error::from(ErrorKind::InvalidInput)));
    }

    #[test]
    fn a_rejection_by_another_breaker_is_ignored() {
        let breaker = CircuitBreaker::new("inner", Config::new()).unwrap();
        breaker.force_open();
        let error = Error::from(breaker.try_acquire().unwrap_err());
        assert_eq!((error.kind(), error.classify()), (ErrorKind::Other, Outcome::ignored()));
    }
}
