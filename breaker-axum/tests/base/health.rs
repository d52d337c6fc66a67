//! The health routes, as monitors, orchestrators and people meet them.

use crate::common::{get, request, send};
use axum::{Router, http::Method};
use breaker_axum::health_router;
use breaker_core::{CircuitBreakerError, Config, Registry, circuit_breaker, testing};
use serde_json::Value;

/// A registry that nobody else uses.
fn registry() -> &'static Registry {
    Box::leak(Box::new(Registry::new()))
}

fn router(registry: &'static Registry) -> Router {
    Router::new().merge(health_router(registry))
}

/// Each byte as `%XX`.
fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn health_shows_every_breaker_and_is_degraded_while_a_critical_one_is_not_closed() {
    let registry = registry();
    let model = registry.breaker("model", Config::new().critical(true)).expect("it is new");
    let cache = registry.breaker("cache", Config::new()).expect("it is new");
    let (silent, loud) = (router(registry), health_router(registry).unavailable_while_degraded().into_router::<()>());
    cache.force_open();
    let health = get(&loud, "/health").await;
    assert_eq!((health.status.as_u16(), &health.body["status"]), (200, &"healthy".into()));
    assert_eq!(health.body["circuit_breakers"]["cache"]["state"], "forced_open");
    assert_eq!(health.body["circuit_breakers"]["model"]["config"]["fail_max"], 5);
    assert!(health.body["timestamp"].is_string() && health.body.get("probes").is_none(), "{health:?}");
    model.trip();
    for (router, status) in [(&silent, 200), (&loud, 503)] {
        let health = get(router, "/health").await;
        assert_eq!((health.status.as_u16(), &health.body["status"]), (status, &"degraded".into()));
        assert_eq!(health.body["critical_circuits_open"], serde_json::json!(["model"]));
        let live = get(router, "/health/live").await;
        assert_eq!((live.status.as_u16(), live.body), (200, serde_json::json!({"status": "alive"})));
        let all = get(router, "/health/circuit-breakers").await;
        assert_eq!((all.status.as_u16(), &all.body["model"]["state"]), (200, &"open".into()));
    }
}

#[tokio::test]
async fn a_breaker_is_found_by_any_name() {
    let registry = registry();
    let router = router(registry);
    let long = "x".repeat(10_000);
    for name in
        ["plain", "shop::Client", "a/b/c", "a//b", "[x]", "h[a]/[b]", "日本 ü", "50% \"off\" <b>?#&+", "..", &long]
    {
        registry.breaker(name, Config::new()).expect("it is new").force_open();
        let one = get(&router, &format!("/health/circuit-breakers/{}", encoded(name))).await;
        assert_eq!((one.status.as_u16(), &one.body["name"]), (200, &name.into()), "{name}");
        assert_eq!(one.body["state"], "forced_open");
    }
    assert_eq!(get(&router, "/health/circuit-breakers/a/b/c").await.body["name"], "a/b/c", "a proxy has decoded it");
}

#[circuit_breaker(name = "hosts", key = host)]
async fn fetch(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[tokio::test]
async fn the_breaker_of_a_keys_value_is_found() {
    testing::isolated(async {
        let router = router(Registry::global());
        fetch("example.org/a").await.expect("it is closed");
        let name = "hosts[example.org/a]";
        let one = get(&router, &format!("/health/circuit-breakers/{}", encoded(name))).await;
        assert_eq!((&one.body["name"], &one.body["success_count"]), (&name.into(), &1.into()));
        let other = get(&router, "/health/circuit-breakers/hosts%5Bother%5D").await;
        let message = other.body["message"].to_string();
        assert_eq!((other.status.as_u16(), &other.body["error"]), (404, &"not_found".into()));
        assert!(message.contains("`hosts[other]`: `hosts` has none for this value"), "{message}");
        let misspelt = get(&router, "/health/circuit-breakers/host%5Bother%5D").await;
        assert!(misspelt.body["message"].to_string().contains("did you mean `hosts`?"), "{misspelt:?}");
    })
    .await;
}

#[tokio::test]
async fn for_an_unknown_name_the_nearest_one_is_told() {
    let registry = registry();
    registry.breaker("payments", Config::new()).expect("it is new");
    registry.breaker("日本語の検索", Config::new()).expect("it is new");
    let long = "y".repeat(250);
    registry.breaker(&long, Config::new()).expect("it is new");
    let router = router(registry);
    for (asked, meant) in [("paymnets", "payments"), ("Payments", "payments"), ("日本話の検索", "日本語の検索")]
    {
        let reply = get(&router, &format!("/health/circuit-breakers/{}", encoded(asked))).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (404, "application/json"));
        let expected = format!("There is no circuit breaker `{asked}`; did you mean `{meant}`?");
        assert_eq!(reply.body, serde_json::json!({"error": "not_found", "message": expected}));
    }
    for asked in ["search", "\"<b>\n\u{0}", &"payments".repeat(1250), &format!("{long}z")] {
        let reply = get(&router, &format!("/health/circuit-breakers/{}", encoded(asked))).await;
        let message = reply.body["message"].as_str().expect("it is text");
        assert!(reply.status == 404 && message.contains("GET /health/circuit-breakers lists"), "{reply:?}");
        assert!(message.len() < 400 && message.contains(&asked[..asked.len().min(200)]), "{message}");
    }
    let unreadable = get(&router, "/health/circuit-breakers/%FF").await;
    assert_eq!((unreadable.status.as_u16(), &unreadable.body["error"]), (400, &"invalid_request".into()));
}

#[tokio::test]
async fn nothing_is_cached_and_head_is_answered_without_a_body() {
    let registry = registry();
    registry.breaker("cache", Config::new()).expect("it is new");
    let router = router(registry);
    for (path, status) in [
        ("/health", 200),
        ("/health/live", 200),
        ("/health/circuit-breakers", 200),
        ("/health/circuit-breakers/cache", 200),
        ("/health/circuit-breakers/cahce", 404),
        ("/health/circuit-breakers/%FF", 400),
    ] {
        let got = get(&router, path).await;
        assert_eq!((got.status.as_u16(), got.header("cache-control")), (status, "no-store"), "{path}");
        let head = send(&router, request(Method::HEAD, path, "*/*")).await;
        assert_eq!((head.status.as_u16(), head.header("content-type")), (status, "application/json"), "{path}");
        assert_eq!((head.header("cache-control"), &head.body), ("no-store", &Value::from("")), "{path}");
    }
    assert_eq!(send(&router, request(Method::POST, "/health", "*/*")).await.status, 405);
}

#[tokio::test]
async fn the_routes_go_into_a_router_of_any_state() {
    let registry = registry();
    registry.breaker("cache", Config::new()).expect("it is new");
    let nested = Router::new().nest("/internal", health_router(registry).into_router());
    let merged: Router<String> = Router::new().merge(health_router(registry)).merge(nested);
    let router = merged.with_state("state".to_owned());
    for path in [
        "/health",
        "/health/circuit-breakers/cache",
        "/internal/health/live",
        "/internal/health/circuit-breakers/cache",
    ] {
        assert_eq!(get(&router, path).await.status, 200, "{path}");
    }
}
