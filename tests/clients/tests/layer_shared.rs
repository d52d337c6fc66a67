//! Tests that the breakers of layers stand beside those of annotated functions.
//!
//! They are in the registry, on the dashboard, and in the metrics.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

use breaker_axum::{Dashboard, health_router, install_prometheus, metrics_router};
use breaker_clients::FAIL_MAX;
use breaker_core::{CircuitBreakerError, Registry, State, circuit_breaker};
use breaker_tower::{BoxError, CircuitBreakerHttpClient, CircuitBreakerLayer, CircuitBreakerMiddleware};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tower::{Layer as _, ServiceExt as _};
use web::http1::{Http1, Reply};

const LAYERS: [&str; 4] = ["by-aws", "by-grpc", "by-http", "by-middleware"];

#[circuit_breaker(name = "by-attribute", fail_max = 3)]
async fn annotated(fails: bool) -> Result<(), BoxError> {
    if fails { Err("it is down".into()) } else { Ok(()) }
}

/// A call within the layer of the same name: the layer's call is a part of this one.
#[circuit_breaker(name = "by-http")]
async fn around(port: u16) -> Result<Bytes, BoxError> {
    by_http(port).await
}

async fn by_http(port: u16) -> Result<Bytes, BoxError> {
    let layer = CircuitBreakerLayer::http("by-http").fail_max(FAIL_MAX).build()?;
    let client = layer.layer(Client::builder(TokioExecutor::new()).build_http());
    let request = Request::get(format!("http://127.0.0.1:{port}/")).body(Full::<Bytes>::default())?;
    Ok(client.oneshot(request).await?.into_body().collect().await?.to_bytes())
}

async fn get(app: &axum::Router, path: &str) -> String {
    let request = Request::get(path).header("accept", "application/json").body(axum::body::Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    assert!(answer.status() == 200 || answer.status() == 503, "{path}: {}", answer.status());
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn one_registry_shows_them_all() {
    let registry = Registry::global();
    let handle = install_prometheus(registry).unwrap();
    let app = axum::Router::new()
        .merge(health_router(registry))
        .merge(metrics_router(handle, registry))
        .nest("/dashboard", Dashboard::new(registry).into_router());
    let server = Http1::start(Reply::answer(503, "", "busy")).await;

    annotated(false).await.unwrap();
    annotated(true).await.unwrap_err();
    for _ in 0..FAIL_MAX {
        assert_eq!(by_http(server.port).await.unwrap(), "busy");
    }
    let rejected = by_http(server.port).await.unwrap_err();
    assert!(CircuitBreakerError::find(&*rejected).unwrap().is_rejection());
    // The same breaker, whoever asks for it by its name.
    assert!(CircuitBreakerError::find(&*around(server.port).await.unwrap_err()).unwrap().is_rejection());
    let _grpc = CircuitBreakerLayer::grpc("by-grpc").build().unwrap();
    let client = reqwest_middleware::ClientBuilder::new(
        reqwest::Client::builder().no_proxy().tls_backend_preconfigured(web::tls()).build().unwrap(),
    );
    let client = client.with(CircuitBreakerMiddleware::new("by-middleware").unwrap()).build();
    client.get(server.url()).send().await.unwrap();
    let _aws = CircuitBreakerHttpClient::new("by-aws", aws_smithy_http_client::Builder::new().build_http()).unwrap();

    let mut names: Vec<_> = registry.breakers().iter().map(|breaker| breaker.name().to_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, ["by-attribute"].iter().chain(&LAYERS).copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>());
    assert_eq!(registry.get("by-http").unwrap().state(), State::Open);

    let all: Value = serde_json::from_str(&get(&app, "/health/circuit-breakers").await).unwrap();
    let shown = all.to_string();
    assert!(LAYERS.iter().all(|name| shown.contains(name)), "{shown}");

    let detail: Value = serde_json::from_str(&get(&app, "/dashboard/detail?name=by-http").await).unwrap();
    panic!("{detail:#}\n{shown}\n{}", get(&app, "/metrics").await);
}
