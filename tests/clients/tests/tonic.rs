//! Tests the preset for tonic with real servers.
//!
//! The tests check what a breaker counts in each outage and mistake, and whether it opens and
//! closes.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

#[path = "tonic/answers.rs"]
mod answers;
#[path = "tonic/limits.rs"]
mod limits;
#[path = "tonic/mistakes.rs"]
mod mistakes;
#[path = "tonic/outages.rs"]
mod outages;
#[path = "tonic/streams.rs"]
mod streams;

use breaker_core::{CircuitBreaker, presets};
use breaker_servers::port_to_serve;
use tonic::transport::{Channel, Endpoint, Server};
use web::grpc::{Behaving, Grpc, call};
use web::ms;

fn endpoint(port: u16) -> Endpoint {
    Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap()
}

/// A channel that connects at the first call.
fn lazy(port: u16) -> Channel {
    endpoint(port).connect_lazy()
}

/// With a limit for a whole call, below that of any breaker here.
fn limited(port: u16) -> Channel {
    endpoint(port).timeout(ms(150)).connect_lazy()
}

/// A unary call of the method.
async fn ask(breaker: &CircuitBreaker, channel: &Channel, method: &'static str) {
    let _ = breaker.call_classified(call(channel, method), presets::tonic).await;
}

/// Not a test by itself: the process that other tests kill and freeze.
#[tokio::test]
async fn serves() {
    if let Some(port) = port_to_serve() {
        let _server = Grpc::of(port, Server::builder().add_service(Behaving)).await;
        std::future::pending::<()>().await;
    }
}
