//! Tests that a service that is asked to end answers the requests in flight, for each signal.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Json, Router, routing::post};
use breaker_examples::assistant::client::plain_client;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::{
    harness::KNOWN,
    process::Process,
    reply::{Reply, send},
};

/// How many requests are in flight.
const REQUESTS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_are_answered_when_it_is_asked_to_end() {
    for signal in ["TERM", "INT"] {
        let upstream = Upstream::start(json!([{"generated_text": "fine"}])).await;
        let variables = [("HF_API_URL", upstream.url.as_str()), ("HF_API_KIND", "text_generation")];
        let mut assistant = Process::start("assistant", "", &["--serve", "--port", "0"], &variables);
        let client = plain_client().build().expect("it needs nothing");
        // A stream of the dashboard would last for a minute.
        let feed = client.get(format!("http://{}/dashboard/events", assistant.address)).send().await;
        let feed = feed.expect("the dashboard answers");
        assert_eq!(feed.status(), 200);
        let mut asked = JoinSet::new();
        for number in 0..REQUESTS {
            let question = json!({"query": KNOWN, "user_id": format!("user {number}"), "include_metadata": true});
            asked.spawn(send(client.post(format!("http://{}/query", assistant.address)).json(&question)));
        }
        until("all are under way", async || upstream.received.load(Ordering::SeqCst) == REQUESTS).await;
        assistant.signal(signal);
        until("nobody is let in any longer", async || TcpStream::connect(&assistant.address).await.is_err()).await;
        upstream.answers.send_replace(true);
        let replies: Vec<Reply> = asked.join_all().await;
        assert!(replies.iter().all(|reply| reply.status == 200 && reply.meta("source") == "model"), "{replies:?}");
        assert_eq!(assistant.ended().code(), Some(0), "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_be_asked_twice_ends_it_at_once() {
    let upstream = Upstream::start(Value::Null).await;
    let variables = [("HF_API_URL", upstream.url.as_str()), ("HF_API_KIND", "text_generation")];
    let mut assistant = Process::start("assistant", "", &["--serve", "--port", "0"], &variables);
    let client = plain_client().build().expect("it needs nothing");
    let question = json!({"query": KNOWN, "user_id": "ada"});
    let asked = tokio::spawn(client.post(format!("http://{}/query", assistant.address)).json(&question).send());
    until("it is under way", async || upstream.received.load(Ordering::SeqCst) == 1).await;
    assistant.signal("TERM");
    until("nobody is let in any longer", async || TcpStream::connect(&assistant.address).await.is_err()).await;
    assistant.signal("TERM");
    assert_eq!(assistant.ended().code(), Some(0));
    assert!(asked.await.expect("it does not panic").is_err());
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An API that holds its answers back until the test releases it.
#[derive(Clone)]
struct Upstream {
    received: Arc<AtomicUsize>,
    answers: watch::Sender<bool>,
    url: String,
}

impl Upstream {
    async fn start(answer: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
        let upstream = Self { received: Arc::default(), answers: watch::Sender::new(false), url };
        let (received, answers) = (Arc::clone(&upstream.received), upstream.answers.clone());
        let reply = async move || {
            received.fetch_add(1, Ordering::SeqCst);
            let _ = answers.subscribe().wait_for(|answers| *answers).await;
            Json(answer)
        };
        tokio::spawn(axum::serve(listener, Router::new().route("/", post(reply))).into_future());
        upstream
    }
}
