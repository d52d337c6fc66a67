//! Tests the preset for reqwest with real servers.
//!
//! The tests check what a breaker counts in each outage and mistake, and whether it opens and
//! closes.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

#[path = "reqwest/answers.rs"]
mod answers;
#[path = "reqwest/http2.rs"]
mod http2;
#[path = "reqwest/limits.rs"]
mod limits;
#[path = "reqwest/mistakes.rs"]
mod mistakes;
#[path = "reqwest/outages.rs"]
mod outages;
#[path = "reqwest/proxies.rs"]
mod proxies;

use breaker_core::{CircuitBreaker, presets};
use breaker_servers::port_to_serve;
use reqwest::{Client, ClientBuilder, RequestBuilder};
use web::http1::{Http1, Reply};
use web::{ms, tls};

/// A client that uses no certificates of the system, and no proxy.
fn builder() -> ClientBuilder {
    Client::builder().no_proxy().tls_backend_preconfigured(tls())
}

/// With a limit for a whole call, below that of any breaker here.
fn limited() -> Client {
    builder().timeout(ms(200)).build().unwrap()
}

/// A call that checks the response's status.
async fn send(breaker: &CircuitBreaker, request: RequestBuilder) {
    let _ = breaker.call_classified(request.send(), presets::both).await;
}

/// A call that reads the whole answer.
async fn read(breaker: &CircuitBreaker, request: RequestBuilder) {
    let body = async { request.send().await?.error_for_status()?.text().await };
    let _ = breaker.call_classified(body, presets::reqwest).await;
}

/// Not a test by itself: the process that other tests kill and freeze.
#[tokio::test]
async fn serves() {
    if let Some(port) = port_to_serve() {
        let _server = Http1::on(port, Reply::ok()).await;
        std::future::pending::<()>().await;
    }
}
