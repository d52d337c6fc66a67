//! Checks what `COMPARE.md` says of breakers as layers of tower.

use crate::table::cells;
use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, State};
use breaker_tower::{BoxError, CircuitBreakerLayer, Plain};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use std::future::{Future, poll_fn, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tower::limit::ConcurrencyLimit;
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_resilience_circuitbreaker::{
    CircuitBreakerError as TheirError, CircuitBreakerHandle, CircuitBreakerLayer as Theirs, CircuitState,
    DefaultClassifier,
};

const DOCUMENT: &str = include_str!("../../../COMPARE.md");

/// A service, with a breaker or without.
type Boxed = BoxCloneSyncService<(), (), BoxError>;

/// A breaker that two failures open, as a layer.
trait Layered {
    const NAME: &str;

    fn new() -> Self;
    fn layer(&self, inner: Boxed) -> Boxed;
    async fn force_open(&self);
    async fn force_closed(&self);
    fn is_open(&self) -> bool;
    /// Makes two requests that this response answers, and reads its body.
    async fn answer_twice(&self, is_grpc: bool, response: fn() -> Page);
}

type Page = Response<UnsyncBoxBody<Bytes, BoxError>>;

struct Ours {
    breaker: CircuitBreaker,
    layer: CircuitBreakerLayer<Plain>,
}

impl Layered for Ours {
    const NAME: &str = "breaker-tower";

    fn new() -> Self {
        let breaker = CircuitBreaker::new("service", Config::new().fail_max(2)).expect("the settings are valid");
        let layer = CircuitBreakerLayer::new(&breaker).build().expect("the settings are valid");
        Self { breaker, layer }
    }

    fn layer(&self, inner: Boxed) -> Boxed {
        BoxCloneSyncService::new(self.layer.layer(inner))
    }

    async fn force_open(&self) {
        self.breaker.force_open();
    }

    async fn force_closed(&self) {
        self.breaker.reset();
    }

    fn is_open(&self) -> bool {
        self.breaker.state() != State::Closed
    }

    async fn answer_twice(&self, is_grpc: bool, response: fn() -> Page) {
        let layer =
            if is_grpc { CircuitBreakerLayer::grpc(&self.breaker) } else { CircuitBreakerLayer::http(&self.breaker) };
        let service = layer.build().expect("the settings are valid").layer(answers(response));
        read_twice(|| service.clone().oneshot(())).await;
    }
}

struct TowerResilience {
    layer: Theirs<DefaultClassifier>,
    handle: CircuitBreakerHandle<DefaultClassifier>,
}

impl Layered for TowerResilience {
    const NAME: &str = "tower-resilience-circuitbreaker";

    fn new() -> Self {
        let built = Theirs::builder().consecutive_failures(2).build_with_handle();
        let (layer, handle) = built.expect("the settings are valid");
        Self { layer, handle }
    }

    fn layer(&self, inner: Boxed) -> Boxed {
        BoxCloneSyncService::new(self.layer.layer(inner).map_err(BoxError::from))
    }

    async fn force_open(&self) {
        self.handle.force_open().await;
    }

    async fn force_closed(&self) {
        self.handle.force_closed().await;
    }

    fn is_open(&self) -> bool {
        self.handle.state() != CircuitState::Closed
    }

    async fn answer_twice(&self, _: bool, response: fn() -> Page) {
        let service = self.layer.layer(answers(response));
        read_twice(|| service.clone().oneshot(())).await;
    }
}

/// A service that answers with this response.
fn answers(response: fn() -> Page) -> BoxCloneSyncService<(), Page, BoxError> {
    BoxCloneSyncService::new(service_fn(move |()| ready(Ok(response()))))
}

/// Makes two requests, and reads each body.
async fn read_twice<F, B, E>(request: impl Fn() -> F)
where
    F: Future<Output = Result<Response<B>, E>>,
    B: http_body::Body,
{
    for _ in 0..2 {
        if let Ok(response) = request().await {
            let _ = response.into_body().collect().await;
        }
    }
}

/// A service that may be busy, or broken, before a call.
#[derive(Clone, Default)]
struct Moods {
    busy: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
    wakers: Arc<Mutex<Vec<Waker>>>,
}

impl Moods {
    fn is_free(&self) {
        self.busy.store(false, Ordering::Relaxed);
        self.wakers.lock().expect("no panic").drain(..).for_each(Waker::wake);
    }
}

impl Service<()> for Moods {
    type Response = ();
    type Error = BoxError;
    type Future = std::future::Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.broken.load(Ordering::Relaxed) {
            return Poll::Ready(Err("the connection is gone".into()));
        }
        if self.busy.load(Ordering::Relaxed) {
            self.wakers.lock().expect("no panic").push(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(()))
    }
}

fn is_rejection(error: &BoxError) -> bool {
    let theirs = error.downcast_ref::<TheirError<BoxError>>();
    CircuitBreakerError::find(&**error).is_some() || theirs.is_some_and(TheirError::is_circuit_open)
}

/// What comes of a future that is polled a hundred times.
async fn soon<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..100 {
        if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

async fn the_breaker_opens_while_a_caller_waits<L: Layered>() -> &'static str {
    let (breaker, moods) = (L::new(), Moods::default());
    let mut service = breaker.layer(BoxCloneSyncService::new(moods.clone()));
    moods.busy.store(true, Ordering::Relaxed);
    let mut call = Box::pin(async move { service.ready().await?.call(()).await });
    assert!(soon(&mut call).await.is_none());
    breaker.force_open().await;
    match soon(&mut call).await {
        Some(Err(error)) if is_rejection(&error) => "it is woken and rejected",
        None => "it waits on",
        other => panic!("{other:?}"),
    }
}

async fn it_closes_between_ready_and_call<L: Layered>() -> &'static str {
    let (breaker, moods) = (L::new(), Moods::default());
    let mut service = breaker.layer(BoxCloneSyncService::new(moods.clone()));
    breaker.force_open().await;
    let ready = soon(service.ready()).await.expect("it does not ask the service").expect("no error").call(());
    drop(ready);
    soon(service.ready()).await.expect("it does not ask the service").expect("no error");
    breaker.force_closed().await;
    moods.busy.store(true, Ordering::Relaxed);
    let mut call = Box::pin(service.call(()));
    let outcome = soon(&mut call).await;
    moods.is_free();
    match outcome {
        Some(Err(error)) if is_rejection(&error) => "it is rejected",
        None if matches!(soon(call).await, Some(Ok(()))) => "it waits for the service",
        other => panic!("{other:?}"),
    }
}

async fn a_rejected_call_had_a_place<L: Layered>() -> &'static str {
    let breaker = L::new();
    let limited = BoxCloneSyncService::new(ConcurrencyLimit::new(Moods::default(), 1));
    let (mut service, mut other) = (breaker.layer(limited.clone()), limited);
    service.ready().await.expect("there is a place");
    breaker.force_open().await;
    let rejected = service.call(()).await.expect_err("it is open");
    assert!(is_rejection(&rejected));
    let is_free = soon(other.ready()).await.is_some();
    drop(service);
    if is_free { "another caller gets it" } else { "it is lost while the service lives" }
}

async fn a_rejected_call_had_waited_for_a_place<L: Layered>() -> &'static str {
    let breaker = L::new();
    let limited = BoxCloneSyncService::new(ConcurrencyLimit::new(Moods::default(), 1));
    let (mut service, mut other, mut third) = (breaker.layer(limited.clone()), limited.clone(), limited);
    other.ready().await.expect("there is a place");
    assert!(soon(service.ready()).await.is_none(), "the only place is taken");
    breaker.force_open().await;
    let waited = soon(service.ready()).await;
    if waited.is_none() {
        return "it waits on";
    }
    let rejected = service.call(()).await.expect_err("it is open");
    assert!(is_rejection(&rejected));
    other.call(()).await.expect("it works");
    let is_free = soon(third.ready()).await.is_some();
    drop(service);
    if is_free { "another caller gets the next one" } else { "it takes the next one" }
}

async fn poll_ready_fails<L: Layered>() -> &'static str {
    let (breaker, moods) = (L::new(), Moods::default());
    moods.broken.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let mut service = breaker.layer(BoxCloneSyncService::new(moods.clone()));
        service.ready().await.map(|_| ()).expect_err("it is broken");
    }
    opens(&breaker)
}

fn opens<L: Layered>(breaker: &L) -> &'static str {
    if breaker.is_open() { "counted: it opens" } else { "not counted" }
}

fn page(frames: Vec<Result<Frame<Bytes>, BoxError>>) -> Page {
    let mut page = Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync());
    page.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
    page
}

async fn a_response_is_503<L: Layered>() -> &'static str {
    let breaker = L::new();
    breaker
        .answer_twice(false, || {
            let mut page = page(Vec::new());
            *page.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            page
        })
        .await;
    opens(&breaker)
}

async fn a_body_breaks_off<L: Layered>() -> &'static str {
    let breaker = L::new();
    breaker.answer_twice(false, || page(vec![Ok(Frame::data(Bytes::new())), Err("connection reset".into())])).await;
    opens(&breaker)
}

async fn trailers_tell_a_failure<L: Layered>() -> &'static str {
    let breaker = L::new();
    breaker
        .answer_twice(true, || {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", http::HeaderValue::from_static("14"));
            page(vec![Ok(Frame::data(Bytes::new())), Ok(Frame::trailers(trailers))])
        })
        .await;
    opens(&breaker)
}

/// The table's text for this crate in this situation.
fn cell<L: Layered>(row: &str) -> &'static str {
    let mut lines = DOCUMENT.lines().skip_while(|line| !line.starts_with("| as a layer |")).map(cells);
    let head = lines.next().expect("the table");
    let column = head.iter().position(|column| column.split(' ').next() == Some(L::NAME)).expect("its column");
    let row = lines.find(|cells| cells.first() == Some(&row)).unwrap_or_else(|| panic!("no row `{row}` in COMPARE.md"));
    row[column]
}

/// A test for each crate: what happens is what the table's row says.
macro_rules! facts {
    ($($name:ident: $row:literal)*) => {
        $(mod $name {
            #[tokio::test(start_paused = true)]
            async fn ours() {
                assert_eq!(super::$name::<super::Ours>().await, super::cell::<super::Ours>($row));
            }

            #[tokio::test(start_paused = true)]
            async fn tower_resilience() {
                assert_eq!(super::$name::<super::TowerResilience>().await, super::cell::<super::TowerResilience>($row));
            }
        })*

        #[test]
        fn the_table_has_no_row_without_a_test() {
            let rows = DOCUMENT.lines().skip_while(|line| !line.starts_with("| as a layer |")).skip(2);
            let rows: Vec<_> = rows.map(cells).take_while(|cells| !cells.is_empty()).map(|cells| cells[0]).collect();
            assert_eq!(rows, [$($row),*]);
        }
    };
}

facts! {
    the_breaker_opens_while_a_caller_waits: "it opens while a caller waits in `ready`"
    it_closes_between_ready_and_call: "it is open at `ready` and closed at `call`, and the service is busy"
    a_rejected_call_had_a_place: "a call is rejected whose `ready` had a place of a `ConcurrencyLimit`"
    a_rejected_call_had_waited_for_a_place: "the same where it had waited for a place"
    poll_ready_fails: "`poll_ready` of the service fails, as many times as failures open it"
    a_response_is_503: "responses are 503, as many as failures open it"
    a_body_breaks_off: "bodies of responses break off, as many as failures open it"
    trailers_tell_a_failure: "gRPC trailers tell `Unavailable`, as many as failures open it"
}
