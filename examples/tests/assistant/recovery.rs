//! Tests the recovery after an outage, and a trial that came too early.

use std::time::Duration;

use breaker_examples::assistant::upstream::Behaviour;

use crate::harness::{KNOWN, World, advance};

const HEALTHY: Behaviour = Behaviour::Healthy { latency: Duration::ZERO };

#[tokio::test(start_paused = true)]
async fn it_recovers_by_itself() {
    let world = World::new().await;
    world.open().await;
    world.api.behave(HEALTHY).await;
    advance(29.9).await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "excerpts");
    advance(0.1).await;
    assert_eq!(world.breaker.state().as_str(), "half_open");
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!((reply.meta("source"), reply.meta("circuit_status")), (&"model".into(), &"closed".into()));
    assert_eq!(world.api.received(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_opens_it_again() {
    let world = World::new().await;
    world.open().await;
    advance(30.0).await;
    world.ask("ada", KNOWN).await;
    assert_eq!(world.api.received(), 6);
    assert_eq!(world.breaker.state().as_str(), "open");
    advance(29.9).await;
    world.ask("ada", KNOWN).await;
    assert_eq!(world.api.received(), 6);
}

#[tokio::test(start_paused = true)]
async fn one_probe_goes_through_however_many_ask() {
    let world = World::new().await;
    world.open().await;
    world.api.behave(Behaviour::Hang).await;
    advance(30.0).await;
    let probe = world.start_asking("ada", KNOWN);
    world.api.until_received(6).await;
    for _ in 0..10 {
        assert_eq!(world.ask("ben", KNOWN).await.meta("fallback_reason"), "circuit_breaker_open");
    }
    assert_eq!(world.api.received(), 6);
    advance(30.0).await;
    assert_eq!(probe.await.expect("it was asked").meta("fallback_reason"), "timeout");
    assert_eq!(world.breaker.state().as_str(), "open");
}

#[tokio::test(start_paused = true)]
async fn an_ignored_probe_gives_its_slot_back() {
    let world = World::new().await;
    world.open().await;
    world.api.behave(HEALTHY).await;
    advance(30.0).await;
    assert_eq!(world.ask("ada", "").await.status, 400);
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "model");
}

#[tokio::test(start_paused = true)]
async fn an_api_that_refused_connections_is_found_again() {
    let world = World::new().await;
    world.ask("ada", KNOWN).await;
    world.api.behave(Behaviour::Refuse).await;
    for _ in 0..5 {
        assert_eq!(world.ask("ben", KNOWN).await.meta("fallback_reason"), "failure");
    }
    assert_eq!(world.breaker.state().as_str(), "open");
    world.api.behave(HEALTHY).await;
    advance(30.0).await;
    assert_eq!(world.ask("ben", KNOWN).await.meta("source"), "model");
}
