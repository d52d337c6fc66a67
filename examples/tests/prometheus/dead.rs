//! Tests how a real Prometheus sees a service whose calls all fail.
//!
//! The outage lasts as long as the rules look back.
//!
//! Times are a sixtieth of those in the rules. A call a minute becomes a call a second, and an open
//! period of 30 s half a second.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use breaker_axum::{install_prometheus, metrics_router};
use breaker_core::{Config, Registry};
use breaker_examples::assistant::{client::plain_client, service::listen};
use tokio::{net::TcpStream, task::JoinHandle, time::interval};

use crate::{outage::quick_rules, server::Prometheus};

/// The dependency of the service.
struct Dependency {
    registry: &'static Registry,
    /// Nothing listens there.
    dead: SocketAddr,
    asked: AtomicUsize,
}

/// `busy` and `rare` call the dead address. `wavering` calls one that answers every sixth call: the
/// trials, and no other.
async fn call(State(dependency): State<&'static Dependency>, Path(name): Path<String>) -> StatusCode {
    let Some(breaker) = dependency.registry.get(&name) else { return StatusCode::NOT_FOUND };
    let works = async || name == "wavering" && dependency.asked.fetch_add(1, Ordering::Relaxed) % 6 == 5;
    let called = breaker
        .call(async { if works().await { Ok(()) } else { TcpStream::connect(dependency.dead).await.map(drop) } });
    called.await.map_or(StatusCode::BAD_GATEWAY, |()| StatusCode::OK)
}

async fn dead_address() -> SocketAddr {
    listen(0).await.unwrap().local_addr().unwrap()
}

/// Calls it again and again until the test ends.
fn ask(client: &reqwest::Client, service: SocketAddr, name: &str, pause: Duration) -> JoinHandle<()> {
    let (client, url) = (client.clone(), format!("http://{service}/call/{name}"));
    tokio::spawn(async move {
        let mut next = interval(pause);
        loop {
            next.tick().await;
            client.get(&url).send().await.unwrap();
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_that_never_recovers_is_an_open_breaker_and_no_flapping_one() {
    let registry: &'static Registry = Box::leak(Box::new(Registry::new()));
    for name in ["busy", "rare", "wavering"] {
        registry.breaker(name, Config::new().recovery_timeout(Duration::from_millis(500))).unwrap();
    }
    let dependency = Dependency { registry, dead: dead_address().await, asked: AtomicUsize::new(0) };
    let dependency: &'static Dependency = Box::leak(Box::new(dependency));
    let metrics = metrics_router(install_prometheus(registry).unwrap(), registry);
    let app = Router::new().route("/call/{name}", get(call)).with_state(dependency).merge(metrics);
    let listener = listen(0).await.unwrap();
    let service = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    let client = plain_client().build().unwrap();
    let prometheus = Prometheus::watch(client.clone(), &service.to_string(), &quick_rules()).await;
    let of = |name: &str, breaker: &str| format!(r#"circuit_breaker_{name}{{breaker="{breaker}"}}"#);
    prometheus.until(&of("state", "busy"), |state| state == 0.0, async || ()).await;

    let (often, seldom) = (Duration::from_millis(10), Duration::from_secs(1));
    let calls = [("busy", often), ("rare", seldom), ("wavering", often)];
    let calls = calls.map(|(name, pause)| ask(&client, service, name, pause));
    let firing = |alert: &str, breaker: &str| {
        format!(r#"ALERTS{{alertname="CircuitBreaker{alert}",breaker="{breaker}",alertstate="firing"}}"#)
    };
    for (alert, breaker) in [("Open", "busy"), ("Open", "rare"), ("Flapping", "wavering")] {
        prometheus.until(&firing(alert, breaker), |fires| fires == 1.0, async || ()).await;
    }
    // By then the rules see only the outage.
    prometheus.until(&of("openings_total", "busy"), |openings| openings >= 30.0, async || ()).await;
    prometheus.until(&of("openings_total", "rare"), |openings| openings >= 12.0, async || ()).await;
    for breaker in ["busy", "rare"] {
        assert_eq!(prometheus.query(&of("outages_total", breaker)).await, [1.0], "{breaker}");
        assert_eq!(prometheus.query(&firing("Open", breaker)).await, [1.0], "{breaker}");
        let began = format!(r#"changes(ALERTS_FOR_STATE{{alertname="CircuitBreakerOpen",breaker="{breaker}"}}[1m])"#);
        assert_eq!(prometheus.query(&began).await, [0.0], "{breaker}: it fires without a break");
        for alert in ["Flapping", "FailureRate"] {
            let ever = format!("count_over_time({}[1m])", firing(alert, breaker));
            assert!(prometheus.query(&ever).await.is_empty(), "{breaker}: {alert}");
        }
    }
    calls.iter().for_each(JoinHandle::abort);
}
