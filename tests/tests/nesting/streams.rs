//! Streams: a call lasts as long as its stream, and is the outer one of calls while that is polled.

use crate::common::{breaker, open, secs};
use crate::{Answer, Fault, Service, counts};
use breaker_core::{CircuitBreaker, Config, State, circuit_breaker, guard_stream, testing};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::advance;

async fn call(b: &CircuitBreaker, body: impl Future<Output = Answer>) -> Answer {
    Ok(b.call(body).await?)
}

/// A stream of these items, as a call of the breaker.
fn streamed(b: &CircuitBreaker, items: Vec<Answer>) -> impl Stream<Item = Answer> + use<> {
    guard_stream(b.try_acquire().unwrap(), stream::iter(items))
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_read_within_a_call_counts_once() {
    let b = breaker(Config::new());
    let read = async |items: Vec<Answer>| {
        let mut words = streamed(&b, items);
        let mut last = Ok(0);
        while let Some(word) = words.next().await {
            last = word;
        }
        last
    };
    call(&b, read(vec![Ok(1), Ok(2)])).await.unwrap();
    assert_eq!(counts(&b), [1, 0, 0, 0, 0]);
    call(&b, read(vec![Ok(1), Err(Fault::Refused)])).await.unwrap_err();
    assert_eq!(counts(&b), [1, 0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_within_a_stream_that_is_polled_counts_once() {
    let b = breaker(Config::new());
    let pages = |up: bool| {
        let page = move |n, b: CircuitBreaker| async move {
            call(&b, async { if up { Ok(n) } else { Err(Fault::Refused) } }).await
        };
        let inner = b.clone();
        let pages = stream::iter(1..3).then(move |n| page(n, inner.clone()));
        guard_stream(b.try_acquire().unwrap(), pages.boxed_local())
    };
    assert_eq!(pages(true).count().await, 2);
    assert_eq!(counts(&b), [2, 0, 0, 0, 0], "each page counts, and the stream's end no more");
    pages(false).next().await.unwrap().unwrap_err();
    assert_eq!(counts(&b), [2, 0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_outlives_its_outer_call_is_a_call_of_its_own() {
    let b = breaker(Config::new());
    let mut words = None;
    call(&b, async {
        words = Some(streamed(&b, vec![Ok(1), Err(Fault::Refused)]));
        Ok(1)
    })
    .await
    .unwrap();
    assert_eq!(counts(&b), [1, 0, 0, 0, 0]);
    assert_eq!(words.unwrap().count().await, 2);
    assert_eq!(counts(&b), [1, 0, 1, 0, 0]);
}

#[circuit_breaker(name = "chat", stream, fail_max = 3)]
async fn chat(service: &Service) -> Result<impl Stream<Item = Answer> + use<>, Fault> {
    let tokens = tokens(service).await?;
    Ok(tokens.map(|token| token.map(|token| token + 1)))
}

#[circuit_breaker(name = "chat", stream)]
async fn tokens(service: &Service) -> Result<impl Stream<Item = Answer> + use<>, Fault> {
    let first = service.answer();
    Ok(stream::iter([first]))
}

#[tokio::test(start_paused = true)]
async fn annotated_streams_within_each_other_count_once_and_recover() {
    testing::isolated(async {
        let service = Service::default();
        crate::asks_once("chat", &service, async || match chat(&service).await {
            Ok(words) => words.collect::<Vec<_>>().await.pop().unwrap(),
            Err(fault) => Err(fault),
        })
        .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_reads_a_stream_of_its_own_breaker_closes_it() {
    let b = breaker(Config::new().fail_max(1));
    open(&b);
    advance(secs(30)).await;
    let body = async {
        assert_eq!(streamed(&b, vec![Ok(1)]).count().await, 1);
        Ok(1)
    };
    call(&b, body).await.unwrap();
    assert_eq!((b.state(), counts(&b)), (State::Closed, [1, 0, 1, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_with_a_call_under_way_inside_is_one_ending() {
    let b = breaker(Config::new());
    let inner = b.clone();
    let pages = stream::once(async move { call(&inner, std::future::pending()).await }).boxed_local();
    let mut pages = guard_stream(b.try_acquire().unwrap(), pages);
    assert!(futures_util::poll!(pages.next()).is_pending());
    drop(pages);
    assert_eq!(counts(&b), [0, 0, 0, 1, 0]);
}

#[circuit_breaker(name = "feed", stream, on_cancel = failure)]
async fn feed() -> Result<impl Stream<Item = Answer> + use<>, Fault> {
    let mut events = Box::pin(events().await?.peekable());
    assert!(futures_util::poll!(events.as_mut().peek()).is_pending());
    Ok(events)
}

#[circuit_breaker(name = "feed", stream)]
async fn events() -> Result<impl Stream<Item = Answer> + use<>, Fault> {
    Ok(stream::pending())
}

/// The body has begun the stream inside, and nobody has polled the outer one yet.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_before_it_is_polled_is_one_ending_with_those_inside() {
    testing::isolated(async {
        drop(feed().await.unwrap());
        assert_eq!(counts(&testing::breaker("feed")), [0, 0, 1, 0, 0]);
    })
    .await;
}
