//! Tests reqwest over HTTP/2: resets, go-aways, and one connection for all calls.

use super::*;
use breaker_clients::{breaker, closes, opens};
use breaker_core::{circuit_breaker, retry};
use breaker_servers::{Path, until};
use h2::Reason;
use std::time::Duration;
use web::counted;
use web::http2::{Act, Http2, Untouched};

const OK: Act = Act::Answer(200, &[], b"7", &[]);

fn second() -> ClientBuilder {
    builder().http2_prior_knowledge()
}

#[tokio::test]
async fn a_server_that_resets_or_goes_away_opens_and_closes() {
    let client = second().build().unwrap();
    for reason in [
        Reason::NO_ERROR,
        Reason::PROTOCOL_ERROR,
        Reason::INTERNAL_ERROR,
        Reason::REFUSED_STREAM,
        Reason::CANCEL,
        Reason::ENHANCE_YOUR_CALM,
        Reason::HTTP_1_1_REQUIRED,
        Reason::INADEQUATE_SECURITY,
    ] {
        for act in [Act::Reset(reason), Act::Away(reason)] {
            let server = Http2::start(act).await;
            let breaker = breaker(&format!("{act:?}"), None);
            opens(&breaker, async || send(&breaker, client.post(server.url()).body("x")).await).await;
            server.now(OK);
            closes(&breaker, async || send(&breaker, client.post(server.url()).body("x")).await).await;
        }
    }
}

/// reqwest sends up to three requests where the server says that it did nothing.
#[tokio::test]
async fn a_refused_request_is_three_requests_of_one_call() {
    for act in [Act::Reset(Reason::REFUSED_STREAM), Act::Away(Reason::NO_ERROR)] {
        let server = Http2::start(act).await;
        let breaker = breaker("refused", None);
        send(&breaker, second().build().unwrap().post(server.url()).body("x")).await;
        let never = second().retry(reqwest::retry::never()).build().unwrap();
        let asked = server.requests();
        send(&breaker, never.post(server.url()).body("x")).await;
        let expected = if matches!(act, Act::Reset(_)) { 3 } else { 1 };
        assert_eq!((asked, server.requests()), (expected, expected + 1), "{act:?}");
        assert_eq!(counted(&breaker), (0, 2, 0));
    }
}

/// It does the same after a go-away from a server that has not read the request. It cannot send a
/// stream body again.
#[tokio::test]
async fn a_request_that_a_server_did_not_look_at_is_three_requests_of_one_call() {
    let stream = || reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("x")]));
    let never = second().retry(reqwest::retry::never());
    for (client, streams, expected) in [(second(), false, 3), (never, false, 1), (second(), true, 1)] {
        let server = Untouched::start().await;
        let (client, breaker) = (client.build().unwrap(), breaker("untouched", None));
        let request = client.post(server.url());
        send(&breaker, if streams { request.body(stream()) } else { request.body("x") }).await;
        assert_eq!((server.requests(), counted(&breaker)), (expected, (0, 1, 0)), "a stream: {streams}");
    }
}

#[circuit_breaker(name = "twice", open = |_| unreachable!("it stays closed"), classify)]
#[retry(attempts = 2, min = "1ms")]
async fn twice(client: &Client, url: &str) -> reqwest::Result<reqwest::Response> {
    client.post(url).body("x").send().await
}

#[tokio::test]
async fn attempts_of_the_client_multiply_those_of_a_retry() {
    let server = Http2::start(Act::Reset(Reason::REFUSED_STREAM)).await;
    twice(&second().build().unwrap(), &server.url()).await.unwrap_err();
    assert_eq!(server.requests(), 6);
}

#[tokio::test]
async fn a_body_that_the_server_resets_is_a_failure_but_with_no_error() {
    let client = second().build().unwrap();
    for (reason, expected) in
        [(Reason::INTERNAL_ERROR, (0, 1, 0)), (Reason::CANCEL, (0, 1, 0)), (Reason::NO_ERROR, (1, 0, 0))]
    {
        let server = Http2::start(Act::Broken(reason)).await;
        let breaker = breaker("reset body", None);
        read(&breaker, client.get(server.url())).await;
        assert_eq!(counted(&breaker), expected, "{reason:?}");
    }
}

/// Keep-alive pings the connection itself, during calls only or without any too.
fn healing(while_idle: bool, limit: Duration) -> Client {
    second()
        .timeout(limit)
        .http2_keep_alive_interval(ms(150))
        .http2_keep_alive_timeout(ms(100))
        .http2_keep_alive_while_idle(while_idle)
        .build()
        .unwrap()
}

/// A call that times out keeps the only connection, so every probe fails on it: only keep-alive
/// finds out.
#[tokio::test]
async fn a_silent_path_closes_with_keep_alive_only() {
    let server = Http2::start(OK).await;
    let path = Path::to(server.port).await;
    let url = format!("http://127.0.0.1:{}/", path.port);
    let kept = second().timeout(ms(100)).build().unwrap();
    for (name, client, heals) in
        [("kept", kept, false), ("in calls", healing(false, ms(100)), true), ("always", healing(true, ms(100)), true)]
    {
        let breaker = breaker(name, None);
        send(&breaker, client.get(&url)).await;
        let connections = path.accepted();
        path.darken();
        let mut calls = async || send(&breaker, client.get(&url)).await;
        if heals {
            until("it fails", async || {
                calls().await;
                counted(&breaker).1 > 0
            })
            .await;
            closes(&breaker, calls).await;
            continue;
        }
        opens(&breaker, &mut calls).await;
        for _ in 0..10 {
            tokio::time::sleep(ms(100)).await;
            calls().await;
        }
        assert_eq!((counted(&breaker).0, path.accepted()), (1, connections), "{:?}", breaker.snapshot());
    }
}

/// Otherwise the first call on it starts the pings, and fails.
#[tokio::test]
async fn keep_alive_while_idle_replaces_a_silent_connection_before_a_call() {
    let server = Http2::start(OK).await;
    for (while_idle, expected) in [(true, (2, 0, 0)), (false, (1, 1, 0))] {
        let path = Path::to(server.port).await;
        let url = format!("http://127.0.0.1:{}/", path.port);
        let (client, breaker) = (healing(while_idle, ms(1_000)), breaker("idle", None));
        send(&breaker, client.get(&url)).await;
        path.darken();
        // Longer than both times of keep-alive: the test checks that it is silent meanwhile.
        tokio::time::sleep(ms(1_000)).await;
        send(&breaker, client.get(&url)).await;
        assert_eq!(counted(&breaker), expected, "while idle: {while_idle}");
    }
}
