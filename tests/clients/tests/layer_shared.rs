//! Tests that the breakers of layers stand beside those of annotated functions.
//!
//! They are in the registry, on the dashboard, and in the metrics.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

use breaker_axum::{dashboard_router, health_router, install_prometheus, metrics_router};
use breaker_clients::FAIL_MAX;
use breaker_core::{CircuitBreakerError, Registry, State, circuit_breaker};
use breaker_tower::{BoxError, CircuitBreakerHttpClient, CircuitBreakerLayer, CircuitBreakerMiddleware};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _};
use web::http1::{Http1, Reply};

const NAMES: [&str; 5] = ["by-attribute", "by-aws", "by-grpc", "by-http", "by-middleware"];

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
        .merge(health_router(registry).into_router())
        .merge(metrics_router(handle, registry))
        .merge(dashboard_router(registry).nest_at("/dashboard"));
    let server = Http1::start(Reply::ok()).await;

    annotated(false).await.unwrap();
    annotated(true).await.unwrap_err();
    assert_eq!(around(server.port).await.unwrap(), "7");
    server.now(Reply::answer(503, "", "busy"));
    for _ in 0..FAIL_MAX {
        assert_eq!(by_http(server.port).await.unwrap(), "busy");
    }
    let rejected = by_http(server.port).await.unwrap_err();
    assert!(CircuitBreakerError::find(&*rejected).unwrap().is_rejection());
    let of_annotated = around(server.port).await.unwrap_err();
    assert!(CircuitBreakerError::find(&*of_annotated).unwrap().is_rejection(), "it is the same breaker");
    let _grpc = CircuitBreakerLayer::grpc("by-grpc").build().unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(web::tls()).build().unwrap();
    let middleware = CircuitBreakerMiddleware::new("by-middleware").unwrap();
    let client = reqwest_middleware::ClientBuilder::new(client).with(middleware).build();
    client.get(server.url()).send().await.unwrap();
    let _aws = CircuitBreakerHttpClient::new("by-aws", aws_smithy_http_client::Builder::new().build_http()).unwrap();

    let mut names: Vec<_> = registry.breakers().iter().map(|breaker| breaker.name().to_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, NAMES);
    let open = registry.get("by-http").unwrap();
    // The call around the layer's is the same call, so it counts once.
    assert_eq!((open.state(), web::counted(&open)), (State::Open, (1, 3, 0)));

    let all: Value = serde_json::from_str(&get(&app, "/health/circuit-breakers").await).unwrap();
    assert_eq!(all.as_object().unwrap().keys().collect::<Vec<_>>(), NAMES);
    assert_eq!((&all["by-http"]["state"], &all["by-attribute"]["state"]), (&json!("open"), &json!("closed")));

    for name in NAMES {
        let detail: Value = serde_json::from_str(&get(&app, &format!("/dashboard/detail?name={name}")).await).unwrap();
        let sites = detail["call_sites"].as_array().unwrap();
        // Where the function is, and where the layer was built.
        assert_eq!((&detail["name"], sites.len()), (&json!(name), if name == "by-http" { 2 } else { 1 }), "{sites:?}");
        for site in sites {
            assert!(site["place"].as_str().unwrap().contains("layer_shared.rs:"), "{sites:?}");
        }
    }
    let metrics = get(&app, "/metrics").await;
    for line in [
        "circuit_breaker_state{breaker=\"by-http\"} 1",
        "circuit_breaker_calls_total{breaker=\"by-http\",outcome=\"success\"} 1",
        "circuit_breaker_calls_total{breaker=\"by-http\",outcome=\"failure\"} 3",
        "circuit_breaker_calls_total{breaker=\"by-http\",outcome=\"rejected\"} 2",
        "circuit_breaker_calls_total{breaker=\"by-middleware\",outcome=\"failure\"} 1",
        "circuit_breaker_calls_total{breaker=\"by-attribute\",outcome=\"failure\"} 1",
        "circuit_breaker_state{breaker=\"by-aws\"} 0",
        "circuit_breaker_state{breaker=\"by-grpc\"} 0",
    ] {
        assert!(metrics.lines().any(|shown| shown == line), "{line} is not in:\n{metrics}");
    }
}
