//! Tests async-nats and its preset with a real nats-server.

use async_nats::jetstream::context::traits::TimeoutProvider as _;
use async_nats::jetstream::{self, Context, kv, stream};
use async_nats::{Client, ConnectOptions, client};
use breaker_clients::{FAIL_MAX, breaker, closes, opens, stays_closed};
use breaker_core::{CallError, CircuitBreaker, State, presets};
use breaker_servers::{Hanging, Path, Server, UNRESOLVABLE, refused, until};
use futures_util::StreamExt as _;
use std::time::Duration;

/// The time limit of a request, and a longer one for a breaker that has to see the client's own.
const REQUEST: Duration = Duration::from_millis(200);
const CALL: Duration = Duration::from_secs(5);

fn options() -> ConnectOptions {
    ConnectOptions::new()
        .connection_timeout(CALL)
        .request_timeout(Some(REQUEST))
        .ping_interval(REQUEST)
        .reconnect_delay_callback(|_| Duration::from_millis(50))
}

async fn connect(breaker: &CircuitBreaker, address: String) {
    let options = options().connection_timeout(REQUEST);
    let _ = breaker.call_classified(options.connect(address), presets::async_nats).await;
}

async fn request(breaker: &CircuitBreaker, client: &Client, subject: &'static str) {
    let _ = breaker.call_classified(client.request(subject, "text".into()), presets::async_nats).await;
}

async fn client_at(port: u16) -> Client {
    options().connect(format!("127.0.0.1:{port}")).await.expect("the server answers")
}

/// Answers every request to `echo`, on a connection of its own.
async fn echo(port: u16) -> Client {
    let client = client_at(port).await;
    let mut asked = client.subscribe("echo").await.expect("it is connected");
    client.flush().await.expect("it is connected");
    let answering = client.clone();
    tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let reply = message.reply.expect("it is a request");
            // The connection may be down; the service then subscribes again.
            let _ = answering.publish(reply, message.payload).await;
        }
    });
    until("the subscription is known", async || client.request("echo", "".into()).await.is_ok()).await;
    client
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_opens() {
    let hanging = Hanging::start().await;
    let named = format!("{UNRESOLVABLE}:4222");
    for address in [format!("127.0.0.1:{}", refused()), named, format!("127.0.0.1:{}", hanging.port)] {
        let breaker = breaker("nats", Some(CALL));
        let seen = opens(&breaker, async || connect(&breaker, address.clone()).await).await;
        assert_eq!(seen.failure_count, u64::from(FAIL_MAX), "{address}");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_the_callers_mistake() {
    let breaker = breaker("nats", Some(CALL));
    stays_closed(&breaker, async || connect(&breaker, "127.0.0.1:no-port".into()).await).await;
}

#[tokio::test]
async fn wrong_credentials_open_and_right_ones_close() {
    let Some(server) = Server::nats("authorization { user: ann, password: secret }").await else { return };
    let (breaker, address) = (breaker("nats", Some(CALL)), format!("127.0.0.1:{}", server.port));
    let with = async |password: &str| {
        let options = options().user_and_password("ann".into(), password.into());
        let _ = breaker.call_classified(options.connect(&address), presets::async_nats).await;
    };
    opens(&breaker, async || with("wrong").await).await;
    closes(&breaker, async || with("secret").await).await;
}

#[tokio::test]
async fn a_frozen_server_opens_and_closes_again() {
    let Some(server) = Server::nats("").await else { return };
    let (breaker, client) = (breaker("nats", Some(CALL)), client_at(server.port).await);
    let _responder = echo(server.port).await;
    server.freeze();
    opens(&breaker, async || request(&breaker, &client, "echo").await).await;
    server.thaw();
    closes(&breaker, async || request(&breaker, &client, "echo").await).await;
}

#[tokio::test]
async fn a_server_that_is_killed_opens_and_closes_after_its_start() {
    let Some(mut server) = Server::nats("").await else { return };
    let (breaker, client) = (breaker("nats", Some(CALL)), client_at(server.port).await);
    let responder = echo(server.port).await;
    let mut silent = responder.subscribe("silent").await.expect("it is connected");
    responder.flush().await.expect("it is connected");
    until("the subscription is known", async || {
        let asked = client.publish("silent", "".into()).await.is_ok();
        asked && tokio::time::timeout(REQUEST, silent.next()).await.is_ok()
    })
    .await;
    let in_mid_call = async {
        silent.next().await.expect("the request comes");
        server.kill();
    };
    tokio::join!(request(&breaker, &client, "silent"), in_mid_call);
    assert_eq!(breaker.snapshot().failure_count, 1);
    for _ in 1..FAIL_MAX {
        request(&breaker, &client, "echo").await;
    }
    assert_eq!(breaker.state(), State::Open);
    server.restart().await;
    closes(&breaker, async || request(&breaker, &client, "echo").await).await;
}

#[tokio::test]
async fn a_path_that_goes_dark_opens_and_closes_by_a_new_connection() {
    let Some(server) = Server::nats("").await else { return };
    let path = Path::to(server.port).await;
    let address = format!("127.0.0.1:{}", path.port);
    // Three missed pings end the connection, later than three requests do. By default they are a
    // minute apart.
    let client = options().ping_interval(REQUEST * 3).connect(&address).await.expect("the server answers");
    let default = ConnectOptions::new().request_timeout(Some(REQUEST));
    assert!(format!("{default:?}").contains("\"ping_interval\": 60s"), "{default:?}");
    let clinging = default.connect(&address).await.expect("the server answers");
    let breakers = [breaker("nats", Some(CALL)), breaker("nats, clinging", Some(CALL))];
    let _responder = echo(server.port).await;
    path.darken();
    for (breaker, client) in breakers.iter().zip([&client, &clinging]) {
        opens(breaker, async || request(breaker, client, "echo").await).await;
    }
    closes(&breakers[0], async || request(&breakers[0], &client, "echo").await).await;
    request(&breakers[1], &clinging, "echo").await;
    assert_eq!((breakers[1].state(), path.accepted()), (State::Open, 3), "it has made no connection");
}

#[tokio::test]
async fn answers_are_awaited_for_seconds_by_default() {
    let Some(server) = Server::nats("").await else { return };
    let client = async_nats::connect(format!("127.0.0.1:{}", server.port)).await.expect("the server answers");
    assert_eq!(client.timeout(), Some(Duration::from_secs(10)));
    let store = jetstream::new(client);
    assert_eq!(store.timeout(), Duration::from_secs(5));
}

#[tokio::test]
async fn pauses_between_connections_grow_by_default() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let options = ConnectOptions::new().retry_on_initial_connect();
    let _client = options.connect(format!("127.0.0.1:{port}")).await.expect("it says so before it has tried");
    // Each connection ends at once. The tenth comes after a pause of 256 ms, or more.
    let mut begun = Vec::new();
    while begun.len() < 10 {
        drop(listener.accept().await.expect("it is tried again"));
        begun.push(tokio::time::Instant::now());
    }
    let waited = begun[9] - begun[8];
    assert!(waited > Duration::from_millis(100), "{waited:?}");
}

#[tokio::test]
async fn a_server_that_is_full_opens_and_closes_when_there_is_room() {
    let Some(server) = Server::nats("max_connections: 1").await else { return };
    let (breaker, address) = (breaker("nats", Some(CALL)), format!("127.0.0.1:{}", server.port));
    let held = client_at(server.port).await;
    opens(&breaker, async || connect(&breaker, address.clone()).await).await;
    held.drain().await.expect("it is connected");
    closes(&breaker, async || connect(&breaker, address.clone()).await).await;
}

#[tokio::test]
async fn a_queue_that_nobody_empties_is_seen_by_the_breakers_own_limit_only() {
    let Some(server) = Server::nats("").await else { return };
    let options = options().ping_interval(Duration::from_secs(60)).client_capacity(4);
    let client = options.connect(format!("127.0.0.1:{}", server.port)).await.expect("the server answers");
    let breaker = breaker("nats", Some(REQUEST * 2));
    server.freeze();
    let text = vec![0; 1_000_000];
    until("it opens", async || {
        let publish = client.publish("subject", text.clone().into());
        let _ = breaker.call_classified(publish, presets::async_nats).await;
        breaker.state() == State::Open
    })
    .await;
    let seen = breaker.snapshot();
    assert_eq!(seen.failure_count, u64::from(FAIL_MAX));
    assert!(seen.success_count > 0, "what goes into the queue counts as a success");
    // Its own time limit begins after the queue.
    let asking = breaker_clients::breaker("nats, asking", Some(REQUEST * 2));
    let ended = asking.call_classified(client.request("subject", "".into()), presets::async_nats).await.map(drop);
    assert!(matches!(ended, Err(CallError::Rejected(error)) if error.is_timeout()));
}

#[tokio::test]
async fn a_publish_and_a_subscription_see_nothing_of_an_outage() {
    let Some(mut server) = Server::nats("").await else { return };
    let (breaker, client) = (breaker("nats", Some(CALL)), client_at(server.port).await);
    server.kill();
    for _ in 0..10 {
        let _ = breaker.call_classified(client.publish("subject", "text".into()), presets::async_nats).await;
        let _ = breaker.call_classified(client.subscribe("subject"), presets::async_nats).await;
    }
    assert_eq!((breaker.state(), breaker.snapshot().success_count), (State::Closed, 20));
}

#[tokio::test]
async fn a_flush_asks_a_frozen_server_nothing() {
    let Some(server) = Server::nats("").await else { return };
    let (breaker, client) = (breaker("nats", Some(CALL)), client_at(server.port).await);
    server.freeze();
    client.publish("subject", "text".into()).await.expect("it is in the queue");
    breaker.call_classified(client.flush(), presets::async_nats).await.expect("the bytes are with the system");
    assert_eq!(breaker.snapshot().success_count, 1);
}

#[tokio::test]
async fn a_subject_that_is_not_permitted_cannot_be_told_from_a_server_that_hangs() {
    let user = "{ user: ann, password: secret, permissions: { publish: \"open\" } }";
    let Some(server) = Server::nats(&format!("authorization {{ users: [{user}] }}")).await else { return };
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let options = options().user_and_password("ann".into(), "secret".into()).event_callback(move |event| {
        // The test may have ended.
        let _ = told.send(event);
        async {}
    });
    let client = options.connect(format!("127.0.0.1:{}", server.port)).await.expect("she may connect");
    let breaker = breaker("nats", Some(CALL));
    let published = client.publish("closed", "text".into());
    breaker.call_classified(published, presets::async_nats).await.expect("it is in the queue");
    opens(&breaker, async || request(&breaker, &client, "closed").await).await;
    let refused = async || matches!(hears.recv().await, Some(async_nats::Event::ServerError(_)));
    until("the callback is told", refused).await;
}

#[tokio::test]
async fn a_service_that_is_not_there_opens_and_closes_when_it_is() {
    let Some(server) = Server::nats("").await else { return };
    let (breaker, client) = (breaker("nats", Some(CALL)), client_at(server.port).await);
    opens(&breaker, async || request(&breaker, &client, "echo").await).await;
    let _responder = echo(server.port).await;
    closes(&breaker, async || request(&breaker, &client, "echo").await).await;
}

#[tokio::test]
async fn a_limit_of_reconnects_ends_the_client_for_ever() {
    let Some(mut server) = Server::nats("").await else { return };
    let options = options().max_reconnects(2);
    let client = options.connect(format!("127.0.0.1:{}", server.port)).await.expect("the server answers");
    let breaker = breaker("nats", Some(CALL));
    server.kill();
    let ended = |error: async_nats::RequestError| error.kind() == client::RequestErrorKind::Other;
    until("the client ends", async || client.request("echo", "".into()).await.is_err_and(ended)).await;
    server.restart().await;
    let _responder = echo(server.port).await;
    opens(&breaker, async || request(&breaker, &client, "echo").await).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    request(&breaker, &client, "echo").await;
    assert_eq!(breaker.state(), State::Open, "it never heals");
}

#[tokio::test]
async fn a_client_that_was_drained_cannot_be_told_from_one_that_has_ended() {
    let Some(server) = Server::nats("").await else { return };
    let (breaker, client) = (breaker("nats", Some(CALL)), client_at(server.port).await);
    client.drain().await.expect("it is connected");
    let ended = |error: async_nats::RequestError| error.kind() == client::RequestErrorKind::Other;
    until("it has ended", async || client.request("echo", "".into()).await.is_err_and(ended)).await;
    opens(&breaker, async || request(&breaker, &client, "echo").await).await;
}

#[tokio::test]
async fn a_first_connection_that_is_tried_again_is_ok_at_once() {
    let breaker = breaker("nats", Some(CALL));
    let options = options().retry_on_initial_connect();
    let connected = options.connect(format!("127.0.0.1:{}", refused()));
    breaker.call_classified(connected, presets::async_nats).await.expect("it says so before it has tried");
    let Some(server) = Server::nats("authorization { user: ann, password: secret }").await else { return };
    let options = self::options().retry_on_initial_connect().user_and_password("ann".into(), "wrong".into());
    let connected = breaker.call_classified(options.connect(format!("127.0.0.1:{}", server.port)), presets::async_nats);
    let client = connected.await.expect("it says so before the server has answered");
    opens(&breaker, async || request(&breaker, &client, "echo").await).await;
}

#[tokio::test]
async fn a_thousand_mistakes_of_the_caller_leave_it_closed() {
    let settings = "max_payload: 1000\njetstream { store_dir: \"DIR\" }";
    let Some(server) = Server::nats(settings).await else { return };
    let (breaker, client) = (breaker("nats", Some(CALL)), client_at(server.port).await);
    let store = jetstream::new(client.clone());
    let stream = stream::Config { name: "S".into(), subjects: vec!["s".into()], ..stream::Config::default() };
    let made = store.create_stream(stream.clone()).await.expect("there is room");
    store.publish("s", "text".into()).await.expect("it is sent").await.expect("it is stored");
    let bucket = bucket(&store).await;
    bucket.create("key", "value".into()).await.expect("it is new");
    let (mut turn, big) = (0, vec![0; 2_000]);
    stays_closed(&breaker, async || {
        turn += 1;
        let ended = match turn % 14 {
            0 => breaker.call_classified(client.request("a b", "".into()), presets::async_nats).await.map(drop).is_ok(),
            1 => breaker.call_classified(client.publish("s", big.clone().into()), presets::async_nats).await.is_ok(),
            2 => breaker.call_classified(client.subscribe("a b"), presets::async_nats).await.is_ok(),
            3 => breaker.call_classified(client.queue_subscribe("a", "q q".into()), presets::async_nats).await.is_ok(),
            4 => breaker.call_classified(store.get_stream("none"), presets::async_nats).await.is_ok(),
            5 => breaker.call_classified(store.get_stream("n.o"), presets::async_nats).await.is_ok(),
            6 => breaker.call_classified(made.get_raw_message(99), presets::async_nats).await.is_ok(),
            7 => breaker.call_classified(made.consumer_info("none"), presets::async_nats).await.is_ok(),
            8 => breaker.call_classified(bucket.create("key", "".into()), presets::async_nats).await.is_ok(),
            9 => breaker.call_classified(bucket.update("key", "".into(), 99), presets::async_nats).await.is_ok(),
            10 => breaker.call_classified(bucket.put("a key", "".into()), presets::async_nats).await.is_ok(),
            11 => {
                let three = stream::Config { name: "R".into(), num_replicas: 3, ..stream::Config::default() };
                breaker.call_classified(store.create_stream(three), presets::async_nats).await.is_ok()
            }
            12 => {
                let other = stream::Config { subjects: vec!["t".into()], ..stream.clone() };
                breaker.call_classified(store.create_stream(other), presets::async_nats).await.is_ok()
            }
            _ => {
                let late = jetstream::message::PublishMessage::build().expected_last_sequence(99);
                let publish = async { store.send_publish("s", late).await?.await };
                breaker.call_classified(publish, presets::async_nats).await.is_ok()
            }
        };
        assert!(!ended, "mistake {} is one", turn % 14);
    })
    .await;
}

/// Through its stream: this client's `create_key_value` needs account fields that a server of
/// version 2.9 does not send.
async fn bucket(store: &Context) -> kv::Store {
    let config = stream::Config {
        name: "KV_B".into(),
        subjects: vec!["$KV.B.>".into()],
        max_messages_per_subject: 1,
        allow_rollup: true,
        deny_delete: true,
        ..stream::Config::default()
    };
    store.create_stream(config).await.expect("there is room");
    store.get_key_value("B").await.expect("it is a bucket")
}

/// Publishes to the stream `S` and waits for the acknowledgement.
async fn stored(breaker: &CircuitBreaker, store: &Context) {
    let publish = async { store.publish("s", "text".into()).await?.await };
    let _ = breaker.call_classified(publish, presets::async_nats).await;
}

async fn store_at(port: u16, messages: i64) -> Context {
    let mut store = jetstream::new(client_at(port).await);
    store.set_timeout(REQUEST);
    let config = stream::Config {
        name: "S".into(),
        subjects: vec!["s".into()],
        max_messages: messages,
        discard: stream::DiscardPolicy::New,
        ..stream::Config::default()
    };
    store.create_stream(config).await.expect("there is room");
    store
}

#[tokio::test]
async fn a_stream_that_is_full_opens_and_closes_when_there_is_room() {
    let Some(server) = Server::nats("jetstream { store_dir: \"DIR\" }").await else { return };
    let (breaker, store) = (breaker("jetstream", Some(CALL)), store_at(server.port, 1).await);
    stored(&breaker, &store).await;
    assert_eq!(breaker.snapshot().success_count, 1);
    opens(&breaker, async || stored(&breaker, &store).await).await;
    store.get_stream("S").await.expect("it is there").purge().await.expect("it is emptied");
    closes(&breaker, async || {
        stored(&breaker, &store).await;
        if breaker.state() != State::Closed {
            store.get_stream("S").await.expect("it is there").purge().await.expect("it is emptied");
        }
    })
    .await;
}

#[tokio::test]
async fn a_store_that_is_killed_opens_and_closes_after_its_start() {
    let Some(mut server) = Server::nats("jetstream { store_dir: \"DIR\" }").await else { return };
    let (breaker, store) = (breaker("jetstream", Some(CALL)), store_at(server.port, 1_000).await);
    stored(&breaker, &store).await;
    server.kill();
    opens(&breaker, async || stored(&breaker, &store).await).await;
    server.restart().await;
    closes(&breaker, async || stored(&breaker, &store).await).await;
}

#[tokio::test]
async fn a_window_of_unacknowledged_messages_that_is_full_is_ignored() {
    let Some(server) = Server::nats("jetstream { store_dir: \"DIR\" }").await else { return };
    let breaker = breaker("jetstream", Some(CALL));
    let client = store_at(server.port, 1_000).await.client();
    let store = jetstream::ContextBuilder::new().max_ack_inflight(1).backpressure_on_inflight(false).build(client);
    server.freeze();
    let held = store.publish("s", "text".into()).await.expect("it is sent");
    stays_closed(&breaker, async || {
        let publish = breaker.call_classified(store.publish("s", "text".into()), presets::async_nats).await;
        publish.expect_err("the window is full");
    })
    .await;
    assert_eq!(breaker.snapshot().success_count, 0);
    drop(held);
}
