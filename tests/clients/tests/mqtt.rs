//! Tests rumqttc and its preset with a real mosquitto.
//!
//! A publish only fills a queue, so the event loop reports the broker's state to the breaker.

use breaker_clients::{FAIL_MAX, breaker, closes, stays_closed};
use breaker_core::event::StateChange;
use breaker_core::{CallError, CircuitBreaker, Classify, Listener, Outcome, State, presets};
use breaker_servers::{Hanging, Path, Server, UNRESOLVABLE, refused, until};
use rumqttc::v5::mqttbytes::QoS as QoS5;
use rumqttc::v5::mqttbytes::v5::PubAckReason;
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS, v5};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The breaker's own limit: a publish to a full queue has no other.
const CALL: Duration = Duration::from_millis(200);
/// The pause after a connection that failed: the event loop has none of its own.
const PAUSE: Duration = Duration::from_millis(20);
/// Capacity for messages that are sent and not acknowledged, and for those that wait.
const IN_FLIGHT: u16 = 2;
const QUEUE: usize = 2;

fn options(host: &str, port: u16) -> MqttOptions {
    let mut options = MqttOptions::new(format!("client-{port}"), host, port);
    options.set_keep_alive(Duration::from_secs(2)).set_inflight(IN_FLIGHT);
    options
}

fn start(options: MqttOptions) -> (AsyncClient, EventLoop) {
    let (client, mut event_loop) = AsyncClient::new(options, QUEUE);
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(1);
    event_loop.set_network_options(network);
    (client, event_loop)
}

/// What one step of the event loop counts as: incoming packets are successes, and outgoing ones say
/// nothing.
fn step(polled: &Result<Event, ConnectionError>) -> Option<Outcome> {
    match polled {
        Ok(Event::Incoming(_)) => Some(Outcome::success()),
        Ok(Event::Outgoing(_)) => None,
        Err(error) => Some(error.classify()),
    }
}

/// Keeps the connection, and reports its state to the breaker.
fn watched(breaker: &CircuitBreaker, mut event_loop: EventLoop) -> Watched {
    let breaker = breaker.clone();
    Watched(tokio::spawn(async move {
        loop {
            let polled = event_loop.poll().await;
            if let (Some(outcome), Ok(permit)) = (step(&polled), breaker.try_acquire()) {
                permit.record(outcome);
            }
            if polled.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }))
}

struct Watched(JoinHandle<()>);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A message that is in the queue proves nothing.
async fn publish(breaker: &CircuitBreaker, client: &AsyncClient, topic: &str) {
    let published = client.publish(topic, QoS::AtLeastOnce, false, "text");
    let classify = |result: &Result<(), rumqttc::ClientError>| match result {
        Ok(()) => Outcome::ignored(),
        Err(error) => error.classify(),
    };
    let _ = breaker.call_classified(published, classify).await;
}

async fn opens(breaker: &CircuitBreaker, client: &AsyncClient) {
    let first = first_opening(breaker);
    until("it opens", async || {
        publish(breaker, client, "topic").await;
        breaker.state() == State::Open
    })
    .await;
    first.came_within_fail_max();
}

/// The number of failures when the breaker first opened from now on.
struct Opening {
    before: u64,
    at: Arc<OnceLock<u64>>,
}

fn first_opening(breaker: &CircuitBreaker) -> Opening {
    let opening = Opening { before: breaker.snapshot().failure_count, at: Arc::default() };
    breaker.add_listener(Opens(opening.at.clone()));
    opening
}

impl Opening {
    #[track_caller]
    fn came_within_fail_max(&self) {
        let at = self.at.get().expect("it has opened");
        assert_eq!(at - self.before, u64::from(FAIL_MAX));
    }
}

struct Opens(Arc<OnceLock<u64>>);

impl Listener for Opens {
    fn wants_calls(&self) -> bool {
        false
    }

    fn on_state_change(&self, event: &StateChange<'_>) {
        if event.new == State::Open {
            self.0.get_or_init(|| event.breaker.snapshot().failure_count);
        }
    }
}

#[tokio::test]
async fn a_broker_that_cannot_be_reached_opens() {
    let hanging = Hanging::start().await;
    for (host, port) in [("127.0.0.1", refused()), (UNRESOLVABLE, 1883), ("127.0.0.1", hanging.port)] {
        let breaker = breaker("mqtt", Some(CALL));
        let (_client, event_loop) = start(options(host, port));
        let first = first_opening(&breaker);
        let _watched = watched(&breaker, event_loop);
        until("it opens", async || breaker.state() == State::Open).await;
        first.came_within_fail_max();
        assert_eq!(breaker.snapshot().success_count, 0, "{host}:{port}");
    }
}

#[tokio::test]
async fn wrong_credentials_open_and_right_ones_close() {
    let Some(server) = Server::mosquitto_for("ann", "secret", "").await else { return };
    let breaker = breaker("mqtt", Some(CALL));
    let with = |password: &str| {
        let mut options = options("127.0.0.1", server.port);
        options.set_credentials("ann", password);
        start(options)
    };
    let (_client, event_loop) = with("wrong");
    let first = first_opening(&breaker);
    let wrong = watched(&breaker, event_loop);
    until("it opens", async || breaker.state() == State::Open).await;
    first.came_within_fail_max();
    drop(wrong);
    let (client, event_loop) = with("secret");
    let _right = watched(&breaker, event_loop);
    // The first incoming packet may come while it is open; the next is an acknowledgement.
    closes(&breaker, async || publish(&breaker, &client, "topic").await).await;
}

#[tokio::test]
async fn a_frozen_broker_opens_by_the_full_queue_and_closes_again() {
    let Some(server) = Server::mosquitto("").await else { return };
    let breaker = breaker("mqtt", Some(CALL));
    let (client, event_loop) = start(options("127.0.0.1", server.port));
    let _watched = watched(&breaker, event_loop);
    until("it is connected", async || breaker.snapshot().success_count > 0).await;
    server.freeze();
    opens(&breaker, &client).await;
    server.thaw();
    closes(&breaker, async || publish(&breaker, &client, "topic").await).await;
}

#[tokio::test]
async fn a_broker_that_is_killed_opens_and_closes_after_its_start() {
    let Some(mut server) = Server::mosquitto("").await else { return };
    let breaker = breaker("mqtt", Some(CALL));
    let (client, event_loop) = start(options("127.0.0.1", server.port));
    let _watched = watched(&breaker, event_loop);
    until("it is connected", async || breaker.snapshot().success_count > 0).await;
    let first = first_opening(&breaker);
    server.kill();
    // Without a publish.
    until("it opens", async || breaker.state() == State::Open).await;
    first.came_within_fail_max();
    server.restart().await;
    closes(&breaker, async || publish(&breaker, &client, "topic").await).await;
}

#[tokio::test]
async fn a_broker_that_is_killed_before_it_acknowledges_opens_and_closes_after_its_start() {
    let Some(mut server) = Server::mosquitto("").await else { return };
    let breaker = breaker("mqtt", None);
    let (client, event_loop) = start(options("127.0.0.1", server.port));
    let _watched = watched(&breaker, event_loop);
    until("it is connected", async || breaker.snapshot().success_count > 0).await;
    server.freeze();
    // One message in flight, one in the queue, and one that waits for space in it: without a limit
    // of the breaker.
    for _ in 0..usize::from(IN_FLIGHT) + QUEUE {
        publish(&breaker, &client, "topic").await;
    }
    let (waiting, first) = (publish(&breaker, &client, "topic"), first_opening(&breaker));
    let kills = async {
        server.kill();
        until("it opens", async || breaker.state() == State::Open).await;
        first.came_within_fail_max();
        server.restart().await;
    };
    tokio::join!(waiting, kills);
    closes(&breaker, async || publish(&breaker, &client, "topic").await).await;
}

#[tokio::test]
async fn a_path_that_goes_dark_opens_and_closes_by_a_new_connection() {
    let Some(server) = Server::mosquitto("").await else { return };
    let path = Path::to(server.port).await;
    let breaker = breaker("mqtt", Some(CALL));
    let (client, event_loop) = start(options("127.0.0.1", path.port));
    let _watched = watched(&breaker, event_loop);
    until("it is connected", async || breaker.snapshot().success_count > 0).await;
    path.darken();
    opens(&breaker, &client).await;
    assert_eq!(path.accepted(), 1, "before the pings are missed");
    closes(&breaker, async || publish(&breaker, &client, "topic").await).await;
    assert_eq!(path.accepted(), 2);
}

#[tokio::test]
async fn a_broker_that_is_full_opens_and_closes_when_there_is_room() {
    let Some(server) = Server::mosquitto("max_connections 1").await else { return };
    let client_of = |name: &str| start(MqttOptions::new(name, "127.0.0.1", server.port));
    // Its count is not exact.
    let mut held = Vec::new();
    until("it is full", async || {
        let (client, mut event_loop) = client_of(&format!("held-{}", held.len()));
        let connected = event_loop.poll().await.is_ok();
        held.push((client, event_loop));
        !connected
    })
    .await;
    let breaker = breaker("mqtt", Some(CALL));
    let (client, event_loop) = client_of("another");
    let first = first_opening(&breaker);
    let _watched = watched(&breaker, event_loop);
    until("it opens", async || breaker.state() == State::Open).await;
    first.came_within_fail_max();
    drop(held);
    closes(&breaker, async || publish(&breaker, &client, "topic").await).await;
}

#[tokio::test]
async fn an_event_loop_that_has_ended_opens_for_ever() {
    let breaker = breaker("mqtt", Some(CALL));
    let (client, mut event_loop) = start(options("127.0.0.1", refused()));
    // The usual loop: it ends at the first outage.
    tokio::spawn(async move { while event_loop.poll().await.is_ok() {} }).await.expect("it ends by itself");
    opens(&breaker, &client).await;
    assert_eq!(breaker.snapshot().failure_count, u64::from(FAIL_MAX));
}

#[tokio::test]
async fn an_event_loop_makes_no_pause_and_connects_again_after_ones_own_disconnect() {
    let (_client, mut event_loop) = start(options("127.0.0.1", refused()));
    let spinning = async {
        for _ in 0..1_000 {
            event_loop.poll().await.expect_err("nobody listens");
        }
    };
    tokio::time::timeout(Duration::from_secs(10), spinning).await.expect("a thousand connections take no time");
    let Some(server) = Server::mosquitto("").await else { return };
    let (client, mut event_loop) = start(options("127.0.0.1", server.port));
    client.disconnect().await.expect("there is room in the queue");
    let mut connections = 0;
    until("it connects twice", async || {
        connections += usize::from(matches!(event_loop.poll().await, Ok(Event::Incoming(Packet::ConnAck(_)))));
        connections == 2
    })
    .await;
}

#[tokio::test]
async fn a_publish_sees_nothing_of_an_outage_until_the_queue_is_full() {
    let breaker = breaker("mqtt", Some(CALL));
    let (client, _event_loop) = start(options("127.0.0.1", refused()));
    let published = client.publish("topic", QoS::AtLeastOnce, false, "text");
    breaker.call_classified(published, presets::rumqttc).await.expect("there is room");
    let subscribed = client.subscribe("topic", QoS::AtLeastOnce);
    breaker.call_classified(subscribed, presets::rumqttc).await.expect("there is room for both");
    assert_eq!(breaker.snapshot().success_count, 2);
    let published = client.subscribe("topic", QoS::AtLeastOnce);
    let ended = breaker.call_classified(published, presets::rumqttc).await;
    assert!(matches!(ended, Err(CallError::Rejected(error)) if error.is_timeout()), "it has no limit of its own");
    for _ in 1..FAIL_MAX {
        let published = async { client.try_publish("topic", QoS::AtLeastOnce, false, "text") };
        breaker.call_classified(published, presets::rumqttc).await.expect_err("it is full");
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test]
async fn a_thousand_mistakes_of_the_caller_leave_it_closed() {
    let Some(server) = Server::mosquitto("").await else { return };
    let path = Path::to(server.port).await;
    let breaker = breaker("mqtt", Some(CALL * 10));
    let mut options = options("127.0.0.1", path.port);
    options.set_max_packet_size(1_000, 500);
    let (client, event_loop) = start(options);
    let _watched = watched(&breaker, event_loop);
    until("it is connected", async || breaker.snapshot().success_count > 0).await;
    stays_closed(&breaker, async || publish(&breaker, &client, "a/#").await).await;
    stays_closed(&breaker, async || {
        let subscribed = breaker.call_classified(client.subscribe("a/#/b", QoS::AtMostOnce), presets::rumqttc).await;
        subscribed.expect_err("it is no filter");
    })
    .await;
    assert_eq!(path.accepted(), 1);
    // The event loop drops the connection for this, and makes another one.
    let ignored = breaker.snapshot().ignored_count;
    let big = client.publish("topic", QoS::AtMostOnce, false, vec![0; 600]);
    breaker.call_classified(big, presets::rumqttc).await.expect("there is room in the queue");
    until("the event loop refuses it", async || breaker.snapshot().ignored_count > ignored).await;
    until("it connects again", async || path.accepted() == 2).await;
    assert_eq!((breaker.snapshot().failure_count, breaker.state()), (0, State::Closed));
}

#[test]
fn pings_may_be_a_second_apart_and_five_for_version_5() {
    let mut options = MqttOptions::new("client", "127.0.0.1", 1883);
    assert_eq!(options.keep_alive(), Duration::from_secs(60));
    options.set_keep_alive(Duration::from_secs(1));
    let mut options = v5::MqttOptions::new("client", "127.0.0.1", 1883);
    assert_eq!(options.keep_alive(), Duration::from_secs(60));
    options.set_keep_alive(Duration::from_secs(5));
    let shorter = std::panic::catch_unwind(move || drop(options.set_keep_alive(Duration::from_secs(4)).clone()));
    assert!(shorter.is_err());
}

#[tokio::test]
async fn a_broker_of_version_5_that_is_killed_opens_and_closes_after_its_start() {
    let Some(mut server) = Server::mosquitto("").await else { return };
    let breaker = breaker("mqtt", None);
    let options = v5::MqttOptions::new("five", "127.0.0.1", server.port);
    let (_client, mut event_loop) = v5::AsyncClient::new(options, QUEUE);
    // Each step of the event loop is a call, except outgoing packets.
    let mut step = async || {
        if let Ok(permit) = breaker.try_acquire() {
            match event_loop.poll().await {
                Ok(v5::Event::Outgoing(_)) => permit.ignore(),
                Ok(v5::Event::Incoming(_)) => permit.success(),
                Err(error) => permit.record(error.classify()),
            }
        }
    };
    until("it is connected", async || {
        step().await;
        breaker.snapshot().success_count > 0
    })
    .await;
    server.kill();
    let first = first_opening(&breaker);
    until("it opens", async || {
        step().await;
        breaker.state() == State::Open
    })
    .await;
    first.came_within_fail_max();
    server.restart().await;
    closes(&breaker, step).await;
}

#[tokio::test]
async fn what_a_broker_of_version_5_says_counts() {
    let Some(server) = Server::mosquitto("max_packet_size 1000").await else { return };
    let breaker = breaker("mqtt", None);
    let (client, mut event_loop) = v5::AsyncClient::new(v5::MqttOptions::new("five", "127.0.0.1", server.port), QUEUE);
    client.publish("nobody", QoS5::AtLeastOnce, false, "text").await.expect("there is room");
    let acknowledged = loop {
        let polled = breaker.call_classified(event_loop.poll(), presets::rumqttc).await.map_err(Box::new);
        if let v5::Event::Incoming(v5::Incoming::PubAck(acknowledged)) = polled.expect("it is connected") {
            break acknowledged;
        }
    };
    assert_eq!(acknowledged.reason, PubAckReason::NoMatchingSubscribers);
    assert_eq!(acknowledged.reason.classify(), Outcome::success());
    client.publish("topic", QoS5::AtLeastOnce, false, vec![0; 2_000]).await.expect("there is room");
    breaker.call_classified(event_loop.poll(), presets::rumqttc).await.map_err(Box::new).expect_err("it is too large");
    assert_eq!((breaker.snapshot().failure_count, breaker.snapshot().ignored_count), (0, 1));
}
