//! Streams: a call lasts as long as its stream, and is the outer one of calls while that is polled.

use crate::common::{breaker, open, secs};
use crate::{Answer, Fault, Service, counts};
use breaker_core::{CircuitBreaker, Config, State, circuit_breaker, guard_stream, testing};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use std::panic::AssertUnwindSafe;
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

/// The body has begun the stream inside, and the outer one has not been polled yet.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_before_it_is_polled_is_one_ending_with_those_inside() {
    testing::isolated(async {
        drop(feed().await.unwrap());
        assert_eq!(counts(&testing::breaker("feed")), [0, 0, 1, 0, 0]);
    })
    .await;
}

type Words = std::pin::Pin<Box<dyn Stream<Item = Answer> + Send>>;

/// A client whose streams are read through each other.
struct Client;

#[circuit_breaker(name = "lines", fail_max = 3, stream)]
impl Client {
    async fn raw(&self) -> Result<Words, Fault> {
        Ok(stream::iter((0..10).map(Ok)).boxed())
    }

    /// It gives what the service sent, which may be no number.
    async fn parsed(&self) -> Result<Words, Fault> {
        let odd = |word| if word == 1 { Err(Fault::Invalid) } else { Ok(word) };
        Ok(self.raw().await?.map(move |word| word.and_then(odd)).boxed())
    }

    async fn first(&self, words: usize) -> Result<Words, Fault> {
        Ok(self.raw().await?.take(words).boxed())
    }

    async fn twice(&self, words: usize) -> Result<Words, Fault> {
        Ok(self.raw().await?.take(words).chain(self.raw().await?.take(words)).boxed())
    }

    async fn levels(&self) -> Result<Words, Fault> {
        Ok(self.parsed().await?.map(|word| word).boxed())
    }
}

/// The reader stops at the first error, as `try_collect` does, or at the end.
async fn read(words: Result<Words, Fault>) -> Result<usize, Fault> {
    let mut words = words?;
    let mut read = 0;
    while let Some(word) = words.next().await {
        word?;
        read += 1;
    }
    Ok(read)
}

/// The stream inside is dropped with the outer one, which has reported already. So it does not
/// report a success after the failure.
#[tokio::test(start_paused = true)]
async fn a_failure_of_an_outer_stream_is_not_undone_by_the_stream_inside_it() {
    for levels in [false, true] {
        testing::isolated(async {
            let b = testing::breaker("lines");
            for failures in 1..=3 {
                let words = if levels { Client.levels().await } else { Client.parsed().await };
                read(words).await.unwrap_err();
                assert_eq!(counts(&b), [0, 0, failures, 0, 0]);
            }
            assert_eq!(b.state(), State::Open);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_goes_on_after_an_error_counts_no_more() {
    testing::isolated(async {
        let b = testing::breaker("lines");
        assert_eq!(Client.parsed().await.unwrap().count().await, 10);
        assert_eq!(counts(&b), [0, 0, 1, 0, 0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_stream_that_is_read_to_its_end_is_one_success() {
    testing::isolated(async {
        let b = testing::breaker("lines");
        assert_eq!(read(Client.first(2).await).await.unwrap(), 2);
        assert_eq!(counts(&b), [1, 0, 0, 0, 0]);
        testing::half_open(&b).await;
        b.reconfigure(Config::new().success_threshold(2)).unwrap();
        read(Client.first(2).await).await.unwrap();
        assert_eq!(b.state(), State::HalfOpen, "one stream is one success");
        read(Client.first(2).await).await.unwrap();
        assert_eq!(b.state(), State::Closed);
    })
    .await;
}

/// The first is dropped while the outer one goes on, and reports. The second ends with it.
#[tokio::test(start_paused = true)]
async fn parts_of_two_streams_inside_one_are_one_success() {
    testing::isolated(async {
        let b = testing::breaker("lines");
        assert_eq!(read(Client.twice(2).await).await.unwrap(), 4);
        assert_eq!(counts(&b), [1, 0, 0, 0, 0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn streams_by_a_handle_within_each_other_count_once() {
    let b = breaker(Config::new().fail_max(3));
    let nested = |odd: bool| {
        let inner = guard_stream(b.try_acquire().unwrap(), stream::iter((0..9).map(Ok)));
        let odd = move |word| if odd && word == 1 { Err(Fault::Invalid) } else { Ok(word) };
        let items = inner.map(move |word: Answer| word.and_then(odd)).take(3);
        guard_stream(b.try_acquire().unwrap(), items).boxed_local()
    };
    assert_eq!(nested(false).count().await, 3);
    assert_eq!(counts(&b), [1, 0, 0, 0, 0]);
    for _ in 0..3 {
        let mut words = nested(true);
        while words.next().await.unwrap().is_ok() {}
    }
    assert_eq!((b.state(), counts(&b)), (State::Open, [1, 0, 3, 0, 0]));
}

/// A feed that outlives an error: what it asks later are questions of their own, also of streams.
#[tokio::test(start_paused = true)]
async fn calls_that_begin_in_a_stream_whose_call_has_ended_count() {
    let b = breaker(Config::new().fail_max(9));
    let inner = b.clone();
    let asks = stream::iter(0..4).then(move |n: u8| {
        let b = inner.clone();
        async move {
            let broken = [Ok(n), Err(Fault::Refused)];
            let mut words =
                guard_stream(b.try_acquire().unwrap(), stream::iter(if n == 3 { [Ok(n), Ok(n)] } else { broken }));
            while let Some(word) = words.next().await {
                word?;
            }
            call(&b, async { Ok(n) }).await
        }
    });
    let given: Vec<_> = guard_stream(b.try_acquire().unwrap(), asks.boxed_local()).collect().await;
    assert!(given[3].is_ok());
    assert_eq!(counts(&b), [2, 0, 3, 0, 0]);
}

/// The call that reads on is reported as always.
#[tokio::test(start_paused = true)]
async fn a_call_that_reads_a_stream_beyond_its_error_goes_on_with_those_inside() {
    let b = breaker(Config::new().fail_max(2));
    open(&b);
    advance(secs(30)).await;
    let inner = b.clone();
    let body = async {
        let inside = b.clone();
        let first = guard_stream(b.try_acquire()?, stream::iter([Ok(1), Ok(2)]));
        let pages = first.map(|word: Answer| word.and(Answer::Err(Fault::Missing))).then(move |word| {
            let b = inside.clone();
            async move {
                call(&b, async { Ok(1) }).await?;
                word
            }
        });
        let words = guard_stream(inner.try_acquire()?, pages.boxed_local());
        assert_eq!(words.count().await, 2);
        Ok(1)
    };
    call(&b, body).await.unwrap();
    assert_eq!(b.state(), State::Closed);
}

/// A stream inside `depth` others, each of which is begun when the one around it is read.
fn within(b: &CircuitBreaker, depth: u32) -> BoxStream<'static, Answer> {
    let inner = if depth == 0 {
        stream::iter([1, 0]).map(|n| Ok(1 / n)).boxed()
    } else {
        let b = b.clone();
        stream::once(async move { within(&b, depth - 1) }).flatten().boxed()
    };
    guard_stream(b.try_acquire().unwrap(), inner).boxed()
}

#[tokio::test(start_paused = true)]
async fn a_panic_goes_through_all_streams_around_it_and_is_one_failure() {
    for depth in 0..3 {
        let b = breaker(Config::new());
        let mut words = within(&b, depth);
        words.next().await.unwrap().unwrap();
        AssertUnwindSafe(words.next()).catch_unwind().await.unwrap_err();
        drop(words);
        assert_eq!(b.snapshot().failure_count, 1, "{depth}");
    }
}
