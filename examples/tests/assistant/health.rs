//! Tests the health routes, as a monitor reads them.

use crate::harness::World;

#[tokio::test(start_paused = true)]
async fn health_shows_every_breaker() {
    let world = World::new().await;
    let health = world.get("/health").await;
    assert_eq!((health.status.as_u16(), &health.body["status"]), (200, &"healthy".into()));
    let breaker = &health.body["circuit_breakers"]["huggingface_api"];
    assert_eq!((&breaker["state"], &breaker["config"]["fail_max"]), (&"closed".into(), &5.into()));
    assert_eq!(breaker["config"]["recovery_timeout_ms"], 30_000);
    let all = world.get("/health/circuit-breakers").await;
    assert_eq!(all.body["huggingface_api"]["healthy"], true);
    let one = world.get("/health/circuit-breakers/huggingface_api").await;
    assert_eq!((one.status.as_u16(), &one.body["name"]), (200, &"huggingface_api".into()));
    assert_eq!(world.get("/health/live").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn health_is_degraded_while_the_critical_breaker_is_open() {
    let world = World::new().await;
    world.open().await;
    let health = world.get("/health").await;
    assert_eq!((health.status.as_u16(), &health.body["status"]), (200, &"degraded".into()));
    assert_eq!(health.body["critical_circuits_open"][0], "huggingface_api[embedded/note-reader]");
    let breaker = world.get("/health/circuit-breaker").await.body;
    assert_eq!((&breaker["state"], &breaker["failure_count"]), (&"open".into(), &5.into()));
    assert_eq!(
        (&breaker["status"], &breaker["name"]),
        (&"degraded".into(), &"huggingface_api[embedded/note-reader]".into())
    );
    assert_eq!(breaker["retry_after_ms"], 30_000);
    assert!(breaker["last_error"].to_string().contains("answered 500"), "{breaker}");
}
