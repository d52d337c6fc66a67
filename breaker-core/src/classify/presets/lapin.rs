//! Classifies the errors of lapin, a client for AMQP, and what a broker confirms.

use super::io::never_left;
use super::subject::{self, Subject};
use crate::breaker::error::CircuitBreakerError;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::lapin_4 as lapin;
use lapin::protocol::{AMQPError, AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::{ChannelState, Confirmation, ConnectionState, Error, ErrorKind};
use std::error;

/// The preset for `lapin::Error` (feature `lapin`). With `classify = presets::both` it is also for
/// the `Confirmation` of a publish.
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | |
/// | `IOError`, `MissingHeartbeatError`, `ParsingError`, `InvalidProtocolVersion` | failure | it cannot be reached, breaks off, or speaks no AMQP; a URI with another scheme is `IOError` too | 4.12.3 |
/// | `IOError`, where this machine has no port or descriptor left | ignored | nothing was sent | |
/// | a connection or channel in the state `Error`, `Reconnecting`, `Connecting` or `Initial` | failure | the connection is lost; without `enable_auto_recover` it remains so | 4.12.3 |
/// | a connection or channel in the state `Closed` or `Closing` | ignored | this side closed it, or the mistake of a call before: make a new one | 4.12.3 |
/// | the broker's 403 for a login; `AuthProviderError` | failure | it cannot be used | 4.12.3 |
/// | the broker's 404 for a queue whose node is down | failure | it is out of reach | 4.12.3 |
/// | any other 403 or 404 of the broker, 405, 406, 311, 312, 313; 402, 503, 540 | success | it answered; the channel is closed by it, by the last three the connection | 4.12.3 |
/// | 320, 501, 502, 504, 505, 506, 530, 541 of the broker | failure | it shuts down, is out of resources, or has no such virtual host, or that takes no more connections | 4.12.3 |
/// | `ChannelsLimitReached`, `SerialisationError`, `RuntimeShutdownError`, `NoDefaultRuntime`, `FutureCompleted`, `InvalidChannel` | ignored | a limit, a mistake or an end of this side | 4.12.3 |
///
/// | `Confirmation` | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | `Nack` | failure | the queue is full, or the broker could not store it; this is no error for lapin | 4.12.3 |
/// | `Ack`, also of a message that no queue took; `NotRequested` | success | | 4.12.3 |
///
/// A refused login and a queue that is not permitted have the same code. So have a queue that is
/// down and a queue that does not exist. The broker's text distinguishes them.
///
/// Some problems cause no error. A publish to a queue whose node is down is an `Ack`, as to a queue
/// that does not exist. The `Ack` has the message in it where the publish was `mandatory`. A broker
/// that is out of memory, and a quorum queue without its majority, give no answer at all: the call
/// waits.
pub fn lapin<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

pub(super) fn known(error: &(dyn error::Error + 'static)) -> Option<Outcome> {
    subject::of::<Error>(error)
}

impl Classify for Error {
    fn classify(&self) -> Outcome {
        if let Some(error) = CircuitBreakerError::find(self) {
            return error.classify();
        }
        match self.kind() {
            ErrorKind::InvalidChannelState(ChannelState::Closed | ChannelState::Closing, _)
            | ErrorKind::InvalidConnectionState(ConnectionState::Closed | ConnectionState::Closing)
            | ErrorKind::ChannelsLimitReached
            | ErrorKind::SerialisationError(_)
            | ErrorKind::RuntimeShutdownError(_)
            | ErrorKind::NoDefaultRuntime
            | ErrorKind::FutureCompleted
            | ErrorKind::InvalidChannel(_) => Outcome::ignored(),
            ErrorKind::IOError(_) if never_left(self) => Outcome::ignored(),
            ErrorKind::ProtocolError(error) => answered(error),
            _ => Outcome::failure(),
        }
    }
}

impl Classify for Confirmation {
    fn classify(&self) -> Outcome {
        if self.is_nack() { Outcome::failure() } else { Outcome::success() }
    }
}

fn answered(error: &AMQPError) -> Outcome {
    let says = |text| error.get_message().as_str().contains(text);
    match error.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) if says("Login was refused") => Outcome::failure(),
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) if says("is down or inaccessible") => Outcome::failure(),
        AMQPErrorKind::Soft(_)
        | AMQPErrorKind::Hard(
            AMQPHardError::INVALIDPATH | AMQPHardError::COMMANDINVALID | AMQPHardError::NOTIMPLEMENTED,
        ) => Outcome::success(),
        AMQPErrorKind::Hard(_) => Outcome::failure(),
    }
}

#[cfg(test)]
mod tests {
    use super::lapin as preset;
    use super::*;
    use crate::{CircuitBreaker, Config};
    use std::io;
    use std::sync::Arc;

    fn of(kind: ErrorKind) -> Outcome {
        Error::from(kind).classify()
    }

    fn said(id: u16, text: &str) -> Outcome {
        of(ErrorKind::ProtocolError(AMQPError::from_id(id, text.into()).unwrap()))
    }

    #[test]
    fn a_connection_counts_by_the_table() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(of(ErrorKind::IOError(Arc::new(refused))), Outcome::failure());
        let own = io::Error::from(io::ErrorKind::AddrInUse);
        assert_eq!(of(ErrorKind::IOError(Arc::new(own))), Outcome::ignored());
        assert_eq!(of(ErrorKind::MissingHeartbeatError), Outcome::failure());
        assert_eq!(of(ErrorKind::ChannelsLimitReached), Outcome::ignored());
        let ended = io::Error::other("the runtime is gone");
        assert_eq!(of(ErrorKind::RuntimeShutdownError(Arc::new(ended))), Outcome::ignored());
    }

    #[test]
    fn a_state_counts_by_the_table() {
        for state in [ChannelState::Error, ChannelState::Reconnecting, ChannelState::Initial] {
            assert_eq!(of(ErrorKind::InvalidChannelState(state, "basic.publish")), Outcome::failure());
        }
        for state in [ChannelState::Closed, ChannelState::Closing] {
            assert_eq!(of(ErrorKind::InvalidChannelState(state, "basic.publish")), Outcome::ignored());
        }
        for state in [ConnectionState::Error, ConnectionState::Connecting, ConnectionState::Reconnecting] {
            assert_eq!(of(ErrorKind::InvalidConnectionState(state)), Outcome::failure());
        }
        for state in [ConnectionState::Closed, ConnectionState::Closing] {
            assert_eq!(of(ErrorKind::InvalidConnectionState(state)), Outcome::ignored());
        }
    }

    #[test]
    fn what_the_broker_says_counts_by_the_table() {
        let login = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.";
        assert_eq!(said(403, login), Outcome::failure());
        assert_eq!(
            said(403, "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'u'"),
            Outcome::success()
        );
        let down = "NOT_FOUND - home node 'rb@localhost' of durable queue 'q' in vhost '/' is down or inaccessible";
        assert_eq!(said(404, down), Outcome::failure());
        assert_eq!(said(404, "NOT_FOUND - no queue 'q' in vhost '/'"), Outcome::success());
        for mistake in [311, 312, 313, 402, 404, 405, 406, 503, 540] {
            assert_eq!(said(mistake, ""), Outcome::success(), "{mistake}");
        }
        for ill in [320, 501, 502, 504, 505, 506, 530, 541] {
            assert_eq!(said(ill, ""), Outcome::failure(), "{ill}");
        }
    }

    #[test]
    fn a_confirmation_counts_by_the_table() {
        assert_eq!(Confirmation::Nack(None).classify(), Outcome::failure());
        assert_eq!(Confirmation::Ack(None).classify(), Outcome::success());
        assert_eq!(Confirmation::NotRequested.classify(), Outcome::success());
        let confirmed: Result<_, Error> = Ok(Confirmation::Nack(None));
        assert_eq!(crate::classify::presets::result::both(&confirmed), Outcome::failure());
    }

    #[test]
    fn a_rejection_by_another_breaker_is_ignored() {
        let breaker = CircuitBreaker::new("inner", Config::new()).unwrap();
        breaker.force_open();
        let error = Error::from(io::Error::other(breaker.try_acquire().unwrap_err()));
        assert_eq!(error.classify(), Outcome::ignored());
        assert_eq!(preset(&Box::<dyn error::Error>::from(error)), Outcome::ignored());
    }
}
