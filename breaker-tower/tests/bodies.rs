//! What the heads and bodies of responses count as, for HTTP and gRPC.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, Outcome, State};
use breaker_tower::{BoxError, BuildError, CircuitBreakerLayer, CircuitBreakerLayerBuilder, GuardedBody};
use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt, service_fn};

/// What a body does next.
enum Step {
    Data(&'static str),
    Trailers(&'static [(&'static str, &'static str)]),
    Fails(&'static str),
    Hangs,
}

use Step::{Data, Fails, Hangs, Trailers};

/// A body of steps. After the last one it ends.
struct Steps(VecDeque<Step>);

impl Body for Steps {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if matches!(self.0.front(), Some(Hangs)) {
            return Poll::Pending;
        }
        Poll::Ready(self.0.pop_front().map(|step| match step {
            Data(text) => Ok(Frame::data(Bytes::from(text))),
            Trailers(headers) => Ok(Frame::trailers(map(headers))),
            Fails(text) => Err(text.into()),
            Hangs => unreachable!(),
        }))
    }
}

fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
    headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

type Headers = &'static [(&'static str, &'static str)];

fn response<B>(status: u16, headers: Headers, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().unwrap();
    *response.headers_mut() = map(headers);
    response
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new("service", Config::new()).unwrap()
}

/// The response of one call through a layer.
async fn call<B>(layer: CircuitBreakerLayerBuilder, response: Response<B>) -> Response<GuardedBody<B>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let response = Arc::new(Mutex::new(Some(response)));
    let inner = service_fn(move |(): ()| {
        let response = response.lock().unwrap().take().unwrap();
        async { Ok::<_, BoxError>(response) }
    });
    layer.build().unwrap().layer(inner).ready().await.unwrap().call(()).await.unwrap()
}

/// Successes, failures, ignored and cancelled calls.
type Counts = (u64, u64, u64, u64);

fn counts(breaker: &CircuitBreaker) -> Counts {
    let counted = breaker.snapshot();
    (counted.success_count, counted.failure_count, counted.ignored_count, counted.cancelled_count)
}

fn last_error(breaker: &CircuitBreaker) -> String {
    breaker.snapshot().last_error.and_then(|error| error.message).unwrap_or_default()
}

const NOTHING: Counts = (0, 0, 0, 0);
const SUCCESS: Counts = (1, 0, 0, 0);
const FAILURE: Counts = (0, 1, 0, 0);
const IGNORED: Counts = (0, 0, 1, 0);

#[tokio::test]
async fn a_head_that_fails_counts_at_the_head() {
    for (status, headers, expected) in [
        (503, &[][..], FAILURE),
        (500, &[], FAILURE),
        (429, &[], FAILURE),
        (408, &[], FAILURE),
        (407, &[], IGNORED),
        (404, &[], NOTHING),
        (200, &[], NOTHING),
        (101, &[], SUCCESS),
    ] {
        let breaker = breaker();
        let answer = call(CircuitBreakerLayer::http(&breaker), response(status, headers, Steps([Hangs].into()))).await;
        assert_eq!(counts(&breaker), expected, "{status}");
        drop(answer);
        let at_end = if expected == NOTHING { SUCCESS } else { expected };
        assert_eq!(counts(&breaker), at_end, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_read() {
    let breaker = CircuitBreaker::new("service", Config::new().fail_max(1)).unwrap();
    call(CircuitBreakerLayer::http(&breaker), response(503, &[("retry-after", "70")], Empty::new())).await;
    assert_eq!((breaker.state(), breaker.snapshot().retry_after), (State::Open, Some(Duration::from_secs(70))));
    assert_eq!(last_error(&breaker), "503 Service Unavailable");
}

#[tokio::test]
async fn an_empty_body_is_a_success_at_once() {
    let breaker = breaker();
    let answer = call(CircuitBreakerLayer::http(&breaker), response(204, &[], Empty::new())).await;
    assert_eq!(counts(&breaker), SUCCESS);
    assert!(answer.body().is_end_stream());
    drop(answer);
    assert_eq!(counts(&breaker), SUCCESS);
}

#[tokio::test]
async fn the_last_frame_is_a_success_without_another_look() {
    let breaker = breaker();
    let mut answer = call(CircuitBreakerLayer::http(&breaker), response(200, &[], Full::new(Bytes::from("all")))).await;
    assert_eq!(answer.body().size_hint().exact(), Some(3));
    assert_eq!(counts(&breaker), NOTHING);
    let frame = answer.frame().await.unwrap().unwrap();
    assert_eq!((frame.into_data().unwrap(), counts(&breaker)), ("all".into(), SUCCESS));
    assert!(answer.is_end_stream());
    assert!(answer.frame().await.is_none());
    assert_eq!(counts(&breaker), SUCCESS);
}

#[tokio::test]
async fn a_body_is_a_success_when_it_ends_or_is_dropped() {
    let read = |frames: usize| async move {
        let breaker = breaker();
        let body = Steps([Data("a"), Data("b"), Trailers(&[("checksum", "1")])].into());
        let mut answer = call(CircuitBreakerLayer::http(&breaker), response(200, &[], body)).await;
        for _ in 0..frames {
            answer.frame().await.unwrap().unwrap();
        }
        assert_eq!(counts(&breaker), NOTHING, "{frames}");
        if frames == 3 {
            assert!(answer.frame().await.is_none());
        } else {
            drop(answer);
        }
        assert_eq!(counts(&breaker), SUCCESS, "{frames}");
    };
    for frames in 0..=3 {
        read(frames).await;
    }
}

#[tokio::test]
async fn an_error_of_the_body_is_judged_as_errors_are() {
    let body = || Steps([Data("a"), Fails("connection reset")].into());
    let breaker_1 = breaker();
    let answer = call(CircuitBreakerLayer::http(&breaker_1), response(200, &[], body())).await;
    assert_eq!(answer.into_body().collect().await.unwrap_err().to_string(), "connection reset");
    assert_eq!(counts(&breaker_1), FAILURE);
    assert_eq!(last_error(&breaker_1), "the body of the response failed: connection reset");

    let breaker_2 = breaker();
    let layer = CircuitBreakerLayer::http(&breaker_2).classify(|_| Outcome::ignored());
    call(layer, response(200, &[], body())).await.into_body().collect().await.unwrap_err();
    assert_eq!(counts(&breaker_2), IGNORED);

    // A rejection by another breaker inside of the body.
    let breaker_3 = breaker();
    breaker_3.force_open();
    let rejection = breaker_3.try_acquire().unwrap_err();
    let outer = breaker();
    let frames = futures_util::stream::iter([Ok(Frame::data(Bytes::new())), Err(rejection)]);
    let answer = call(CircuitBreakerLayer::http(&outer), response(200, &[], StreamBody::new(frames))).await;
    let error = answer.into_body().collect().await.unwrap_err();
    assert!(CircuitBreakerError::find(&*error).is_some());
    assert_eq!(counts(&outer), IGNORED);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_late_is_a_failure_while_the_reader_waits() {
    let breaker = breaker();
    let layer = || CircuitBreakerLayer::http(&breaker).body_timeout("10s");
    let mut answer = call(layer(), response(200, &[], Steps([Data("a"), Hangs].into()))).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    answer.frame().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(counts(&breaker), NOTHING);
    let start = tokio::time::Instant::now();
    let error = answer.frame().await.unwrap().unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert!(error.downcast_ref::<CircuitBreakerError>().unwrap().is_timeout());
    assert!(answer.frame().await.is_none());
    assert!(answer.is_end_stream());
    assert_eq!(counts(&breaker), FAILURE);
}

#[tokio::test]
async fn the_head_of_a_service_that_reports_its_errors_otherwise() {
    let breaker = breaker();
    let layer = || {
        CircuitBreakerLayer::http(&breaker).classify_head(|head| match head.status.as_u16() {
            404 => Some(Outcome::failure()),
            503 => Some(Outcome::success()),
            _ => None,
        })
    };
    call(layer(), response(404, &[], Steps([Data("a")].into()))).await;
    assert_eq!(counts(&breaker), FAILURE);
    let answer = call(layer(), response(503, &[], Steps([Data("a")].into()))).await;
    assert_eq!(counts(&breaker), FAILURE);
    drop(answer);
    assert_eq!(counts(&breaker), (1, 1, 0, 0));
    call(layer(), response(502, &[], Empty::new())).await;
    assert_eq!(counts(&breaker), (1, 2, 0, 0));
}

const GRPC: Headers = &[("content-type", "application/grpc+proto")];

#[tokio::test]
async fn a_grpc_status_decides_in_the_head_or_in_the_trailers() {
    const CODES: [(&str, Counts); 19] = [
        ("0", SUCCESS),
        ("1", FAILURE),
        ("2", FAILURE),
        ("3", SUCCESS),
        ("4", FAILURE),
        ("5", SUCCESS),
        ("6", SUCCESS),
        ("7", SUCCESS),
        ("8", FAILURE),
        ("9", SUCCESS),
        ("10", SUCCESS),
        ("11", SUCCESS),
        ("12", SUCCESS),
        ("13", FAILURE),
        ("14", FAILURE),
        ("15", FAILURE),
        ("16", SUCCESS),
        ("17", FAILURE),
        ("ok", FAILURE),
    ];
    for (code, expected) in CODES {
        let status: Headers = Box::leak(Box::new([("grpc-status", code), ("content-type", "application/grpc")]));
        let in_head = breaker();
        call(CircuitBreakerLayer::grpc(&in_head), response(200, status, Steps([Hangs].into()))).await;
        assert_eq!(counts(&in_head), expected, "{code}");

        let in_trailers = breaker();
        let body = Steps([Data("message"), Trailers(status)].into());
        let mut answer = call(CircuitBreakerLayer::grpc(&in_trailers), response(200, GRPC, body)).await;
        answer.frame().await.unwrap().unwrap();
        assert_eq!(counts(&in_trailers), NOTHING, "{code}");
        let trailers = answer.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], code);
        assert_eq!(counts(&in_trailers), expected, "{code}");
        assert!(answer.frame().await.is_none());
        assert_eq!(counts(&in_trailers), expected, "{code}");
    }
}

#[tokio::test]
async fn a_grpc_response_without_a_status_is_a_failure() {
    for (status, headers, steps, expected, text) in [
        (200, GRPC, vec![Data("a")], FAILURE, "the stream ended before its last item"),
        (200, GRPC, vec![Data("a"), Trailers(&[("other", "1")])], FAILURE, "the stream ended before its last item"),
        (200, &[("content-type", "text/html")], vec![Data("<html>")], FAILURE, "the response is no gRPC"),
        (503, &[], vec![], FAILURE, "503 Service Unavailable"),
        (302, &[], vec![], FAILURE, "302 Found"),
        (404, &[], vec![], SUCCESS, ""),
        (407, &[], vec![], IGNORED, ""),
        (429, &[], vec![], FAILURE, "429 Too Many Requests"),
    ] {
        let breaker = breaker();
        let answer = call(CircuitBreakerLayer::grpc(&breaker), response(status, headers, Steps(steps.into()))).await;
        answer.into_body().collect().await.unwrap();
        assert_eq!((counts(&breaker), &*last_error(&breaker)), (expected, text), "{status} {headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_service_that_wants_to_be_left_alone() {
    let breaker = CircuitBreaker::new("service", Config::new().fail_max(1)).unwrap();
    let status: Headers = &[("grpc-status", "14"), ("grpc-message", "draining"), ("grpc-retry-pushback-ms", "45000")];
    let body = Steps([Trailers(status)].into());
    call(CircuitBreakerLayer::grpc(&breaker), response(200, GRPC, body)).await.into_body().collect().await.unwrap();
    assert_eq!(breaker.snapshot().retry_after, Some(Duration::from_secs(45)));
    assert_eq!(last_error(&breaker), "grpc-status 14: draining");
}

#[tokio::test]
async fn a_fallback_answers_rejections_alone() {
    let breaker = breaker();
    let inner = service_fn(|fails: bool| async move {
        if fails { Err("it is down".into()) } else { Ok::<_, BoxError>(Response::new(Full::new(Bytes::from("fresh")))) }
    });
    let layer = CircuitBreakerLayer::http(&breaker)
        .fallback(|rejection| Some(Response::new(Bytes::from(format!("kept of {}", rejection.breaker())))))
        .build()
        .unwrap();
    let mut service = layer.layer(inner);
    assert_eq!(service.ready().await.unwrap().call(true).await.unwrap_err().to_string(), "it is down");
    breaker.force_open();
    let answer = service.ready().await.unwrap().call(false).await.unwrap();
    assert_eq!(answer.body().size_hint().exact(), Some(15));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "kept of service");
    assert_eq!(breaker.snapshot().rejected_count, 1);
}

#[test]
fn a_wrong_setting_is_an_error_of_build() {
    let message = |layer: CircuitBreakerLayerBuilder| layer.build().unwrap_err().to_string();
    let http = || CircuitBreakerLayer::http("a name");
    assert_eq!(
        message(http().timeout("soon")),
        "the layer of circuit breaker `a name`: timeout: is `soon`, expected a duration above zero such as \"30s\", or \"off\" (a bare number is seconds)"
    );
    assert_eq!(
        message(http().body_timeout("0s")),
        "the layer of circuit breaker `a name`: body_timeout: is `0s`, expected a duration above zero such as \"10s\", or \"off\" (a bare number is seconds)"
    );
    assert!(message(http().set("fail_mx", 3)).ends_with("there is no key `fail_mx`; did you mean `fail_max`?"));
    assert!(message(http().fail_max(0)).contains("1 or more"));
    assert!(message(CircuitBreakerLayer::http("")).contains("a circuit breaker needs a name"));
    let breaker = breaker();
    assert_eq!(
        CircuitBreakerLayer::http(&breaker).fail_max(3).build().unwrap_err(),
        BuildError::SettingsOfBreaker("service".to_owned())
    );
    assert_eq!(
        CircuitBreakerLayer::grpc(&breaker).fallback(|_| None).build().unwrap_err(),
        BuildError::FallbackOfGrpc("service".to_owned())
    );
    assert!(http().body_timeout("off").body_timeout(Duration::from_secs(1)).build().is_ok());
}

#[test]
fn single_settings_are_above_a_config_in_any_order() {
    let config = Config::new().fail_max(7).min_calls(3);
    let one = CircuitBreakerLayer::http("one").fail_max(2).timeout("2s").config(config).build().unwrap();
    let other = CircuitBreakerLayer::http("other").config(config).fail_max(2).timeout("2s").build().unwrap();
    for layer in [one, other] {
        let settings = layer.breaker().settings();
        let seen = (settings.fail_max, settings.min_calls, settings.timeout);
        assert_eq!(seen, (Some(2), 3, Some(Duration::from_secs(2))));
    }
}

#[tokio::test]
async fn the_error_is_the_inner_ones_by_open() {
    #[derive(Debug, thiserror::Error)]
    enum ApiError {
        #[error("not called")]
        CircuitOpen(#[from] CircuitBreakerError),
        #[error("it is down")]
        Down,
    }
    let breaker = breaker();
    let layer = CircuitBreakerLayer::new(&breaker)
        .open(ApiError::CircuitOpen)
        .classify(|error| if matches!(error, ApiError::Down) { Outcome::ignored() } else { Outcome::failure() })
        .build()
        .unwrap();
    let mut service = layer.layer(service_fn(|(): ()| async { Err::<Infallible, _>(ApiError::Down) }));
    assert!(matches!(service.ready().await.unwrap().call(()).await, Err(ApiError::Down)));
    assert_eq!(counts(&breaker), IGNORED);
    breaker.force_open();
    assert!(matches!(service.ready().await.unwrap().call(()).await, Err(ApiError::CircuitOpen(_))));
}

#[tokio::test]
async fn a_closure_says_what_a_response_counts_as() {
    let breaker = breaker();
    let layer = CircuitBreakerLayer::new(&breaker)
        .classify_response(|status: &u16| if *status == 503 { Outcome::failure() } else { Outcome::success() })
        .build()
        .unwrap();
    let mut service = layer.layer(service_fn(|status: u16| async move { Ok::<_, BoxError>(status) }));
    for status in [200, 503] {
        assert_eq!(service.ready().await.unwrap().call(status).await.unwrap(), status);
    }
    assert_eq!(counts(&breaker), (1, 1, 0, 0));
}
