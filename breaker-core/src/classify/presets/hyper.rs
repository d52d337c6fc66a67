//! Classifies `hyper::Error`, which HTTP clients have behind their errors.

use super::io::never_left;
use super::subject::{self, Subject};
use crate::breaker::error::CircuitBreakerError;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::hyper_1::Error;
use std::error;

/// The preset for `hyper::Error` (feature `hyper`), as a client gets it.
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | `is_user`: your own body failed or was dropped, an upgrade that does not exist, a connection task that you ended | ignored | the service got no complete request | 1.12.0 |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | 1.12.0 |
/// | this machine has no port, descriptor or memory left | ignored | nothing was sent | 1.12.0 |
/// | with an `h2::Error` behind it | as `presets::h2` | with the feature `h2` only; without it a failure, your own body over HTTP/2 too | 1.12.0 |
/// | `is_canceled`, `is_closed` | failure | a connection that ended took the request along; a caller who cancels sees no error | 1.12.0 |
/// | `is_incomplete_message`, `is_parse`, `is_timeout` and every other one | failure | it broke off, speaks no HTTP, or is silent | 1.12.0 |
///
/// A body that breaks off returns such an error too. hyper takes a body that the server resets with
/// `NO_ERROR` as complete.
pub fn hyper<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

impl Classify for Error {
    fn classify(&self) -> Outcome {
        if self.is_user() || never_left(self) {
            return Outcome::ignored();
        }
        if let Some(error) = CircuitBreakerError::find(self) {
            return error.classify();
        }
        #[cfg(feature = "h2-0-4")]
        if let Some(outcome) = super::h2::behind(self) {
            return outcome;
        }
        Outcome::failure()
    }
}

pub(super) fn known(error: &(dyn error::Error + 'static)) -> Option<Outcome> {
    subject::of::<Error>(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::presets;
    use ::hyper_1::upgrade;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn what_the_caller_did_wrong_is_ignored() {
        let upgraded = pin!(upgrade::on(::hyper_1::Request::new(())));
        let Poll::Ready(Err(error)) = upgraded.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("there is no upgrade");
        };
        assert!(error.is_user());
        let boxed: Box<dyn error::Error> = Box::new(std::io::Error::other(error));
        assert_eq!(hyper(&boxed), Outcome::ignored());
        assert_eq!(presets::any(&Err::<(), _>(boxed)), Outcome::ignored());
    }
}
