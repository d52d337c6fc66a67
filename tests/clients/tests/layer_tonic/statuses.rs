//! Tests the statuses of unary calls: of the service, and of a proxy in its place.

use super::client::{App, BehavingClient, endpoint};
use super::tonic::Status;
use crate::web::counted;
use crate::web::grpc::Grpc;
use crate::web::http2::{Act, Http2, Pairs};
use breaker_clients::{breaker, closes, opens};
use breaker_servers::refused;
use h2::Reason;
use std::time::Duration;

const GRPC: Pairs = &[("content-type", "application/grpc")];
/// One message of one byte.
const MESSAGE: &[u8] = &[0, 0, 0, 0, 1, 7];
pub(super) const WHOLE: Act = Act::Answer(200, GRPC, MESSAGE, &[("grpc-status", "0")]);

const FAILURE: (u64, u64, u64) = (0, 1, 0);
const SUCCESS: (u64, u64, u64) = (1, 0, 0);
const IGNORED: (u64, u64, u64) = (0, 0, 1);

/// A tonic server sends an error without a body: the head has the status.
#[tokio::test]
async fn each_code_of_a_server_counts_by_the_table() {
    let server = Grpc::start().await;
    for (code, expected) in [
        ("Echo", SUCCESS),
        ("1", FAILURE),
        ("2", FAILURE),
        ("3", SUCCESS),
        ("4", FAILURE),
        ("5", SUCCESS),
        ("7", SUCCESS),
        ("8", FAILURE),
        ("9", SUCCESS),
        ("11", SUCCESS),
        ("12", SUCCESS),
        ("13", FAILURE),
        ("14", FAILURE),
        ("15", FAILURE),
        ("16", SUCCESS),
    ] {
        let app = App::new(breaker(code, None), &endpoint(server.port));
        let result = app.behaving.clone().unary(code).await;
        assert_eq!(result.map_or_else(|status| status.code() as i32, |_| 0).to_string(), code.replace("Echo", "0"));
        assert_eq!(counted(&app.breaker), expected, "{code}");
    }
}

/// What a proxy sends in place of the service, and what the caller sees of it.
#[tokio::test]
async fn an_answer_of_a_proxy_counts_by_its_status() {
    const HTML: Pairs = &[("content-type", "text/html")];
    const PAGE: &[u8] = b"<html>it is so</html>";
    for (status, expected) in [
        (200, FAILURE),
        (302, FAILURE),
        (400, SUCCESS),
        (401, SUCCESS),
        (403, SUCCESS),
        (404, SUCCESS),
        (407, IGNORED),
        (408, FAILURE),
        (429, FAILURE),
        (500, FAILURE),
        (502, FAILURE),
        (503, FAILURE),
    ] {
        for body in [&b""[..], PAGE] {
            let server = Http2::start(Act::Answer(status, HTML, body, &[])).await;
            let app = App::new(breaker("proxy", None), &endpoint(server.port));
            app.behaving.clone().unary("Echo").await.unwrap_err();
            assert_eq!(counted(&app.breaker), expected, "{status}, {body:?}");
        }
    }
}

#[tokio::test]
async fn a_page_of_a_proxy_opens_for_as_long_as_it_asks() {
    let act = Act::Answer(503, &[("content-type", "text/html"), ("retry-after", "7")], b"<html></html>", &[]);
    let server = Http2::start(act).await;
    let app = App::new(breaker("proxy", None), &endpoint(server.port));
    let seen = opens(&app.breaker, async || app.ask("Echo").await).await;
    assert!(seen.retry_after.unwrap() > Duration::from_secs(5), "{seen:?}");
    assert_eq!(seen.last_error.unwrap().message.unwrap(), "503 Service Unavailable");
}

#[tokio::test]
async fn an_answer_without_its_end_opens_and_a_whole_one_closes() {
    for act in [
        Act::Answer(200, GRPC, b"", &[]),
        Act::Answer(200, GRPC, MESSAGE, &[]),
        Act::Answer(200, GRPC, MESSAGE, &[("x", "y")]),
        Act::Broken(Reason::CANCEL),
        Act::Broken(Reason::INTERNAL_ERROR),
        Act::Reset(Reason::CANCEL),
        Act::Reset(Reason::REFUSED_STREAM),
        Act::Away(Reason::NO_ERROR),
        Act::Away(Reason::ENHANCE_YOUR_CALM),
    ] {
        let server = Http2::start(act).await;
        let app = App::new(breaker(&format!("{act:?}"), None), &endpoint(server.port));
        opens(&app.breaker, async || app.ask("Echo").await).await;
        server.now(WHOLE);
        closes(&app.breaker, async || app.ask("Echo").await).await;
    }
}

/// The server drops the stream of a handler that panics: a reset with `CANCEL`.
#[tokio::test]
async fn a_handler_that_panics_opens() {
    let server = Grpc::start().await;
    let app = App::new(breaker("panics", None), &endpoint(server.port));
    opens(&app.breaker, async || app.ask("Panic").await).await;
    closes(&app.breaker, async || app.ask("Echo").await).await;
}

#[tokio::test]
async fn what_the_service_asks_for_rides_along() {
    let server = Grpc::start().await;
    let breaker = breaker("pushback", None);
    let app = App::new(breaker.clone(), &endpoint(server.port));
    let seen = opens(&breaker, async || app.ask("Pushback").await).await;
    assert!(seen.retry_after.unwrap() > Duration::from_millis(500), "{seen:?}");
}

/// The limits of the caller for a message.
#[tokio::test]
async fn a_message_that_is_too_large_is_no_failure() {
    let server = Grpc::start().await;
    let app = App::new(breaker("large", None), &endpoint(server.port));
    app.ask("Large").await;
    assert_eq!(counted(&app.breaker), SUCCESS, "{:?}", app.breaker.snapshot());
    let sends = App::new(breaker("sends", None), &endpoint(server.port));
    sends.behaving.clone().max_encoding_message_size(2).unary("Echo").await.unwrap_err();
    assert_eq!(counted(&sends.breaker), IGNORED, "{:?}", sends.breaker.snapshot());
}

#[tokio::test]
async fn the_caller_sees_what_it_sees_without_a_breaker() {
    fn seen(status: &Status) -> (i32, &str, usize) {
        let behind = std::iter::successors(std::error::Error::source(status), |error| error.source());
        (status.code() as i32, status.message(), behind.count())
    }
    const HTML: Pairs = &[("content-type", "text/html")];
    let (server, proxy) = (Grpc::start().await, Http2::start(Act::Answer(502, HTML, b"<html></html>", &[])).await);
    let refuses = endpoint(refused());
    let limited = endpoint(server.port).timeout(Duration::from_millis(20));
    for (endpoint, method) in [
        (&refuses, "Echo"),
        (&endpoint(proxy.port), "Echo"),
        (&limited, "Hang"),
        (&endpoint(server.port), "Panic"),
        (&endpoint(server.port), "5"),
        (&endpoint(server.port), "14"),
        (&endpoint(server.port), "Large"),
    ] {
        let app = App::new(breaker("behind", None), endpoint);
        let guarded = app.behaving.clone().unary(method).await.unwrap_err();
        let bare = BehavingClient::new(endpoint.connect_lazy()).unary(method).await.unwrap_err();
        assert_eq!(seen(&guarded), seen(&bare), "{method}: {guarded:?}, {bare:?}");
    }
}
