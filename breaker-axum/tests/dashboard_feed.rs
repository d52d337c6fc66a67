//! Dashboard feed: what a reader of `GET /events` gets, over real TCP.

mod common;

use breaker_core::{Config, Registry};
use common::{Reader, Server};

fn registry() -> &'static Registry {
    Box::leak(Box::new(Registry::new()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_gets_hello_everything_and_then_what_changes() {
    let registry = registry();
    let payments = registry.breaker("payments", Config::new().fail_max(1)).unwrap();
    let server = Server::start(registry).await;
    let mut reader = Reader::open(&server).await;
    let hello = reader.event("hello").await;
    assert_eq!((hello["version"].as_u64(), hello["tick_ms"].as_u64()), (Some(1), Some(1000)));
    let full = reader.event("full").await;
    assert_eq!(full["breakers"][0]["name"], "payments");
    assert_eq!(full["breakers"][0]["state"], "closed");
    payments.try_acquire().unwrap().failure();
    let change = reader.event("transition").await;
    assert_eq!(change["name"], "payments");
    assert_eq!((&change["transition"]["old"], &change["transition"]["new"]), (&"closed".into(), &"open".into()));
    assert_eq!(change["breaker"]["state"], "open");
    let tick = reader.event("tick").await;
    assert_eq!(tick["breakers"][0]["points"][0][2], 1, "one failure in this step: {tick}");
}
