//! Tests lapin and its preset with a real RabbitMQ.
//!
//! A broker takes seconds to start, so one test goes through all its faults.

use breaker_clients::{FAIL_MAX, breaker, closes, opens, stays_closed};
use breaker_core::{CallError, CircuitBreaker, State, presets};
use breaker_servers::{Hanging, Path, RabbitMq, UNRESOLVABLE, refused, until};
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};
use std::time::Duration;

/// The breaker's own limit: connecting, and the wait for a confirm, have no other.
const CALL: Duration = Duration::from_millis(500);

fn uri(port: u16) -> String {
    format!("amqp://guest:guest@127.0.0.1:{port}/%2f")
}

async fn connect(breaker: &CircuitBreaker, uri: &str) {
    let connecting = Connection::connect(uri, ConnectionProperties::default());
    let _ = breaker.call_classified(connecting, presets::lapin).await;
}

async fn confirmed(connection: &Connection) -> Channel {
    let channel = connection.create_channel().await.expect("it is connected");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("the broker can");
    channel
}

/// A connection that notices a loss within seconds and reconnects by itself, however often that
/// takes.
async fn recovering(port: u16) -> (Connection, Channel) {
    let pause = Duration::from_millis(200);
    let properties = ConnectionProperties::default().enable_auto_recover();
    let properties = properties.configure_backoff(|backoff| backoff.with_max_delay(pause).without_max_times());
    let uri = format!("{}?heartbeat=1", uri(port));
    let connection = Connection::connect(&uri, properties).await.expect("the broker answers");
    let channel = confirmed(&connection).await;
    (connection, channel)
}

async fn send(channel: &Channel, exchange: &str, queue: &str) -> lapin::Result<Confirmation> {
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel.basic_publish(exchange.into(), queue.into(), options, b"text", properties).await?.await
}

async fn publish(breaker: &CircuitBreaker, channel: &Channel, queue: &str) {
    let _ = breaker.call_classified(send(channel, "", queue), presets::lapin).await;
}

async fn declare(channel: &Channel, queue: &str, arguments: FieldTable) {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), options, arguments).await.expect("it is new, or the same");
}

#[tokio::test]
async fn a_broker_that_cannot_be_reached_opens() {
    let hanging = Hanging::start().await;
    let named = format!("amqp://guest:guest@{UNRESOLVABLE}/%2f");
    for uri in [uri(refused()), named, uri(hanging.port)] {
        let breaker = breaker("amqp", Some(CALL));
        let seen = opens(&breaker, async || connect(&breaker, &uri).await).await;
        assert_eq!(seen.failure_count, u64::from(FAIL_MAX), "{uri}");
    }
}

#[tokio::test]
async fn connecting_has_no_limit_but_the_breakers() {
    let (hanging, breaker) = (Hanging::start().await, breaker("amqp", Some(CALL)));
    let limited = format!("{}?connection_timeout=50", uri(hanging.port));
    let connecting = Connection::connect(&limited, ConnectionProperties::default());
    let ended = breaker.call_classified(connecting, presets::lapin).await.map(drop);
    assert!(matches!(ended, Err(CallError::Rejected(error)) if error.is_timeout()), "the URI is not asked");
}

#[test]
fn recovery_gives_up_after_sixteen_tries_by_default() {
    let shown = std::sync::Mutex::new(String::new());
    let _properties = ConnectionProperties::default().enable_auto_recover().configure_backoff(|backoff| {
        *shown.lock().expect("nobody panics") = format!("{backoff:?}");
        backoff
    });
    let shown = shown.into_inner().expect("nobody panics");
    assert!(shown.contains("max_times: Some(16)"), "{shown}");
}

#[tokio::test]
async fn a_first_connection_that_recovers_by_itself_has_no_other_limit() {
    let breaker = breaker("amqp", Some(CALL));
    let uri = uri(refused());
    opens(&breaker, async || {
        let properties = ConnectionProperties::default().enable_auto_recover();
        let _ = breaker.call_classified(Connection::connect(&uri, properties), presets::lapin).await;
    })
    .await;
}

#[tokio::test]
async fn a_broker_in_all_its_states() {
    let Some(mut broker) = RabbitMq::start().await else { return };
    mistakes_leave_it_closed(broker.server.port).await;
    a_login_that_is_refused_opens(broker.server.port).await;
    a_full_queue_is_a_refusal_that_is_no_error(broker.server.port).await;
    a_connection_that_is_full_is_ignored(broker.server.port).await;
    a_channel_that_is_closed_is_ignored(broker.server.port).await;
    no_room_for_connections_opens(&broker).await;
    a_memory_alarm_opens_and_closes_after_it(&broker).await;
    a_dark_path_opens_and_closes(broker.server.port).await;
    a_frozen_broker_opens_and_closes_again(&broker).await;
    a_broker_that_is_killed_opens_and_closes_after_its_start(&mut broker).await;
}

async fn mistakes_leave_it_closed(port: u16) {
    let connection = Connection::connect(&uri(port), ConnectionProperties::default()).await.expect("it answers");
    declare(&confirmed(&connection).await, "durable", FieldTable::default()).await;
    let other = Connection::connect(&uri(port), ConnectionProperties::default()).await.expect("it answers");
    let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let owner = confirmed(&other).await;
    owner.queue_declare("owned".into(), exclusive, FieldTable::default()).await.expect("it is new");
    let breaker = breaker("amqp", Some(CALL * 4));
    let mut turn = 0;
    stays_closed(&breaker, async || {
        turn += 1;
        // Each mistake closes its channel.
        let channel = confirmed(&connection).await;
        let mistaken = async {
            match turn % 6 {
                0 => send(&channel, "none", "none").await.map(drop),
                1 => {
                    let options = QueueDeclareOptions::default();
                    channel.queue_declare("durable".into(), options, FieldTable::default()).await.map(drop)
                }
                2 => {
                    let options = QueueDeclareOptions::default();
                    channel.queue_declare("amq.own".into(), options, FieldTable::default()).await.map(drop)
                }
                3 => {
                    let options = QueueDeclareOptions::default();
                    channel.queue_declare("owned".into(), options, FieldTable::default()).await.map(drop)
                }
                4 => {
                    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
                    channel.queue_declare("none".into(), options, FieldTable::default()).await.map(drop)
                }
                _ => {
                    let options = BasicConsumeOptions::default();
                    channel.basic_consume("none".into(), "".into(), options, FieldTable::default()).await.map(drop)
                }
            }
        };
        breaker.call_classified(mistaken, presets::lapin).await.expect_err("it is a mistake");
    })
    .await;
    assert_eq!(breaker.snapshot().success_count, 1_000, "the broker has answered");
    a_mistake_may_cost_the_connection(&breaker, &connection).await;
}

async fn a_mistake_may_cost_the_connection(breaker: &CircuitBreaker, connection: &Connection) {
    let (channel, other) = (confirmed(connection).await, confirmed(connection).await);
    let kind = ExchangeKind::Custom("none".into());
    let options = ExchangeDeclareOptions::default();
    let declared = channel.exchange_declare("e".into(), kind, options, FieldTable::default());
    breaker.call_classified(declared, presets::lapin).await.expect_err("there is no such kind");
    assert_eq!(breaker.snapshot().failure_count, 0);
    // For a moment the channels are about to close, and such calls are ignored.
    until("the others see it", async || {
        publish(breaker, &other, "durable").await;
        breaker.state() == State::Open
    })
    .await;
}

async fn a_login_that_is_refused_opens(port: u16) {
    let (wrong, breaker) = (format!("amqp://guest:wrong@127.0.0.1:{port}/%2f"), breaker("amqp", Some(CALL * 4)));
    opens(&breaker, async || connect(&breaker, &wrong).await).await;
    closes(&breaker, async || connect(&breaker, &uri(port)).await).await;
    let nowhere = format!("amqp://guest:guest@127.0.0.1:{port}/nowhere");
    opens(&breaker, async || connect(&breaker, &nowhere).await).await;
}

async fn a_full_queue_is_a_refusal_that_is_no_error(port: u16) {
    let (_connection, channel) = recovering(port).await;
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    arguments.insert("x-overflow".into(), AMQPValue::LongString(LongString::from("reject-publish")));
    declare(&channel, "small", arguments).await;
    let breaker = breaker("amqp", Some(CALL * 4));
    for _ in 0..10 {
        publish(&breaker, &channel, "small").await;
    }
    assert_eq!(breaker.state(), State::Closed, "by its errors alone");
    let publish = async || {
        let _ = breaker.call_classified(send(&channel, "", "small"), presets::both).await;
    };
    opens(&breaker, publish).await;
    channel.queue_purge("small".into(), lapin::options::QueuePurgeOptions::default()).await.expect("it is there");
    closes(&breaker, async || {
        publish().await;
        if breaker.state() != State::Closed {
            let purged = channel.queue_purge("small".into(), lapin::options::QueuePurgeOptions::default());
            purged.await.expect("it is there");
        }
    })
    .await;
}

async fn a_connection_that_is_full_is_ignored(port: u16) {
    let uri = format!("{}?channel_max=1", uri(port));
    let connection = Connection::connect(&uri, ConnectionProperties::default()).await.expect("it answers");
    let _only = connection.create_channel().await.expect("there is room for one");
    let breaker = breaker("amqp", Some(CALL));
    stays_closed(&breaker, async || {
        breaker.call_classified(connection.create_channel(), presets::lapin).await.expect_err("there is no room");
    })
    .await;
    assert_eq!(breaker.snapshot().success_count, 0);
}

async fn a_channel_that_is_closed_is_ignored(port: u16) {
    let (connection, channel) = recovering(port).await;
    connection.close(200, "done".into()).await.expect("it is connected");
    let breaker = breaker("amqp", Some(CALL));
    stays_closed(&breaker, async || publish(&breaker, &channel, "durable").await).await;
    assert_eq!(breaker.snapshot().success_count, 0);
    let (connection, channel) = recovering(port).await;
    send(&channel, "none", "none").await.expect_err("there is no such exchange");
    stays_closed(&breaker, async || publish(&breaker, &channel, "durable").await).await;
    assert_eq!(breaker.snapshot().success_count, 0, "the channel is closed for all of its callers");
    let silent = connection.create_channel().await.expect("the connection is well");
    send(&silent, "none", "none").await.expect("without confirms nothing is told");
}

async fn no_room_for_connections_opens(broker: &RabbitMq) {
    let (breaker, uri) = (breaker("amqp", Some(CALL * 4)), uri(broker.server.port));
    broker.control(&["set_vhost_limits", "-p", "/", r#"{"max-connections": 0}"#]);
    opens(&breaker, async || connect(&breaker, &uri).await).await;
    broker.control(&["clear_vhost_limits", "-p", "/"]);
    closes(&breaker, async || connect(&breaker, &uri).await).await;
}

async fn a_memory_alarm_opens_and_closes_after_it(broker: &RabbitMq) {
    let (connection, channel) = recovering(broker.server.port).await;
    let breaker = breaker("amqp", Some(CALL));
    broker.control(&["set_vm_memory_high_watermark", "0"]);
    until("the broker reads no more", async || {
        publish(&breaker, &channel, "durable").await;
        // On a busy machine a slow answer may open it before the broker says why.
        breaker.state() == State::Open && connection.status().blocked()
    })
    .await;
    let (_own, consumer) = recovering(broker.server.port).await;
    let got = consumer.basic_get("durable".into(), BasicGetOptions::default()).await;
    got.expect("a connection that publishes nothing is served");
    broker.control(&["set_vm_memory_high_watermark", "0.4"]);
    closes(&breaker, async || publish(&breaker, &channel, "durable").await).await;
}

async fn a_dark_path_opens_and_closes(port: u16) {
    let path = Path::to(port).await;
    let (_connection, channel) = recovering(path.port).await;
    // It recovers too, but only after the broker's heartbeat: a minute.
    let properties = ConnectionProperties::default().enable_auto_recover();
    let slow = Connection::connect(&uri(path.port), properties).await.expect("the broker answers");
    assert_eq!(slow.configuration().heartbeat(), 60);
    let clinging = (breaker("amqp, clinging", Some(CALL)), confirmed(&slow).await);
    let breaker = breaker("amqp", Some(CALL));
    publish(&breaker, &channel, "durable").await;
    path.darken();
    opens(&breaker, async || publish(&breaker, &channel, "durable").await).await;
    opens(&clinging.0, async || publish(&clinging.0, &clinging.1, "durable").await).await;
    closes(&breaker, async || publish(&breaker, &channel, "durable").await).await;
    publish(&clinging.0, &clinging.1, "durable").await;
    assert_eq!((clinging.0.state(), path.accepted()), (State::Open, 3), "it has made no connection");
}

async fn a_frozen_broker_opens_and_closes_again(broker: &RabbitMq) {
    let (_connection, channel) = recovering(broker.server.port).await;
    let breaker = breaker("amqp", Some(CALL));
    broker.server.freeze();
    opens(&breaker, async || publish(&breaker, &channel, "durable").await).await;
    broker.server.thaw();
    closes(&breaker, async || publish(&breaker, &channel, "durable").await).await;
}

async fn a_broker_that_is_killed_opens_and_closes_after_its_start(broker: &mut RabbitMq) {
    let (_connection, channel) = recovering(broker.server.port).await;
    // Without recovery, and with a recovery that gives up.
    let mut lost = Vec::new();
    for properties in [ConnectionProperties::default(), ConnectionProperties::default().enable_auto_recover()] {
        let pause = Duration::from_millis(10);
        let properties = properties.configure_backoff(|backoff| backoff.with_min_delay(pause).with_max_times(2));
        let connection = Connection::connect(&uri(broker.server.port), properties).await.expect("the broker answers");
        lost.push((breaker("amqp, lost", Some(CALL)), confirmed(&connection).await));
    }
    let healing = breaker("amqp", Some(CALL));
    let all: Vec<_> = lost.iter().map(|(breaker, channel)| (breaker, channel)).chain([(&healing, &channel)]).collect();
    // In the middle of a call: a broker that is out of memory confirms nothing.
    broker.control(&["set_vm_memory_high_watermark", "0"]);
    let calls =
        futures_util::future::join_all(all.iter().map(|(breaker, channel)| publish(breaker, channel, "durable")));
    let in_mid_call = async {
        tokio::time::sleep(CALL / 4).await;
        broker.server.kill();
    };
    tokio::join!(calls, in_mid_call);
    let how = |breaker: &CircuitBreaker| breaker.snapshot().last_error.expect("it has failed").kind;
    assert_ne!(how(&lost[0].0), "timeout", "without recovery it is told at once");
    assert_eq!(how(&healing), "timeout", "with recovery nobody tells the call that was cut");
    for (breaker, channel) in &all {
        assert_eq!(breaker.snapshot().failure_count, 1);
        for _ in 1..FAIL_MAX {
            publish(breaker, channel, "durable").await;
        }
        assert_eq!(breaker.state(), State::Open);
    }
    broker.server.restart().await;
    closes(&healing, async || publish(&healing, &channel, "durable").await).await;
    for (breaker, channel) in &lost {
        for _ in 0..5 {
            tokio::time::sleep(CALL / 4).await;
            publish(breaker, channel, "durable").await;
        }
        assert_eq!(breaker.state(), State::Open, "it never connects again");
    }
}
