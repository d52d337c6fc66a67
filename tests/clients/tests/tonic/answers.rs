//! Tests the server's statuses, and a proxy's in its place.

use super::*;
use breaker_clients::{breaker, opens};
use breaker_core::{Classify as _, Outcome};
use std::time::Duration;
use web::counted;
use web::http2::{Act, Http2, Pairs};

pub(super) const GRPC: Pairs = &[("content-type", "application/grpc")];
pub(super) const OK: Pairs = &[("grpc-status", "0")];
/// One message of one byte.
pub(super) const MESSAGE: &[u8] = &[0, 0, 0, 0, 1, 7];

#[tokio::test]
async fn each_code_counts_by_the_table() {
    let server = Grpc::start().await;
    let channel = lazy(server.port);
    for code in ["1", "2", "4", "8", "13", "14", "15"] {
        let breaker = breaker(code, None);
        opens(&breaker, async || ask(&breaker, &channel, code).await).await;
    }
    for code in ["3", "5", "6", "7", "9", "10", "11", "12", "16"] {
        let breaker = breaker(code, None);
        for _ in 0..10 {
            ask(&breaker, &channel, code).await;
        }
        assert_eq!(counted(&breaker), (10, 0, 0), "{code}");
    }
}

/// A proxy's status with a body of its own becomes a decoding error.
#[tokio::test]
async fn a_proxys_status_counts_with_a_body_and_without() {
    for (status, expected) in [
        (302, Outcome::failure()),
        (400, Outcome::success()),
        (401, Outcome::success()),
        (403, Outcome::success()),
        (404, Outcome::success()),
        (407, Outcome::ignored()),
        (408, Outcome::failure()),
        (413, Outcome::success()),
        (429, Outcome::failure()),
        (431, Outcome::success()),
        (500, Outcome::failure()),
        (502, Outcome::failure()),
        (503, Outcome::failure()),
        (504, Outcome::failure()),
    ] {
        for body in ["", "<html>it is so</html>", "{\"error\": 1}", "not here"] {
            let html: Pairs = &[("content-type", "text/html")];
            let server = Http2::start(Act::Answer(status, html, body.as_bytes(), &[])).await;
            let error = call(&lazy(server.port), "Echo").await.unwrap_err();
            assert_eq!(error.classify(), expected, "{status}, {body:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_grpcs_own_status_opens() {
    for act in [
        Act::Answer(200, &[("content-type", "text/html")], b"<html>log in</html>", &[]),
        Act::Answer(200, &[("content-type", "text/html")], b"", &[]),
        Act::Answer(200, GRPC, b"", &[]),
        Act::Answer(200, GRPC, MESSAGE, &[("x", "y")]),
        Act::Answer(200, GRPC, &[0, 0, 0, 0, 9, 7], OK),
    ] {
        let server = Http2::start(act).await;
        let (channel, breaker) = (lazy(server.port), breaker(&format!("{act:?}"), None));
        opens(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
    }
}

#[tokio::test]
async fn in_how_long_to_ask_again_rides_along() {
    const DATE: Pairs = &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:44 GMT")];
    let own: Pairs = &[("content-type", "application/grpc"), ("grpc-status", "14"), ("grpc-retry-pushback-ms", "1500")];
    let never: Pairs = &[("content-type", "application/grpc"), ("grpc-status", "14"), ("grpc-retry-pushback-ms", "-1")];
    let seven = Some(Duration::from_secs(7));
    for (act, expected) in [
        (Act::Answer(503, &[("retry-after", "7")], b"", &[]), seven),
        (Act::Answer(503, DATE, b"", &[]), seven),
        (Act::Answer(503, DATE, b"<html>", &[]), seven),
        (Act::Answer(200, own, b"", &[]), Some(ms(1_500))),
        (Act::Answer(200, never, b"", &[]), None),
    ] {
        let server = Http2::start(act).await;
        let error = call(&lazy(server.port), "Echo").await.unwrap_err();
        let outcome = expected.map_or(Outcome::failure(), Outcome::failure_with_retry_after);
        assert_eq!(error.classify(), outcome, "{act:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_that_pushes_back_opens_for_as_long_as_it_asks() {
    let server = Grpc::start().await;
    let (channel, breaker) = (lazy(server.port), breaker("pushback", None));
    let seen = opens(&breaker, async || ask(&breaker, &channel, "Pushback").await).await;
    let wait = seen.retry_after.unwrap();
    assert!(wait > ms(500) && wait <= ms(1_500), "{wait:?}");
}

/// Less than the five bytes before a message: the status is lost.
#[tokio::test]
async fn a_proxys_status_is_lost_behind_a_very_short_body() {
    let server = Http2::start(Act::Answer(404, &[], b"no", &[])).await;
    let error = call(&lazy(server.port), "Echo").await.unwrap_err();
    assert_eq!(error.classify(), Outcome::failure(), "{error:?}");
}
