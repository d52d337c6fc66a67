//! Classifies the errors of rumqttc, a client for MQTT 3.1.1 and 5, and what a broker of
//! version 5 acknowledges.

use super::io::never_left;
use super::subject::{self, Subject};
use crate::breaker::error::CircuitBreakerError;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::rumqttc_0_25 as rumqttc;
use rumqttc::mqttbytes::{self, valid_filter, valid_topic};
use rumqttc::v5::mqttbytes::v5::{DisconnectReasonCode, PubAckReason};
use rumqttc::{ClientError, ConnectionError, Request, StateError, v5};
use std::error;

/// The preset for the errors of rumqttc, of both versions of MQTT (feature `rumqttc`).
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | |
/// | `ClientError` with a topic or a filter that is none | ignored | nothing was sent | 0.25.1 |
/// | any other `ClientError`: the queue is full, or the event loop has ended | failure | it fills when the broker takes nothing, or by a burst of this side; the loop ends by the usual `while let Ok(..) = poll()`, or by this side's own end | 0.25.1 |
/// | `ConnectionError`: `Io`, `NetworkTimeout`, `FlushTimeout`, `Timeout`, `Tls` and its like | failure | it cannot be reached, or is too slow | 0.25.1 |
/// | `Io`, where this machine has no port or descriptor left; `RequestsDone` | ignored | nothing was sent; this side ended | |
/// | `ConnectionRefused` with any code | failure | it cannot be used: credentials, too | 0.25.1 |
/// | `MqttState`: `AwaitPingResp`, `CollisionTimeout`, `ConnectionAborted`, and what cannot be read | failure | it is silent, or broke off; your own `disconnect()`, and an empty topic, have the same error | 0.25.1 |
/// | `MqttState`: `OutgoingPacketTooLarge`, `EmptySubscription`, `InvalidAlias`; a packet that is larger than your own limit | ignored | a mistake or a limit of this side; the connection is dropped by it | 0.25.1 |
/// | `ServerDisconnect` for the packet, the topic, the filter or what it does not support | success | it answered | |
/// | `ServerDisconnect` for any other reason | failure | it is busy, shuts down or has moved | |
///
/// | `v5::mqttbytes::v5::PubAckReason` | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | `UnspecifiedError`, `ImplementationSpecificError`, `QuotaExceeded` | failure | the broker cannot take it | |
/// | any other, `NotAuthorized` and `NoMatchingSubscribers` among them | success | it answered | 0.25.1 |
///
/// Some problems cause no error: `publish` and `subscribe` are `Ok` while the broker is dead, since
/// they only fill a queue. Guard a function that waits for the acknowledgement, and give it the
/// error of the event loop.
pub fn rumqttc<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

pub(super) fn known(error: &(dyn error::Error + 'static)) -> Option<Outcome> {
    subject::of::<ClientError>(error)
        .or_else(|| subject::of::<ConnectionError>(error))
        .or_else(|| subject::of::<StateError>(error))
        .or_else(|| subject::of::<v5::ClientError>(error))
        .or_else(|| subject::of::<v5::ConnectionError>(error))
        .or_else(|| subject::of::<v5::StateError>(error))
}

/// An invalid topic or filter is this side's own mistake, and is ignored.
fn unless_invalid(valid: bool) -> Outcome {
    if valid { Outcome::failure() } else { Outcome::ignored() }
}

/// What the error counts as, unless a rejection by another breaker or a shortage of this machine is
/// behind it.
fn unless_own(error: &(dyn error::Error + 'static), outcome: Outcome) -> Outcome {
    match CircuitBreakerError::find(error) {
        Some(error) => error.classify(),
        None if never_left(error) => Outcome::ignored(),
        None => outcome,
    }
}

impl Classify for ClientError {
    fn classify(&self) -> Outcome {
        let (Self::Request(request) | Self::TryRequest(request)) = self;
        unless_invalid(match request {
            Request::Publish(publish) => valid_topic(&publish.topic),
            Request::Subscribe(subscribe) => {
                !subscribe.filters.is_empty() && subscribe.filters.iter().all(|filter| valid_filter(&filter.path))
            }
            _ => true,
        })
    }
}

impl Classify for v5::ClientError {
    fn classify(&self) -> Outcome {
        let (Self::Request(request) | Self::TryRequest(request)) = self;
        unless_invalid(match request {
            v5::Request::Publish(publish) => std::str::from_utf8(&publish.topic).is_ok_and(valid_topic),
            v5::Request::Subscribe(subscribe) => {
                !subscribe.filters.is_empty() && subscribe.filters.iter().all(|filter| valid_filter(&filter.path))
            }
            _ => true,
        })
    }
}

impl Classify for ConnectionError {
    fn classify(&self) -> Outcome {
        match self {
            Self::MqttState(error) => error.classify(),
            Self::RequestsDone => Outcome::ignored(),
            _ => unless_own(self, Outcome::failure()),
        }
    }
}

impl Classify for v5::ConnectionError {
    fn classify(&self) -> Outcome {
        match self {
            Self::MqttState(error) => error.classify(),
            Self::RequestsDone => Outcome::ignored(),
            _ => unless_own(self, Outcome::failure()),
        }
    }
}

impl Classify for StateError {
    fn classify(&self) -> Outcome {
        match self {
            Self::EmptySubscription => Outcome::ignored(),
            Self::Deserialization(error) => packet(error),
            _ => unless_own(self, Outcome::failure()),
        }
    }
}

impl Classify for v5::StateError {
    fn classify(&self) -> Outcome {
        match self {
            Self::EmptySubscription
            | Self::InvalidAlias { .. }
            | Self::OutgoingPacketTooLarge { .. }
            | Self::IncomingPacketTooLarge { .. } => Outcome::ignored(),
            Self::Deserialization(v5::mqttbytes::Error::OutgoingPacketTooLarge { .. }) => Outcome::ignored(),
            Self::ServerDisconnect { reason_code, .. } => disconnected(*reason_code),
            _ => unless_own(self, Outcome::failure()),
        }
    }
}

fn packet(error: &mqttbytes::Error) -> Outcome {
    match error {
        mqttbytes::Error::OutgoingPacketTooLarge { .. }
        | mqttbytes::Error::PayloadSizeLimitExceeded(_)
        | mqttbytes::Error::PayloadTooLong
        | mqttbytes::Error::EmptySubscription => Outcome::ignored(),
        _ => unless_own(error, Outcome::failure()),
    }
}

fn disconnected(reason: DisconnectReasonCode) -> Outcome {
    use DisconnectReasonCode as Reason;
    match reason {
        Reason::TopicFilterInvalid
        | Reason::TopicNameInvalid
        | Reason::TopicAliasInvalid
        | Reason::PacketTooLarge
        | Reason::PayloadFormatInvalid
        | Reason::RetainNotSupported
        | Reason::QoSNotSupported
        | Reason::SharedSubscriptionNotSupported
        | Reason::SubscriptionIdentifiersNotSupported
        | Reason::WildcardSubscriptionsNotSupported => Outcome::success(),
        _ => Outcome::failure(),
    }
}

impl Classify for PubAckReason {
    fn classify(&self) -> Outcome {
        match self {
            Self::UnspecifiedError | Self::ImplementationSpecificError | Self::QuotaExceeded => Outcome::failure(),
            _ => Outcome::success(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rumqttc as preset;
    use super::*;
    use crate::{CircuitBreaker, Config};
    use rumqttc::{AsyncClient, MqttOptions, QoS};
    use std::io::{self, ErrorKind};

    #[tokio::test]
    async fn a_client_counts_by_the_table() {
        let (client, event_loop) = AsyncClient::new(MqttOptions::new("id", "127.0.0.1", 1), 1);
        let publish = |topic| client.try_publish(topic, QoS::AtLeastOnce, false, "text").map_err(Box::new);
        assert_eq!(publish("a/#").unwrap_err().classify(), Outcome::ignored());
        let mistaken = client.subscribe("a/#/b", QoS::AtLeastOnce).await.unwrap_err();
        assert_eq!(preset(&mistaken), Outcome::ignored());
        publish("a").unwrap();
        let full = publish("a").unwrap_err();
        assert_eq!(preset(&(full as Box<dyn error::Error>)), Outcome::failure());
        drop(event_loop);
        assert_eq!(publish("a").unwrap_err().classify(), Outcome::failure());
    }

    #[tokio::test]
    async fn a_client_of_version_5_counts_by_the_table() {
        let (client, event_loop) = v5::AsyncClient::new(v5::MqttOptions::new("id", "127.0.0.1", 1), 1);
        let publish =
            |topic| client.try_publish(topic, v5::mqttbytes::QoS::AtLeastOnce, false, "text").map_err(Box::new);
        assert_eq!(publish("a/#").unwrap_err().classify(), Outcome::ignored());
        let mistaken = client.subscribe("a/#/b", v5::mqttbytes::QoS::AtLeastOnce).await.unwrap_err();
        assert_eq!(preset(&mistaken), Outcome::ignored());
        publish("a").unwrap();
        assert_eq!(publish("a").unwrap_err().classify(), Outcome::failure());
        drop(event_loop);
        assert_eq!(publish("a").unwrap_err().classify(), Outcome::failure());
    }

    #[test]
    fn a_connection_counts_by_the_table() {
        let refused = || io::Error::from(ErrorKind::ConnectionRefused);
        let own = || io::Error::from(ErrorKind::AddrInUse);
        let too_large = mqttbytes::Error::OutgoingPacketTooLarge { pkt_size: 2, max: 1 };
        let refusal = ConnectionError::ConnectionRefused(rumqttc::ConnectReturnCode::NotAuthorized);
        let of_state = |error: StateError| ConnectionError::from(error).classify();
        for ill in [ConnectionError::NetworkTimeout, refused().into(), refusal] {
            assert_eq!(ill.classify(), Outcome::failure(), "{ill}");
        }
        assert_eq!(ConnectionError::from(own()).classify(), Outcome::ignored());
        assert_eq!(ConnectionError::RequestsDone.classify(), Outcome::ignored());
        assert_eq!(of_state(StateError::AwaitPingResp), Outcome::failure());
        assert_eq!(of_state(StateError::ConnectionAborted), Outcome::failure());
        assert_eq!(of_state(mqttbytes::Error::from(refused()).into()), Outcome::failure());
        assert_eq!(of_state(mqttbytes::Error::MalformedPacket.into()), Outcome::failure());
        assert_eq!(of_state(too_large.into()), Outcome::ignored());
    }

    #[test]
    fn a_connection_of_version_5_counts_by_the_table() {
        let of_state = |error: v5::StateError| v5::ConnectionError::from(error).classify();
        let disconnect = |reason_code| v5::StateError::ServerDisconnect { reason_code, reason_string: None };
        let refused = io::Error::from(ErrorKind::ConnectionRefused);
        assert_eq!(v5::ConnectionError::from(refused).classify(), Outcome::failure());
        assert_eq!(v5::ConnectionError::RequestsDone.classify(), Outcome::ignored());
        assert_eq!(of_state(v5::StateError::AwaitPingResp), Outcome::failure());
        assert_eq!(of_state(v5::StateError::OutgoingPacketTooLarge { pkt_size: 2, max: 1 }), Outcome::ignored());
        assert_eq!(of_state(disconnect(DisconnectReasonCode::ServerBusy)), Outcome::failure());
        assert_eq!(of_state(disconnect(DisconnectReasonCode::TopicNameInvalid)), Outcome::success());
    }

    #[test]
    fn an_acknowledgement_counts_by_the_table() {
        for ill in [PubAckReason::QuotaExceeded, PubAckReason::UnspecifiedError] {
            assert_eq!(ill.classify(), Outcome::failure(), "{ill:?}");
        }
        for answered in [PubAckReason::Success, PubAckReason::NotAuthorized, PubAckReason::NoMatchingSubscribers] {
            assert_eq!(answered.classify(), Outcome::success(), "{answered:?}");
        }
    }

    #[test]
    fn a_rejection_by_another_breaker_is_ignored() {
        let breaker = CircuitBreaker::new("inner", Config::new()).unwrap();
        breaker.force_open();
        let rejected = || io::Error::other(breaker.try_acquire().unwrap_err());
        assert_eq!(preset(&ConnectionError::from(rejected())), Outcome::ignored());
        assert_eq!(preset(&v5::ConnectionError::from(rejected())), Outcome::ignored());
        assert_eq!(ConnectionError::from(StateError::from(rejected())).classify(), Outcome::ignored());
    }
}
