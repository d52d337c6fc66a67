//! Classifies the error of hyper-util's `client::legacy`.

use super::io::never_left;
use super::subject::{self, Subject};
use super::texts::{cannot_be_sent, proxy_refuses};
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_chain::first_of;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::hyper_util_0_1::client::legacy::Error;
use std::error;

/// The preset for `hyper_util::client::legacy::Error` (feature `hyper-util`).
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | a connector or resolver was rejected: the service was not called | 0.1.21 |
/// | a URI without scheme or host, `https` without a connector for TLS, a method or version that it cannot send | ignored | the request cannot be made | 0.1.21 |
/// | this machine has no port, descriptor or memory left | ignored | nothing was sent | 0.1.21 |
/// | the proxy of an `https` URI asks for other credentials (407) | ignored | the service was not called | 0.1.21 |
/// | with a `hyper::Error` behind it | as [`hyper`](super::hyper()) | | 0.1.21 |
/// | any other: it cannot be connected to, the connection ended before the request | failure | | 0.1.21 |
///
/// The errors of a response's body are `hyper::Error`. The client has no time limit of its own
/// except the connector's `connect_timeout`.
pub fn hyper_util<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

impl Classify for Error {
    fn classify(&self) -> Outcome {
        if let Some(error) = CircuitBreakerError::find(self) {
            return error.classify();
        }
        if never_left(self) || cannot_be_sent(self) || proxy_refuses(self) {
            return Outcome::ignored();
        }
        first_of::<::hyper_1::Error>(self).map_or(Outcome::failure(), Classify::classify)
    }
}

pub(super) fn known(error: &(dyn error::Error + 'static)) -> Option<Outcome> {
    subject::of::<Error>(error)
}
