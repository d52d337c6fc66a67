//! Tests an outage of the assistant's API with a real Prometheus.

use std::{fs, time::Duration};

use breaker_core::{
    Config,
    metrics::{FALLBACKS_FAILED_TOTAL, NAMES},
};
use breaker_examples::assistant::{
    client::plain_client,
    config::{AssistantConfig, RetryPolicy},
    service::{Assistant, Service, listen},
    story::HEALTHY,
    upstream::{Upstream, admin},
};
use serde_json::json;

use crate::{dashboards, server::Prometheus};

/// The rules of `alerts.yml`, with times that a test can wait for.
pub(crate) fn quick_rules() -> String {
    let mut rules = fs::read_to_string(dashboards("alerts.yml")).unwrap();
    for time in ["15s", "1m", "2m", "5m", "10m"] {
        rules = rules.replace(&format!("for: {time}\n"), "for: 1s\n");
    }
    rules.replace("[5m]", "[5s]").replace("[15m]", "[15s]")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_seen_and_its_alerts_fire() {
    let upstream = Upstream::start(0).await.unwrap();
    let once = RetryPolicy { attempts: 1, min: Duration::from_millis(1), max: Duration::from_millis(1), jitter: 0.0 };
    let config = AssistantConfig { retry: once, ..AssistantConfig::default() };
    let assistant = Assistant::new(config, Some(upstream.url().parse().unwrap())).unwrap();
    let service = Service::start(assistant, 0).await.unwrap();
    let orders = listen(0).await.unwrap();
    let admin = format!("http://{}/upstream", orders.local_addr().unwrap());
    tokio::spawn(axum::serve(orders, admin::routes(upstream.handle(), HEALTHY)).into_future());
    let client = plain_client().build().unwrap();
    let prometheus = Prometheus::watch(client.clone(), &service.address.to_string(), &quick_rules()).await;

    let url = format!("http://{}/query", service.address);
    let ask = async |query: &str| {
        let question = json!({"query": query, "user_id": "ada"});
        client.post(&url).json(&question).send().await.unwrap();
    };
    let order = async |order: &str| {
        client.post(format!("{admin}/{order}")).send().await.unwrap().error_for_status().unwrap();
    };
    let of = |name: &str| format!(r#"circuit_breaker_{name}{{breaker="huggingface_api",job="assistant"}}"#);
    let quiet = async || ();

    // All metrics exist before the first call.
    prometheus.until(&of("state"), |state| state == 0.0, quiet).await;
    prometheus.until(&of("calls_total"), |calls| calls == 0.0, quiet).await;
    assert_eq!(prometheus.query(&of("critical")).await, [1.0]);

    let known = "How often do I feed the sourdough starter?";
    ask(known).await;
    let succeeded = r#"circuit_breaker_calls_total{breaker="huggingface_api",outcome="success"}"#;
    prometheus.until(succeeded, |calls| calls == 1.0, quiet).await;
    prometheus.until(&of("call_duration_seconds_count"), |calls| calls == 1.0, quiet).await;

    let took = prometheus.query(&of("call_duration_seconds_sum")).await[0];
    assert!(took > 0.0 && took < 5.0, "one call over loopback took {took} s");

    order("outage?kind=errors").await;
    // The cache has the repeated question; excerpts answer the other one.
    let ask_both = async || {
        ask(known).await;
        ask("When does my passport expire?").await;
    };
    prometheus.until(&of("state"), |state| state == 1.0, ask_both).await;
    prometheus.until(&of("rejected_total"), |calls| calls >= 3.0, ask_both).await;
    let before = prometheus.query(&of("rejected_total")).await[0];
    prometheus.until(&of("rejected_total"), |calls| calls > before, ask_both).await;
    for source in ["l1_cache", "excerpts"] {
        let served = format!(r#"circuit_breaker_fallbacks_total{{breaker="huggingface_api",source="{source}"}}"#);
        prometheus.until(&served, |answers| answers >= 1.0, ask_both).await;
    }
    assert_eq!(prometheus.query(&of("failures_total")).await, [5.0]);
    assert_eq!(prometheus.query(&of("openings_total")).await, [1.0]);
    // Each question gets an answer, so no fallback has failed.
    for name in NAMES.into_iter().filter(|name| *name != FALLBACKS_FAILED_TOTAL) {
        let series = format!(r#"count({{__name__=~"{name}(_bucket)?",breaker="huggingface_api"}})"#);
        assert!(!prometheus.query(&series).await.is_empty(), "{name}");
    }
    let firing =
        |alert: &str| format!(r#"ALERTS{{alertname="{alert}",breaker="huggingface_api",alertstate="firing"}}"#);
    for alert in ["CircuitBreakerOpen", "CriticalCircuitBreakerOpen", "CircuitBreakerRejectedShare"] {
        prometheus.until(&firing(alert), |fires| fires == 1.0, ask_both).await;
    }

    // There are no calls, so no event reports the end of the open period: reading the state updates
    // it.
    service
        .assistant
        .breaker()
        .unwrap()
        .reconfigure(Config::new().recovery_timeout(Duration::from_millis(100)))
        .unwrap();
    prometheus.until(&of("state"), |state| state == 2.0, quiet).await;
    order("recovery").await;
    prometheus.until(&of("state"), |state| state == 0.0, async || ask(known).await).await;
    let count = format!("count({}) or vector(0)", firing("CircuitBreakerOpen"));
    prometheus.until(&count, |alerts| alerts == 0.0, quiet).await;
}
