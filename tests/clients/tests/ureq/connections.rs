//! Tests one agent for all calls, as in a service: its kept connections, and the way to the server.

use super::*;
use breaker_core::State;
use breaker_servers::{Path, Server, until};
use web::counted;
use web::http1::{Http1, Reply};

fn ask(breaker: &CircuitBreaker, agent: &Agent, port: u16) {
    let _ = breaker.call_sync_classified(|| get(agent, &format!("http://127.0.0.1:{port}/")), presets::ureq);
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_thawed_killed_and_restarted() {
    let mut server = Server::itself("serves").await;
    let (breaker, agent) = (breaker("ureq", None), agent());
    ask(&breaker, &agent, server.port);
    assert_eq!(counted(&breaker), (1, 0, 0));
    server.freeze();
    opens(&breaker, async || ask(&breaker, &agent, server.port)).await;
    server.thaw();
    closes(&breaker, async || ask(&breaker, &agent, server.port)).await;
    server.kill();
    opens(&breaker, async || ask(&breaker, &agent, server.port)).await;
    server.restart().await;
    closes(&breaker, async || ask(&breaker, &agent, server.port)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_mid_call_is_a_failure() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let path = Path::to(server.port).await;
    let (breaker, port) = (breaker("ureq", None), path.port);
    let calls = breaker.clone();
    let call = tokio::task::spawn_blocking(move || ask(&calls, &Agent::new_with_defaults(), port));
    until("it has the request", async || server.requests() == 1).await;
    path.cut();
    call.await.unwrap();
    assert_eq!(counted(&breaker), (0, 1, 0));
}

/// A call that reaches its limit closes its connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_path_is_one_failure_for_each_connection() {
    let server = Http1::start(Reply::ok()).await;
    let path = Path::to(server.port).await;
    let (breaker, agent) = (breaker("ureq", None), agent());
    ask(&breaker, &agent, path.port);
    assert_eq!((counted(&breaker), path.accepted()), ((1, 0, 0), 1));
    path.darken();
    ask(&breaker, &agent, path.port);
    ask(&breaker, &agent, path.port);
    assert_eq!((counted(&breaker), path.accepted(), breaker.state()), ((2, 1, 0), 2, State::Closed));
}

/// A kept connection that ended between calls: the client opens a new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_while_idle_is_not_seen() {
    let server = Http1::start(Reply::ok()).await;
    let path = Path::to(server.port).await;
    let (breaker, agent) = (breaker("ureq", None), agent());
    for expected in 1..=3 {
        ask(&breaker, &agent, path.port);
        assert_eq!((counted(&breaker), path.accepted()), ((expected as u64, 0, 0), expected));
        path.cut();
        // The end has to arrive first: the test checks that the agent looks for it.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// By default there is none, and a breaker cannot time out a synchronous call.
#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_limit_by_default() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let path = Path::to(server.port).await;
    let (breaker, port) = (breaker("ureq", None), path.port);
    let calls = breaker.clone();
    let call = tokio::task::spawn_blocking(move || ask(&calls, &Agent::new_with_defaults(), port));
    // Longer than the limits of all other calls here.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!call.is_finished());
    path.cut();
    call.await.unwrap();
}

/// `timeout_global` limits the whole, including a body that comes slowly.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_for_the_whole_ends_a_slow_body() {
    let server = Http1::start(Reply::answer(200, "", "slowly").slowly(Duration::from_millis(200))).await;
    let breaker = breaker("ureq", None);
    opens(&breaker, async || ask(&breaker, &agent(), server.port)).await;
}
