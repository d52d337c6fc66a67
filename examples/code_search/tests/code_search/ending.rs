//! Tests that a service that is asked to end answers the requests in flight, for each signal.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json, Router, routing::post};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::{
    harness::{Reply, SOURCE, send, until},
    process::Process,
};

/// How many requests are in flight.
const REQUESTS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_are_answered_when_it_is_asked_to_end() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for signal in ["TERM", "INT"] {
        let directory = tempfile::tempdir().expect("there is room");
        let database = format!("sqlite://{}?mode=rwc", directory.path().join("index.db").display());
        let upstream = Upstream::start(json!([[1.0, 0.0]])).await;
        let variables = [
            ("DATABASE_URL", database.as_str()),
            ("REDIS_URL", "redis://127.0.0.1:1"),
            ("EMBEDDING_MODEL", upstream.url.as_str()),
        ];
        let mut search = Process::start("code_search", "", &["serve", "--port", "0"], &variables);
        let client = Client::builder().tls_certs_only([]).build().expect("it needs nothing");
        let url = format!("http://{}/v1/code", search.address);
        let file = json!({"file_path": "some.rs", "content": SOURCE});
        assert_eq!(send(client.post(format!("{url}/index")).json(&file)).await.status, 200);
        // One query, so that the model is loaded.
        assert_eq!(send(client.get(format!("{url}/search/hybrid?query=hello"))).await.status, 200);
        upstream.answers.send_replace(false);
        let before = upstream.received.load(Ordering::SeqCst);
        let mut asked = JoinSet::new();
        for number in 0..REQUESTS {
            asked.spawn(send(client.get(format!("{url}/search/hybrid?query=hello+number{number}"))));
        }
        until("all are under way", async || upstream.received.load(Ordering::SeqCst) == before + REQUESTS).await;
        search.signal(signal);
        until("nobody is let in any longer", async || TcpStream::connect(&search.address).await.is_err()).await;
        upstream.answers.send_replace(true);
        let replies: Vec<Reply> = asked.join_all().await;
        assert!(replies.iter().all(|reply| reply.status == 200 && reply.body["mode"] == "hybrid"), "{replies:?}");
        assert_eq!(search.ended().code(), Some(0), "{signal}");
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
        let upstream = Self { received: Arc::default(), answers: watch::Sender::new(true), url };
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
