//! Classifies the errors of async-nats: one type, with a kind of its own for each entry point.

use super::io::never_left;
use super::subject::{self, Subject};
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_chain::chain;
use crate::breaker::error_view::Known;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::async_nats_0_51 as async_nats;
use async_nats::error::Error;
use async_nats::jetstream::{self, ErrorCode, consumer, context, kv, stream};
use async_nats::{ConnectErrorKind, SubscribeErrorKind, client};
use std::error;
use std::fmt::{Debug, Display};

/// The preset for `async_nats::error::Error` of any kind, and `jetstream::Error` (feature
/// `async-nats`). Object stores are left out.
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | |
/// | `ConnectErrorKind`: `Io`, `Dns`, `TimedOut`, `Tls`, `AuthorizationViolation`, `Authentication`, `MaxReconnects` | failure | it cannot be reached or used; too many connections are `Io` too | 0.51.0 |
/// | `ConnectErrorKind::ServerParse`; `Io`, where this machine has no port or descriptor left | ignored | nothing was sent | 0.51.0 |
/// | `RequestErrorKind::TimedOut` | failure | also where the server refuses the subject: the client gets no notice | 0.51.0 |
/// | `RequestErrorKind::NoResponders` | failure | the service behind the subject is not there; a misspelt subject has the same error | 0.51.0 |
/// | `Send` of a publish, `Other` of a request or a subscribe: "channel closed" | failure | the client has ended forever, after `max_reconnects`; your own `drain` has the same error | 0.51.0 |
/// | `InvalidSubject`, `InvalidQueueName`, `InvalidKey`, `InvalidName` and their like, `MaxPayloadExceeded` | ignored | nothing was sent | 0.51.0 |
/// | JetStream: `TimedOut`, `BrokenPipe`, `MissingHeartbeat`, `NoResponders`, `JetStreamUnavailable` | failure | | 0.51.0 |
/// | JetStream: `StreamNotFound` of a publish | failure | a stream whose leader is lost, or JetStream is off; a misspelt subject has the same error | 0.51.0 |
/// | JetStream: `WrongLastSequence`, `WrongLastMessageId`, `WrongLastRevision`, `AlreadyExists`, `NotFound`, `NoMessageFound` and their like | success | it answered | 0.51.0 |
/// | JetStream: `MaxAckPending` | ignored | a limit of this side | 0.51.0 |
/// | `jetstream::Error` with a code of 500 and above, as a full stream or a full memory | failure | it cannot store | 0.51.0 |
/// | `jetstream::Error` with a lower code, or for more replicas than there are servers | success | it answered | 0.51.0 |
/// | any other kind | as the first known error behind it, else failure | | |
///
/// Some problems cause no error: a core publish and a subscribe are `Ok` while the server is dead,
/// and where it refuses them. Guard a request, or a JetStream publish with its acknowledgement.
pub fn async_nats<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

/// An error kind of async-nats.
pub trait Kind: Clone + Debug + Display + PartialEq + 'static {
    /// What the kind counts as. `None`, where the error behind it decides. If no known error is
    /// behind it, it is a failure.
    fn said(&self) -> Option<Outcome>;
}

#[diagnostic::do_not_recommend]
impl<K: Kind> Classify for Error<K> {
    fn classify(&self) -> Outcome {
        if let Some(error) = CircuitBreakerError::find(self) {
            return error.classify();
        }
        let behind = || chain(self).skip(1).find_map(known);
        self.kind()
            .said()
            .or_else(behind)
            .unwrap_or_else(|| if never_left(self) { Outcome::ignored() } else { Outcome::failure() })
    }
}

impl Classify for jetstream::Error {
    fn classify(&self) -> Outcome {
        let of_caller = self.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED;
        if self.code() >= 500 && !of_caller { Outcome::failure() } else { Outcome::success() }
    }
}

macro_rules! kinds {
    ($($kind:path { $($pattern:pat => $said:expr),* $(,)? })*) => {
        $(impl Kind for $kind {
            fn said(&self) -> Option<Outcome> {
                #[allow(unused_imports, reason = "most kinds have one of them")]
                use $kind::*;
                match self {
                    $($pattern => Some($said),)*
                    _ => None,
                }
            }
        })*

        pub(super) fn known(error: &(dyn error::Error + 'static)) -> Option<Outcome> {
            let all: &[Known] = &[subject::of::<jetstream::Error>, $(subject::of::<Error<$kind>>),*];
            all.iter().find_map(|known| known(error))
        }
    };
}

const IGNORED: Outcome = Outcome::ignored();
const SUCCESS: Outcome = Outcome::success();

kinds! {
    ConnectErrorKind { ServerParse => IGNORED }
    SubscribeErrorKind { InvalidSubject | InvalidQueueName => IGNORED }
    client::PublishErrorKind { InvalidSubject | MaxPayloadExceeded => IGNORED }
    client::RequestErrorKind { InvalidSubject | MaxPayloadExceeded => IGNORED }
    client::FlushErrorKind {}
    context::PublishErrorKind {
        MaxAckPending | MaxPayloadExceeded => IGNORED,
        WrongLastMessageId | WrongLastSequence => SUCCESS,
    }
    context::RequestErrorKind { InvalidSubject => IGNORED }
    context::ConsumerInfoErrorKind {
        InvalidName => IGNORED,
        NotFound | StreamNotFound => SUCCESS,
        JetStream(error) => error.classify(),
    }
    context::CreateStreamErrorKind {
        EmptyStreamName | InvalidStreamName | DomainAndExternalSet => IGNORED,
        NotFound => SUCCESS,
        JetStream(error) => error.classify(),
    }
    context::GetStreamErrorKind { EmptyName | InvalidStreamName => IGNORED, JetStream(error) => error.classify() }
    context::GetStreamByNameErrorKind { InvalidSubject => IGNORED, NotFound => SUCCESS, JetStream(error) => error.classify() }
    context::KeyValueErrorKind { InvalidStoreName => IGNORED }
    context::CreateKeyValueErrorKind { InvalidStoreName | TooLongHistory => IGNORED, LimitMarkersNotSupported => SUCCESS }
    context::UpdateKeyValueErrorKind {
        InvalidStoreName | TooLongHistory => IGNORED,
        LimitMarkersNotSupported | NotFound => SUCCESS,
    }
    context::AccountErrorKind { JetStream(error) => error.classify() }
    stream::DirectGetErrorKind {
        InvalidSubject => IGNORED,
        NotFound => SUCCESS,
        ErrorResponse(status, _) => if status.is_server_error() { Outcome::failure() } else { SUCCESS },
    }
    stream::DeleteMessageErrorKind { JetStream(error) => error.classify() }
    stream::PurgeErrorKind { JetStream(error) => error.classify() }
    stream::LastRawMessageErrorKind { InvalidSubject => IGNORED, NoMessageFound => SUCCESS, JetStream(error) => error.classify() }
    stream::ConsumerErrorKind { InvalidName => IGNORED, InvalidConsumerType => SUCCESS, JetStream(error) => error.classify() }
    stream::ConsumerCreateStrictErrorKind {
        InvalidName => IGNORED,
        InvalidConsumerType | AlreadyExists => SUCCESS,
        JetStream(error) => error.classify(),
    }
    stream::ConsumerUpdateErrorKind {
        InvalidName => IGNORED,
        InvalidConsumerType | DoesNotExist => SUCCESS,
        JetStream(error) => error.classify(),
    }
    consumer::StreamErrorKind {}
    consumer::pull::BatchErrorKind { Serialize => IGNORED }
    consumer::pull::BatchRequestErrorKind { Serialize => IGNORED }
    consumer::pull::MessagesErrorKind { ConsumerDeleted | PushBasedConsumer | RequestLimitExceeded => SUCCESS }
    consumer::pull::OrderedErrorKind { PushBasedConsumer | RequestLimitExceeded => SUCCESS }
    consumer::push::MessagesErrorKind { ConsumerDeleted | PullBasedConsumer => SUCCESS }
    consumer::push::OrderedErrorKind { PullBasedConsumer => SUCCESS }
    kv::StatusErrorKind { JetStream(error) => error.classify() }
    kv::CreateErrorKind { InvalidKey => IGNORED, AlreadyExists => SUCCESS }
    kv::PutErrorKind { InvalidKey => IGNORED }
    kv::EntryErrorKind { InvalidKey => IGNORED }
    kv::UpdateErrorKind { InvalidKey => IGNORED, WrongLastRevision => SUCCESS }
    kv::WatchErrorKind { InvalidKey => IGNORED }
    kv::WatcherErrorKind {}
}

#[cfg(test)]
mod tests {
    use super::async_nats as preset;
    use super::*;
    use crate::{CircuitBreaker, Config};
    use std::io;

    fn of<K: Kind>(kind: K) -> Outcome {
        Error::new(kind).classify()
    }

    fn answered(code: u16, error: ErrorCode) -> jetstream::Error {
        let json = serde_json::json!({ "code": code, "err_code": error.0, "description": "so it is" });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_connection_counts_by_the_table() {
        use ConnectErrorKind::*;
        for kind in [Dns, Authentication, AuthorizationViolation, TimedOut, Tls, Io, MaxReconnects] {
            assert_eq!(of(kind), Outcome::failure(), "{kind}");
        }
        assert_eq!(of(ServerParse), Outcome::ignored());
        let nonsense = io::Error::new(io::ErrorKind::InvalidInput, "invalid server operation: HTTP/1.1 400");
        assert_eq!(Error::with_source(Io, nonsense).classify(), Outcome::failure());
        let no_descriptor = io::Error::from(io::ErrorKind::AddrInUse);
        assert_eq!(Error::with_source(Io, no_descriptor).classify(), Outcome::ignored());
    }

    #[test]
    fn a_request_counts_by_the_table() {
        use client::RequestErrorKind::*;
        for kind in [TimedOut, NoResponders, Other] {
            assert_eq!(of(kind), Outcome::failure(), "{kind}");
        }
        for kind in [InvalidSubject, MaxPayloadExceeded] {
            assert_eq!(of(kind), Outcome::ignored(), "{kind}");
        }
        assert_eq!(of(client::PublishErrorKind::Send), Outcome::failure());
        assert_eq!(of(SubscribeErrorKind::InvalidQueueName), Outcome::ignored());
    }

    #[test]
    fn a_publish_with_an_acknowledgement_counts_by_the_table() {
        use context::PublishErrorKind::*;
        for kind in [TimedOut, BrokenPipe, StreamNotFound, Other] {
            assert_eq!(of(kind), Outcome::failure(), "{kind}");
        }
        for kind in [WrongLastSequence, WrongLastMessageId] {
            assert_eq!(of(kind), Outcome::success(), "{kind}");
        }
        for kind in [MaxAckPending, MaxPayloadExceeded] {
            assert_eq!(of(kind), Outcome::ignored(), "{kind}");
        }
    }

    #[test]
    fn what_jetstream_answers_counts_by_its_code() {
        let full = answered(503, ErrorCode::STREAM_STORE_FAILED);
        let missing = answered(404, ErrorCode::STREAM_NOT_FOUND);
        let single = answered(500, ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED);
        assert_eq!(full.classify(), Outcome::failure());
        assert_eq!(missing.classify(), Outcome::success());
        assert_eq!(single.classify(), Outcome::success());
        assert_eq!(of(context::GetStreamErrorKind::JetStream(missing.clone())), Outcome::success());
        assert_eq!(of(context::GetStreamErrorKind::JetStream(full.clone())), Outcome::failure());
        let behind = Error::with_source(context::PublishErrorKind::Other, full);
        assert_eq!(behind.classify(), Outcome::failure());
        let behind = Error::with_source(context::PublishErrorKind::Other, missing);
        assert_eq!(behind.classify(), Outcome::success());
        let deeper = Error::with_source(kv::PutErrorKind::Ack, behind);
        assert_eq!(deeper.classify(), Outcome::success());
        assert_eq!(preset(&Box::<dyn error::Error>::from(deeper)), Outcome::success());
    }

    #[test]
    fn a_key_counts_by_the_table() {
        assert_eq!(of(kv::CreateErrorKind::AlreadyExists), Outcome::success());
        assert_eq!(of(kv::UpdateErrorKind::WrongLastRevision), Outcome::success());
        assert_eq!(of(kv::PutErrorKind::InvalidKey), Outcome::ignored());
        assert_eq!(of(kv::EntryErrorKind::TimedOut), Outcome::failure());
        let none = stream::DirectGetErrorKind::ErrorResponse(async_nats::StatusCode::NO_RESPONDERS, String::new());
        assert_eq!(of(none), Outcome::failure());
    }

    #[test]
    fn a_rejection_by_another_breaker_is_ignored() {
        let breaker = CircuitBreaker::new("inner", Config::new()).unwrap();
        breaker.force_open();
        let rejected = || breaker.try_acquire().unwrap_err();
        let error = Error::with_source(client::RequestErrorKind::Other, rejected());
        assert_eq!(error.classify(), Outcome::ignored());
        assert_eq!(preset(&Err::<(), _>(error)).outcome(), Outcome::ignored());
    }
}
