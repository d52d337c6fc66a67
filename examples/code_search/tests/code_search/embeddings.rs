//! Tests the models: loaded once, retried after a failure, and missing.

use std::sync::{
    Arc,
    atomic::{AtomicU16, AtomicUsize, Ordering},
};

use axum::{Json, Router, extract::State as Shared, http::StatusCode, routing::post};
use breaker_code_search::embedding::{DIMENSIONS, DualEmbeddingService, EmbeddingError, EmbeddingSettings, Role};
use breaker_core::State;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::harness::{World, embedding, until_recovery};

/// An embedding API with answers that the test sets.
struct Api {
    url: String,
    told: Arc<Told>,
    _tasks: JoinSet<()>,
}

struct Told {
    status: AtomicU16,
    requests: AtomicUsize,
}

impl Api {
    async fn start() -> Self {
        let told = Arc::new(Told { status: AtomicU16::new(200), requests: AtomicUsize::new(0) });
        let routes = Router::new().route("/embed", post(embed)).with_state(Arc::clone(&told));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let url = format!("http://{}/embed", listener.local_addr().expect("it is bound"));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { url, told, _tasks: tasks }
    }

    fn answer(&self, status: u16) {
        self.told.status.store(status, Ordering::SeqCst);
    }

    fn requests(&self) -> usize {
        self.told.requests.load(Ordering::SeqCst)
    }
}

async fn embed(Shared(told): Shared<Arc<Told>>, Json(body): Json<Value>) -> Result<Json<Value>, StatusCode> {
    told.requests.fetch_add(1, Ordering::SeqCst);
    let status = StatusCode::from_u16(told.status.load(Ordering::SeqCst)).expect("it is one");
    if !status.is_success() {
        return Err(status);
    }
    let texts = body["inputs"].as_array().map_or(0, Vec::len);
    Ok(Json(json!(vec![[0.6, 0.8]; texts])))
}

fn service(change: impl FnOnce(&mut EmbeddingSettings)) -> DualEmbeddingService {
    let mut settings = EmbeddingSettings::default();
    change(&mut settings);
    DualEmbeddingService::new(settings)
}

#[tokio::test]
async fn the_built_in_models_need_nobody() {
    let _world = World::new().await;
    let models = service(|_| {});
    for role in [Role::Text, Role::Code] {
        let vectors = models.embed(role, &["read the lock", "open the door"]).await.expect("they are built in");
        assert_eq!((vectors.len(), vectors[0].dimensions()), (2, DIMENSIONS));
        assert!(vectors[0] != vectors[1]);
    }
    assert_eq!(embedding().snapshot().success_count, 2, "two loads, and no other call");
}

#[tokio::test]
async fn three_loads_of_models_that_are_none_open_it() {
    let _world = World::new().await;
    let models = service(|settings| {
        settings.text_model = "no-such-text".to_owned();
        settings.code_model = "no-such-code".to_owned();
    });
    for role in [Role::Text, Role::Text, Role::Code] {
        assert_eq!(embedding().state(), State::Closed);
        let error = models.embed(role, &["x"]).await.expect_err("there is no such model");
        assert!(error.to_string().contains("no-such"), "{error}");
    }
    assert_eq!(embedding().state(), State::Open);
    let rejected = models.embed(Role::Code, &["x"]).await.expect_err("it is open");
    assert!(matches!(rejected, EmbeddingError::Breaker(_)), "{rejected}");
}

#[tokio::test]
async fn a_model_that_is_loaded_goes_on_while_the_other_one_fails() {
    let _world = World::new().await;
    let models = service(|settings| settings.code_model = "no-such-code".to_owned());
    models.embed(Role::Text, &["x"]).await.expect("it is built in");
    for _ in 0..3 {
        models.embed(Role::Code, &["x"]).await.expect_err("there is no such model");
    }
    assert_eq!(embedding().state(), State::Open);
    models.embed(Role::Text, &["x"]).await.expect("it is loaded");
}

#[tokio::test]
async fn a_load_that_failed_is_tried_again_after_the_recovery() {
    let (_world, api) = (World::new().await, Api::start().await);
    let models = service(|settings| settings.text_model = api.url.clone());
    api.answer(503);
    for _ in 0..3 {
        models.embed(Role::Text, &["x"]).await.expect_err("the API answers 503");
    }
    models.embed(Role::Text, &["x"]).await.expect_err("it is open");
    assert_eq!((embedding().state(), api.requests()), (State::Open, 3));
    api.answer(200);
    until_recovery(&embedding()).await;
    assert_eq!(models.embed(Role::Text, &["x"]).await.expect("the API is back")[0].dimensions(), 2);
    assert_eq!((embedding().state(), api.requests()), (State::Closed, 5), "one load and one call");
}

#[tokio::test]
async fn first_calls_at_the_same_time_load_once() {
    let (_world, api) = (World::new().await, Api::start().await);
    let models = Arc::new(service(|settings| settings.text_model = api.url.clone()));
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let models = Arc::clone(&models);
        calls.spawn(async move { models.embed(Role::Text, &["x"]).await.map(|vectors| vectors.len()) });
    }
    for answered in calls.join_all().await {
        assert_eq!(answered.expect("the API answers"), 1);
    }
    assert_eq!(api.requests(), 21);
}

#[tokio::test]
async fn a_refusal_of_the_api_is_an_answer() {
    let (_world, api) = (World::new().await, Api::start().await);
    let models = service(|settings| settings.text_model = api.url.clone());
    api.answer(401);
    for _ in 0..5 {
        let error = models.embed(Role::Text, &["x"]).await.expect_err("it refuses");
        assert!(matches!(error, EmbeddingError::Answered { status: 401, .. }), "{error}");
    }
    assert_eq!(embedding().state(), State::Closed);
}

#[tokio::test]
async fn a_mock_loads_at_once_and_finds_everything_alike() {
    let _world = World::new().await;
    let models = service(|settings| {
        settings.text_model = "no-such-text".to_owned();
        settings.use_mock = true;
    });
    let vectors = models.embed(Role::Text, &["a", "b"]).await.expect("a mock is always there");
    assert_eq!((&vectors[0], vectors[0].dimensions()), (&vectors[1], DIMENSIONS));
}

#[tokio::test]
async fn without_embeddings_the_search_is_by_words_and_says_so() {
    let api = Api::start().await;
    let world = World::with(|config| {
        config.embedding.text_model = api.url.clone();
        config.embedding.code_model = api.url.clone();
    })
    .await;
    assert_eq!(world.index().await.body["degraded"], Value::Null);
    assert_eq!(world.search("say hello").await.body["mode"], "hybrid");
    api.answer(500);
    for _ in 0..3 {
        let reply = world.search("parse retry").await;
        assert_eq!((reply.status.as_u16(), &reply.body["mode"]), (200, &"full_text".into()), "{reply:?}");
        assert_eq!(reply.names()[0], "parse_retry_after");
    }
    let reply = world.search("parse retry").await;
    assert_eq!(reply.body["degraded"], "embedding failed (circuit open)");
    assert_eq!(reply.body["cached"], Value::Null, "half an answer is not kept");
    let indexed = world.index().await;
    assert_eq!((&indexed.body["degraded"], &indexed.body["without_vectors"]), (&reply.body["degraded"], &3.into()));
    assert_eq!(world.search("say hello").await.names()[0], "say_hello");
}

#[tokio::test]
async fn health_is_degraded_until_a_probe_has_succeeded() {
    let api = Api::start().await;
    let world = World::with(|config| config.embedding.text_model = api.url.clone()).await;
    let status = async || world.get("/health").await.body["status"].as_str().map(str::to_owned);
    assert_eq!(status().await.as_deref(), Some("healthy"));
    api.answer(503);
    for search in 0..3 {
        world.search(format!("hello{search}")).await;
    }
    let health = world.get("/health").await.body;
    assert_eq!(
        (&health["status"], &health["critical_circuits_open"][0]),
        (&"degraded".into(), &"embedding_service".into())
    );
    until_recovery(&embedding()).await;
    assert_eq!(status().await.as_deref(), Some("degraded"), "the time alone proves nothing");
    world.search("hello again").await;
    assert_eq!((embedding().state(), status().await.as_deref()), (State::Open, Some("degraded")));
    api.answer(200);
    until_recovery(&embedding()).await;
    assert_eq!(status().await.as_deref(), Some("degraded"));
    assert_eq!(world.search("hello again").await.body["mode"], "hybrid");
    assert_eq!((embedding().state(), status().await.as_deref()), (State::Closed, Some("healthy")));
}
