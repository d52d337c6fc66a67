//! Tests the health routes through a router.

use crate::axum::{Router, http::Method};
use crate::breaker_axum::health_router;
use crate::common::{get, request, send};
use breaker_core::{CircuitBreakerError, Config, Registry, circuit_breaker, testing};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// A registry of one test.
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
        assert!(message.contains("`hosts[other]`: `hosts` has none for this key"), "{message}");
        let misspelt = get(&router, "/health/circuit-breakers/host%5Bother%5D").await;
        assert!(misspelt.body["message"].to_string().contains("did you mean `hosts`?"), "{misspelt:?}");
    })
    .await;
}

#[tokio::test]
async fn for_an_unknown_name_the_nearest_one_is_suggested() {
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

/// The start of each error's text, so that it is as long as what is kept of one.
const ERROR: &str =
    "error sending request for url: client error (Connect): tcp connect error: Connection refused (os error 111): ";

#[circuit_breaker(name = "tenants", key = tenant, max_keys = 10_000, critical = true, fail_max = 1)]
fn of_tenant(tenant: &str) -> std::io::Result<()> {
    Err(std::io::Error::other(format!("{ERROR}{ERROR}{tenant}")))
}

/// Opens the breakers of this many keys. A key has 64 bytes.
fn outage(values: usize, filler: &str) {
    for n in 0..values {
        let mut tenant = format!("{n:0>5}.{}", filler.repeat(64));
        tenant.truncate(tenant.floor_char_boundary(64));
        of_tenant(&tenant).expect_err("it is down");
    }
}

/// The bytes of a reply.
async fn bytes(router: &Router, path: &str) -> usize {
    let response = router.clone().oneshot(request(Method::GET, path, "")).await.expect("it answers");
    response.into_body().collect().await.expect("it arrives").to_bytes().len()
}

#[tokio::test]
async fn health_of_ten_thousand_unhealthy_values_has_the_worst_and_a_bound() {
    for (filler, listed) in [("t", 100), ("\"", 60), ("\u{202e}", 60), ("\u{1}", 40)] {
        testing::isolated(async {
            outage(10_000, filler);
            let router = router(Registry::global());
            let health = get(&router, "/health").await.body;
            let values = health["circuit_breakers"].as_object().expect("an object");
            let values: Vec<_> = values.iter().filter(|(name, _)| name.contains('[')).collect();
            assert!((listed..=100).contains(&values.len()), "{filler:?}: {}", values.len());
            assert_eq!(health["values_left_out"], 10_000 - values.len());
            assert_eq!(health["critical_circuits_open"].as_array().map(Vec::len), Some(values.len()));
            assert_eq!(health["status"], "degraded");
            assert!(values.iter().all(|(name, one)| one["name"] == **name && one["state"] == "open"));
            assert!(health["circuit_breakers"]["tenants"]["config"]["fail_max"] == 1);
            for path in ["/health", "/health/circuit-breakers"] {
                let bytes = bytes(&router, path).await;
                assert!(bytes <= 200 * 1024, "{path} with {filler:?}: {bytes} bytes");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_listed_value_has_settings_only_where_they_are_its_own() {
    testing::isolated(async {
        outage(2, "t");
        let names: Vec<_> = Registry::global().health().critical_circuits_open;
        testing::breaker(&names[1]).reconfigure(Config::new().fail_max(7)).expect("it is right");
        let router = router(Registry::global());
        let all = get(&router, "/health/circuit-breakers").await.body;
        let one = get(&router, &format!("/health/circuit-breakers/{}", names[0])).await.body;
        let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        assert_eq!(all[&names[1]]["config"]["fail_max"], 7);
        assert_eq!(keys(&all[&names[1]]), keys(&one), "a value by itself is shown whole");
        let rest: Vec<_> = keys(&one).into_iter().filter(|key| !key.starts_with("config")).collect();
        assert_eq!((keys(&all[&names[0]]), rest.len() + 2), (rest, keys(&one).len()));
    })
    .await;
}

#[tokio::test]
async fn hidden_characters_are_written_out_and_a_value_is_found_by_both_spellings() {
    testing::isolated(async {
        of_tenant("\u{202e}evil\n").expect_err("it is down");
        let router = router(Registry::global());
        let name = "tenants[\\u{202e}evil\\u{a}]";
        let all = get(&router, "/health").await.body;
        assert_eq!(all["critical_circuits_open"], serde_json::json!([name]));
        let message = format!("{ERROR}{ERROR}\\u{{202e}}evil\\u{{a}}");
        assert_eq!(all["circuit_breakers"][name]["last_error"]["message"], message);
        for asked in [name, "tenants[\u{202e}evil\n]"] {
            let one = get(&router, &format!("/health/circuit-breakers/{}", encoded(asked))).await;
            assert_eq!((one.status.as_u16(), &one.body["name"]), (200, &name.into()));
        }
    })
    .await;
}
