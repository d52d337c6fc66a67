//! Tests streams of messages that break off.

use super::*;
use breaker_clients::{breaker, closes, opens};
use breaker_core::{CallError, CircuitBreakerError, Classify as _, Outcome, Registry, State, circuit_breaker};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use h2::Reason;
use tonic::{Request, Response, Status, Streaming};
use web::counted;
use web::grpc::{Plain, all, path, ready};
use web::http2::{Act, Http2};

async fn stream(breaker: &CircuitBreaker, channel: &Channel, method: &'static str) {
    let _ = breaker.call_classified(all(channel, method), presets::tonic).await;
}

#[tokio::test]
async fn a_stream_that_the_server_breaks_off_opens() {
    let server = Grpc::start().await;
    let channel = lazy(server.port);
    for method in ["StreamPanic", "StreamFails"] {
        let breaker = breaker(method, None);
        opens(&breaker, async || stream(&breaker, &channel, method).await).await;
        closes(&breaker, async || stream(&breaker, &channel, "Stream").await).await;
    }
}

#[tokio::test]
async fn a_stream_without_its_end_opens() {
    for act in [
        Act::Broken(Reason::NO_ERROR),
        Act::Broken(Reason::INTERNAL_ERROR),
        Act::Broken(Reason::CANCEL),
        Act::Answer(200, answers::GRPC, answers::MESSAGE, &[]),
        Act::Answer(200, answers::GRPC, &[0, 0, 0, 0, 9, 7], &[]),
    ] {
        let server = Http2::start(act).await;
        let (channel, breaker) = (lazy(server.port), breaker(&format!("{act:?}"), None));
        opens(&breaker, async || stream(&breaker, &channel, "Stream").await).await;
        server.now(Act::Answer(200, answers::GRPC, answers::MESSAGE, answers::OK));
        closes(&breaker, async || stream(&breaker, &channel, "Stream").await).await;
    }
}

/// `Endpoint::timeout` limits only the head of a stream: the rest needs a limit of the caller's,
/// such as the breaker's.
#[tokio::test]
async fn a_stream_that_hangs_is_ended_by_the_breaker_alone() {
    let server = Grpc::start().await;
    let (channel, breaker) = (limited(server.port), breaker("hangs", Some(ms(500))));
    let ended = breaker.call_classified(all(&channel, "StreamHang"), presets::tonic).await;
    assert!(matches!(ended, Err(CallError::Rejected(error)) if error.is_timeout()));
    assert_eq!(counted(&breaker), (0, 1, 0));
}

#[circuit_breaker(name = "annotated stream", fail_max = 3, stream, classify)]
async fn annotated(
    channel: &Channel,
    method: &'static str,
) -> Result<impl Stream<Item = Result<Bytes, Status>>, Status> {
    let request = Request::new(Bytes::new());
    let answer: Response<Streaming<Bytes>> =
        ready(channel).await?.server_streaming(request, path(method), Plain).await?;
    Ok(answer.into_inner())
}

/// The head alone is no success: the call lasts as long as its stream.
#[tokio::test]
async fn an_annotated_stream_that_breaks_off_opens() {
    let server = Grpc::start().await;
    let channel = lazy(server.port);
    let breaker = Registry::global().get("annotated stream").unwrap();
    for method in ["Stream", "StreamPanic", "StreamFails", "StreamPanic"] {
        let items: Vec<_> = annotated(&channel, method).await.unwrap().collect().await;
        // The reset of a panic may overtake earlier messages.
        assert_eq!(items.last().unwrap().is_ok(), method == "Stream", "{items:?}");
    }
    assert_eq!((counted(&breaker), breaker.state()), ((1, 3, 0), State::Open));
    let rejected = annotated(&channel, "Stream").await.err().unwrap();
    assert!(CircuitBreakerError::find(&rejected).is_some(), "{rejected:?}");
}

#[tokio::test]
async fn a_stream_of_another_method_does_not_end_with_it() {
    let server = Grpc::start().await;
    let channel = lazy(server.port);
    let (broken, whole) = tokio::join!(all(&channel, "StreamPanic"), all(&channel, "Stream"));
    assert_eq!((broken.unwrap_err().classify(), whole.unwrap().len()), (Outcome::failure(), 3));
}
