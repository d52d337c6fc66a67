//! Beside other attributes and inside other macros: above and below each, the breaker guards and
//! the other one does its own work.
#![allow(clippy::unwrap_used, reason = "a test may")]

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bon::builder;
use breaker_core::circuit_breaker as guard;
use breaker_core::{CircuitBreaker, CircuitBreakerError, Registry, State, circuit_breaker, fallback};
use cached::macros::cached;
use std::cell::Cell;
use std::future::ready;
use tracing::instrument;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Fault {
    #[error("open")]
    Open,
    #[error("upstream")]
    Upstream,
}

impl From<CircuitBreakerError> for Fault {
    fn from(_: CircuitBreakerError) -> Self {
        Self::Open
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

fn named(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap_or_else(|| panic!("{name} is not known"))
}

fn answer(n: u8) -> Result<u8, Fault> {
    if n == 0 { Err(Fault::Upstream) } else { Ok(n) }
}

#[circuit_breaker(name = "instrument_below", fail_max = 1)]
#[instrument(err, ret)]
async fn instrument_below(n: u8) -> Result<u8, Fault> {
    ready(()).await;
    answer(n)
}

#[instrument(err, skip_all)]
#[circuit_breaker(name = "instrument_above", fail_max = 1)]
#[fallback(|_| Some(9))]
async fn instrument_above(n: u8) -> Result<u8, Fault> {
    ready(()).await;
    answer(n)
}

#[instrument]
#[circuit_breaker(name = "instrument_sync_above", fail_max = 1)]
fn instrument_sync_above(n: u8) -> Result<u8, Fault> {
    answer(n)
}

#[circuit_breaker(name = "instrument_sync_below", fail_max = 1)]
#[instrument(err)]
fn instrument_sync_below(n: u8) -> Result<u8, Fault> {
    answer(n)
}

#[tokio::test(start_paused = true)]
async fn tracing_instrument() {
    assert_eq!(instrument_below(0).await, Err(Fault::Upstream));
    assert_eq!((instrument_below(1).await, named("instrument_below").state()), (Err(Fault::Open), State::Open));
    assert_eq!(instrument_above(0).await, Err(Fault::Upstream));
    assert_eq!((instrument_above(1).await, named("instrument_above").state()), (Ok(9), State::Open));
    assert_eq!((instrument_sync_above(0), instrument_sync_above(1)), (Err(Fault::Upstream), Err(Fault::Open)));
    assert_eq!((instrument_sync_below(0), instrument_sync_below(1)), (Err(Fault::Upstream), Err(Fault::Open)));
}

fn current_span() -> Option<&'static str> {
    tracing::Span::current().metadata().map(tracing::Metadata::name)
}

#[circuit_breaker(name = "span_below")]
#[instrument]
#[fallback(|_| Some(current_span()))]
async fn span_below() -> Result<Option<&'static str>, Fault> {
    ready(()).await;
    Ok(current_span())
}

#[instrument]
#[circuit_breaker(name = "span_above")]
#[fallback(|_| Some(current_span()))]
async fn span_above() -> Result<Option<&'static str>, Fault> {
    ready(()).await;
    Ok(current_span())
}

/// An attribute below works on the function later, and so is around one above. The body is in the
/// span either way. The fallback's steps are in it where `instrument` is below.
#[tokio::test(start_paused = true)]
async fn the_span_of_instrument() {
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry());
    assert_eq!((span_below().await, span_above().await), (Ok(Some("span_below")), Ok(Some("span_above"))));
    named("span_below").force_open();
    named("span_above").force_open();
    assert_eq!((span_below().await, span_above().await), (Ok(Some("span_below")), Ok(None)));
}

thread_local!(static RUNS: Cell<u32> = const { Cell::new(0) });

#[cached(max_size = 10)]
#[circuit_breaker(name = "cached_above", fail_max = 1)]
async fn cached_above(n: u8) -> Result<u8, Fault> {
    RUNS.set(RUNS.get() + 1);
    answer(n)
}

#[circuit_breaker(name = "cached_below", fail_max = 1)]
#[cached(max_size = 10)]
fn cached_below(n: u8) -> Result<u8, Fault> {
    RUNS.set(RUNS.get() + 1);
    answer(n)
}

/// Above, cached copies the attributes below it to both of the functions that it makes. So one call
/// is within another, and a hit has the outer one only.
#[tokio::test(start_paused = true)]
async fn cached_below_answers_hits_without_the_breaker_and_above_counts_them_as_successes() {
    assert_eq!((cached_below(1), cached_below(1)), (Ok(1), Ok(1)));
    assert_eq!((RUNS.take(), named("cached_below").snapshot().success_count), (1, 1));
    named("cached_below").force_open();
    assert_eq!((cached_below(1), cached_below(2)), (Ok(1), Err(Fault::Open)));

    assert_eq!((cached_above(1).await, cached_above(1).await), (Ok(1), Ok(1)));
    assert_eq!((RUNS.take(), named("cached_above").snapshot().success_count), (1, 2));
    named("cached_above").force_open();
    assert_eq!(cached_above(1).await, Err(Fault::Open));
}

#[builder]
#[circuit_breaker(name = "builder_above", fail_max = 1)]
async fn builder_above(#[builder(default = 0)] n: u8, text: &str) -> Result<u8, Fault> {
    answer(n + u8::try_from(text.len()).unwrap())
}

#[circuit_breaker(name = "builder_below", fail_max = 1)]
#[builder]
fn builder_below(n: u8, more: Option<u8>) -> Result<u8, Fault> {
    answer(n + more.unwrap_or(0))
}

#[tokio::test(start_paused = true)]
async fn bon_builder() {
    assert_eq!(builder_above().text("a").call().await, Ok(1));
    assert_eq!(builder_above().n(0).text("").call().await, Err(Fault::Upstream));
    assert_eq!(builder_above().text("a").call().await, Err(Fault::Open));
    assert_eq!(builder_below().n(1).more(1).call(), Ok(2));
    assert_eq!(builder_below().n(0).call(), Err(Fault::Upstream));
    assert_eq!(builder_below().n(1).call(), Err(Fault::Open));
}

#[axum::debug_handler]
#[circuit_breaker(name = "handler_above", fail_max = 1)]
async fn handler_above(Path(n): Path<u8>) -> Result<String, Fault> {
    answer(n).map(|n| n.to_string())
}

#[circuit_breaker(name = "handler_below", fail_max = 1)]
#[axum::debug_handler]
#[fallback(spare)]
async fn handler_below(Path(n): Path<u8>, _: Request) -> Result<String, Fault> {
    answer(n).map(|n| n.to_string())
}

async fn spare(Path(n): Path<u8>, _: Request) -> Option<String> {
    Some(format!("spare {n}"))
}

#[tokio::test(start_paused = true)]
async fn axum_debug_handler() {
    use tower::ServiceExt as _;
    let router = Router::new().route("/above/{n}", get(handler_above)).route("/below/{n}", get(handler_below));
    let ask = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        (status, axum::body::to_bytes(response.into_body(), 100).await.unwrap())
    };
    assert_eq!(ask("/above/1").await, (200, "1".into()));
    assert_eq!(ask("/above/0").await, (503, "".into()));
    assert_eq!((ask("/above/1").await.0, named("handler_above").snapshot().rejected_count), (503, 1));
    assert_eq!(ask("/below/0").await.0, 503);
    assert_eq!(ask("/below/1").await, (200, "spare 1".into()));
}

#[tokio::test]
#[circuit_breaker(name = "test_below")]
async fn tokio_test_above() -> Result<(), Fault> {
    assert_eq!(named("test_below").snapshot().success_count, 0);
    Ok(())
}

#[circuit_breaker(name = "test_above")]
#[tokio::test]
async fn tokio_test_below() -> Result<(), Fault> {
    assert_eq!(named("test_above").snapshot().success_count, 0);
    Ok(())
}

#[fallback(|_| Some(5))]
#[guard(name = "renamed_below_fallback", fail_max = 1)]
async fn renamed_below_fallback(n: u8) -> Result<u8, Fault> {
    answer(n)
}

#[fallback(|_| Some(6))]
#[instrument]
#[guard(name = "renamed_below_both", fail_max = 1)]
fn renamed_below_both(n: u8) -> Result<u8, Fault> {
    answer(n)
}

#[tokio::test(start_paused = true)]
async fn a_breaker_under_another_name_below_its_fallback() {
    assert_eq!(renamed_below_fallback(0).await, Err(Fault::Upstream));
    assert_eq!(renamed_below_fallback(1).await, Ok(5));
    assert_eq!(renamed_below_both(0), Err(Fault::Upstream));
    assert_eq!(renamed_below_both(1), Ok(6));
}

/// A crate of the user's own that hands the attributes on.
mod sdk {
    pub(crate) mod resilience {
        pub(crate) use breaker_core::{__rt, circuit_breaker, fallback as instead};
    }
}

#[sdk::resilience::instead(value(3))]
#[sdk::resilience::circuit_breaker(crate = crate::sdk::resilience, name = "re_exported", fail_max = 1)]
fn re_exported(n: u8) -> Result<u8, Fault> {
    answer(n)
}

#[test]
fn a_re_export_of_the_users_own() {
    assert_eq!((re_exported(0), re_exported(1)), (Err(Fault::Upstream), Ok(3)));
}

#[circuit_breaker(name = "joins_and_selects", fail_max = 1)]
async fn joins_and_selects(n: u8, list: &mut Vec<u8>) -> Result<u8, Fault> {
    let (first, second) = tokio::join!(async { answer(n) }, async { Ok::<u8, Fault>(answer(n)? + 1) });
    list.push(first? + second?);
    tokio::select! {
        biased;
        () = std::future::pending() => return Err(Fault::Open),
        found = async { answer(n) } => list.push(found?),
    }
    tokio::try_join!(async { answer(n) }, async { answer(n + 1) }).map(|(a, b)| a + b)
}

#[tokio::test(start_paused = true)]
async fn a_body_with_join_and_select() {
    let mut list = Vec::new();
    assert_eq!((joins_and_selects(1, &mut list).await, &list[..]), (Ok(3), &[3, 1][..]));
    assert_eq!(joins_and_selects(0, &mut list).await, Err(Fault::Upstream));
    assert_eq!((joins_and_selects(1, &mut list).await, list.len()), (Err(Fault::Open), 2));
}

#[circuit_breaker(name = "select_branch", fail_max = 1)]
async fn branch(n: u8) -> Result<u8, Fault> {
    if n > 1 {
        std::future::pending::<()>().await;
    }
    answer(n)
}

/// The branch that loses is a dropped call; the one that was not polled has asked nothing.
#[tokio::test(start_paused = true)]
async fn annotated_functions_in_select_join_and_spawn() {
    let first = tokio::select! {
        biased;
        slow = branch(2) => slow,
        quick = branch(1) => quick,
        never = branch(1) => never,
    };
    let snapshot = named("select_branch").snapshot();
    assert_eq!((first, snapshot.success_count, snapshot.cancelled_count), (Ok(1), 1, 1));
    assert_eq!(tokio::join!(branch(1), branch(0)), (Ok(1), Err(Fault::Upstream)));
    assert_eq!(tokio::spawn(branch(1)).await.unwrap(), Err(Fault::Open));
}
