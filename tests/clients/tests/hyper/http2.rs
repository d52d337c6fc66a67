//! Tests hyper over HTTP/2: resets, go-aways, and one connection for all calls.

use super::*;

#[tokio::test]
async fn resets_and_go_aways_of_a_server_open_and_close() {
    let client: Legacy = builder().http2_only(true).build_http();
    for reason in
        [Reason::NO_ERROR, Reason::INTERNAL_ERROR, Reason::REFUSED_STREAM, Reason::CANCEL, Reason::ENHANCE_YOUR_CALM]
    {
        for act in [Act::Reset(reason), Act::Away(reason)] {
            let server = Http2::start(act).await;
            let breaker = breaker(&format!("{act:?}"), None);
            opens(&breaker, async || send(&breaker, &client, &server.url()).await).await;
            server.now(Act::Answer(200, &[], b"7", &[]));
            closes(&breaker, async || send(&breaker, &client, &server.url()).await).await;
        }
    }
}

/// hyper treats a body that ends with a `NO_ERROR` reset as complete.
#[tokio::test]
async fn a_body_that_the_server_resets_is_a_failure_but_with_no_error() {
    let client: Legacy = builder().http2_only(true).build_http();
    for (reason, expected) in
        [(Reason::INTERNAL_ERROR, (0, 1, 0)), (Reason::CANCEL, (0, 1, 0)), (Reason::NO_ERROR, (1, 0, 0))]
    {
        let server = Http2::start(Act::Broken(reason)).await;
        let breaker = breaker("reset body", None);
        read(&breaker, &client, &server.url()).await;
        assert_eq!(counted(&breaker), expected, "{reason:?}");
    }
}

/// By itself the client only repeats a request where a kept connection turns out to be closed. The
/// repetitions in reqwest are reqwest's own.
#[tokio::test]
async fn a_refused_stream_is_one_request() {
    let server = Http2::start(Act::Reset(Reason::REFUSED_STREAM)).await;
    let (client, breaker) = (builder().http2_only(true).build_http(), breaker("once", None));
    send(&breaker, &client, &server.url()).await;
    assert_eq!(server.requests(), 1);
}

/// Over HTTP/1.1 a call that times out closes its connection. Over HTTP/2 there is one for all
/// calls, and only keep-alive finds it dead.
#[tokio::test]
async fn a_silent_path_closes_over_http_2_with_keep_alive_only() {
    let (first, second) = (Http1::start(Reply::ok()).await, Http2::start(Act::Answer(200, &[], b"7", &[])).await);
    let kept = builder().http2_only(true).build_http();
    let healing = builder()
        .http2_only(true)
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(ms(150))
        .http2_keep_alive_timeout(ms(100))
        .http2_keep_alive_while_idle(true)
        .build_http();
    for (name, port, client, heals) in
        [("1", first.port, client(), true), ("2", second.port, kept, false), ("2 healing", second.port, healing, true)]
    {
        let path = Path::to(port).await;
        let (url, breaker) = (format!("http://127.0.0.1:{}/", path.port), breaker(name, Some(ms(100))));
        read(&breaker, &client, &url).await;
        path.darken();
        for _ in 0..4 {
            read(&breaker, &client, &url).await;
        }
        if heals {
            closes(&breaker, async || read(&breaker, &client, &url).await).await;
            continue;
        }
        for _ in 0..10 {
            tokio::time::sleep(ms(100)).await;
            read(&breaker, &client, &url).await;
        }
        assert_eq!((counted(&breaker).0, path.accepted()), (1, 1), "{:?}", breaker.snapshot());
    }
}

#[tokio::test]
#[should_panic(expected = "timer")]
async fn keep_alive_without_a_timer_panics_in_the_call() {
    let server = Http2::start(Act::Answer(200, &[], b"7", &[])).await;
    let client: Legacy = builder().http2_only(true).http2_keep_alive_interval(ms(150)).build_http();
    let _ = client.request(post(&server.url(), empty())).await;
}
