//! Classifies `h2::Error`, which HTTP/2 and gRPC clients have behind their errors.

use super::io::never_left;
use super::subject::{self, Subject};
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::h2_0_4::Error;
use std::error;

/// The preset for `h2::Error` (feature `h2`).
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | a reset or a go-away that came from the server, or that h2 made of its protocol error | failure | it broke off, or speaks no HTTP/2 | 0.4.20 |
/// | I/O | failure; ignored where this machine has no port, descriptor or memory left | | 0.4.20 |
/// | a reset, a go-away or a misuse of this side ("sent by user", "user error") | ignored | the service got no complete request | 0.4.20 |
pub fn h2<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

impl Classify for Error {
    fn classify(&self) -> Outcome {
        match self.get_io() {
            Some(error) if !never_left(error) => Outcome::failure(),
            Some(_) => Outcome::ignored(),
            None if is_own(self) => Outcome::ignored(),
            None => Outcome::failure(),
        }
    }
}

pub(super) fn known(error: &(dyn error::Error + 'static)) -> Option<Outcome> {
    subject::of::<Error>(error)
}

/// What h2 says about a request that ended before its answer, if an `h2::Error` is behind `error`.
#[cfg(any(feature = "hyper-1", feature = "tonic-0-12", feature = "tonic-0-13", feature = "tonic-0-14"))]
pub(super) fn behind(error: &(dyn error::Error + 'static)) -> Option<Outcome> {
    crate::breaker::error_chain::first_of::<Error>(error).map(Classify::classify)
}

/// Whether this side ended the request.
pub(super) fn is_own(error: &Error) -> bool {
    let broken_off = error.is_reset() || error.is_go_away();
    let misused = !error.is_io() && error.reason().is_none();
    misused || broken_off && !error.is_remote() && !error.is_library()
}
