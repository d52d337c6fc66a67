//! The key `stream` with values, and the same by `guard_stream`. They say until when the items of a
//! stream have to come, and with which one it is complete.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::testing::{self, isolated};
use breaker_core::{
    CircuitBreaker, CircuitBreakerError, Classify as _, Config, OnCancel, Registry, State, circuit_breaker, fallback,
    guard_stream, guard_stream_with, presets, retry,
};
use common::{ms, secs};
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::{advance, sleep, timeout};

#[derive(Clone, Debug, PartialEq)]
enum Word {
    Text(&'static str),
    Last,
}

impl Word {
    fn is_last(&self) -> bool {
        *self == Self::Last
    }
}

#[derive(Debug, thiserror::Error)]
enum ChatError {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("broken")]
    Broken,
}

type Item = Result<Word, ChatError>;
type Words = Pin<Box<dyn Stream<Item = Item> + Send>>;

/// What a source does next.
#[derive(Clone, Copy)]
enum Then {
    /// After this number of seconds.
    Gives(u64, &'static str),
    Fails(u64),
    Ends(u64),
    Hangs,
}
use Then::{Ends, Fails, Gives, Hangs};

const LAST: Then = Gives(0, "last");

fn source(script: &'static [Then]) -> impl Stream<Item = Item> + Send + use<> {
    stream::unfold(script, |script| async move {
        let (next, rest) = script.split_first()?;
        match *next {
            Gives(after, text) => {
                sleep(secs(after)).await;
                let word = if text == "last" { Word::Last } else { Word::Text(text) };
                Some((Ok(word), rest))
            }
            Fails(after) => {
                sleep(secs(after)).await;
                Some((Err(ChatError::Broken), rest))
            }
            Ends(after) => {
                sleep(secs(after)).await;
                None
            }
            Hangs => pending().await,
        }
    })
}

#[circuit_breaker(name = "items_boxed", stream(first_item = "20s", item_timeout = "10s", until = Word::is_last))]
async fn boxed(head: u64, script: &'static [Then]) -> Result<Words, ChatError> {
    sleep(secs(head)).await;
    Ok(Box::pin(source(script)))
}

#[circuit_breaker(name = "items", stream(first_item = "20s", item_timeout = "10s", until = Word::is_last))]
async fn unboxed(head: u64, script: &'static [Then]) -> Result<impl Stream<Item = Item> + Send + use<>, ChatError> {
    sleep(secs(head)).await;
    Ok(source(script))
}

#[circuit_breaker(name = "items_of_a_sync_fn", stream(first_item = "20s", item_timeout = "10s", until = Word::is_last))]
fn not_async(script: &'static [Then]) -> Result<Words, ChatError> {
    Ok(Box::pin(source(script)))
}

async fn by_hand(head: u64, script: &'static [Then]) -> Result<Words, ChatError> {
    let permit = Way::ByHand.breaker().try_acquire()?.timed();
    timeout(secs(20), sleep(secs(head))).await.ok();
    let words = guard_stream_with(permit, source(script), presets::errors);
    Ok(Box::pin(words.first_item(secs(20)).item_timeout(secs(10)).until(Word::is_last)))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Boxed,
    Unboxed,
    NotAsync,
    ByHand,
}

const WAYS: [Way; 4] = [Way::Boxed, Way::Unboxed, Way::NotAsync, Way::ByHand];

impl Way {
    fn breaker(self) -> CircuitBreaker {
        let name = match self {
            Self::Boxed => "items_boxed",
            Self::Unboxed => "items",
            Self::NotAsync => "items_of_a_sync_fn",
            Self::ByHand => "items_by_hand",
        };
        Registry::global().breaker(name, Config::new()).unwrap()
    }

    async fn call(self, head: u64, script: &'static [Then]) -> Result<Words, ChatError> {
        match self {
            Self::Boxed => boxed(head, script).await,
            Self::Unboxed => Ok(Box::pin(unboxed(head, script).await?)),
            Self::NotAsync => not_async(script),
            Self::ByHand => by_hand(head, script).await,
        }
    }
}

/// Successes, ignored calls, failures and cancelled calls.
fn counts(breaker: &CircuitBreaker) -> [u64; 4] {
    let seen = breaker.snapshot();
    [seen.success_count, seen.ignored_count, seen.failure_count, seen.cancelled_count]
}

const NOTHING: [u64; 4] = [0; 4];
const SUCCESS: [u64; 4] = [1, 0, 0, 0];
const FAILURE: [u64; 4] = [0, 0, 1, 0];
const CANCELLED: [u64; 4] = [0, 0, 0, 1];

/// What the breaker counts while this runs.
async fn counted<T>(breaker: &CircuitBreaker, run: impl Future<Output = T>) -> (T, [u64; 4]) {
    let before = counts(breaker);
    let value = run.await;
    let after = counts(breaker);
    (value, std::array::from_fn(|index| after[index] - before[index]))
}

fn shown(item: &Item) -> String {
    match item {
        Ok(Word::Last) => "last".to_owned(),
        Ok(Word::Text(text)) => (*text).to_owned(),
        Err(ChatError::Open(error)) if error.is_timeout() => "late".to_owned(),
        Err(ChatError::Open(error)) if error.is_cut() => "cut".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// All that a reader sees who reads to the end, be it that the call is an error.
async fn read(words: Result<Words, ChatError>) -> String {
    let seen = match words {
        Ok(words) => words.map(|item| shown(&item)).collect().await,
        Err(error) => vec![shown(&Err(error))],
    };
    seen.join(" ")
}

async fn whole(way: Way, script: &'static [Then]) -> (String, [u64; 4]) {
    counted(&way.breaker(), async { read(way.call(0, script).await).await }).await
}

fn last_kind(breaker: &CircuitBreaker) -> String {
    breaker.snapshot().last_error.unwrap().kind.to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_item_that_until_names_is_the_success() {
    isolated(async {
        for way in WAYS {
            let breaker = way.breaker();
            let mut words = way.call(0, &[Gives(1, "a"), LAST, Hangs]).await.unwrap();
            let (_, came) = counted(&breaker, words.next()).await;
            assert_eq!(came, NOTHING, "{way:?}");
            let (last, came) = counted(&breaker, words.next()).await;
            assert_eq!((shown(&last.unwrap()), came), ("last".to_owned(), SUCCESS), "{way:?}");
            let ((), came) = counted(&breaker, async { drop(words) }).await;
            assert_eq!(came, NOTHING, "{way:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_stops_reading_at_its_last_item_closes_the_breaker() {
    isolated(async {
        for way in WAYS {
            let breaker = way.breaker();
            common::open(&breaker);
            advance(secs(30)).await;
            let mut words = way.call(0, &[Gives(0, "a"), LAST, Hangs]).await.unwrap();
            while !words.next().await.unwrap().unwrap().is_last() {}
            assert_eq!(breaker.state(), State::Closed, "{way:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_end_before_the_last_item_is_a_cut_and_without_until_the_success() {
    isolated(async {
        for way in WAYS {
            assert_eq!(whole(way, &[Gives(1, "a"), Ends(1)]).await, ("a".to_owned(), FAILURE), "{way:?}");
            assert_eq!(last_kind(&way.breaker()), "cut", "{way:?}");
            way.breaker().reset();
        }
        let breaker = common::breaker(Config::new());
        let words =
            guard_stream(breaker.try_acquire().unwrap(), source(&[Gives(0, "a"), Ends(0)])).item_timeout(secs(10));
        assert_eq!(counted(&breaker, read(Ok(Box::pin(words)))).await, ("a".to_owned(), SUCCESS));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_the_last_item_nothing_counts_and_nothing_is_limited() {
    isolated(async {
        for way in WAYS {
            for (script, seen) in [
                (&[Gives(0, "a"), LAST, Fails(0), Gives(0, "b")][..], "a last broken b"),
                (&[Gives(0, "a"), LAST, Gives(1000, "b")], "a last b"),
                (&[LAST, Ends(1000)], "last"),
                (&[LAST, LAST], "last last"),
            ] {
                assert_eq!(whole(way, script).await, (seen.to_owned(), SUCCESS), "{way:?}");
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_error_before_it_is_judged() {
    isolated(async {
        for way in WAYS {
            assert_eq!(
                whole(way, &[Gives(0, "a"), Fails(0), LAST]).await,
                ("a broken last".to_owned(), FAILURE),
                "{way:?}"
            );
            assert!(last_kind(&way.breaker()).ends_with("ChatError"), "{way:?}");
            way.breaker().reset();
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_first_item_that_does_not_come_in_time_is_an_error_of_the_call_where_that_waits_for_it() {
    isolated(async {
        for way in WAYS {
            for (script, seen) in
                [(&[Hangs][..], "late"), (&[Gives(21, "a")], "late"), (&[Ends(0)], "cut"), (&[Ends(19)], "cut")]
            {
                let breaker = way.breaker();
                let (words, of_call) = counted(&breaker, way.call(0, script)).await;
                let by_call = words.is_err();
                let (read, by_reader) = counted(&breaker, read(words)).await;
                assert_eq!(read, seen, "{way:?}");
                let expected = if by_call { (FAILURE, NOTHING) } else { (NOTHING, FAILURE) };
                assert_eq!(((of_call, by_reader), by_call), (expected, way == Way::Boxed), "{way:?}");
                assert_eq!(last_kind(&breaker), if seen == "cut" { "cut" } else { "timeout" });
                breaker.reset();
            }
            // Longer than an item may take, and in time.
            assert_eq!(whole(way, &[Gives(19, "a"), LAST]).await, ("a last".to_owned(), SUCCESS), "{way:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_first_items_time_runs_from_the_calls_start() {
    isolated(async {
        for way in WAYS.into_iter().filter(|way| *way != Way::NotAsync) {
            let late = async |head, script| {
                let began = tokio::time::Instant::now();
                let seen = read(way.call(head, script).await).await;
                (seen, began.elapsed().as_millis())
            };
            assert_eq!(late(15, &[Gives(6, "a"), LAST][..]).await, ("late".to_owned(), 20_000), "{way:?}");
            assert_eq!(late(15, &[Gives(4, "a"), LAST][..]).await.0, "a last", "{way:?}");
            // The wait for the stream itself.
            let hangs = late(1000, &[Gives(1, "a"), LAST][..]).await;
            assert_eq!(hangs.0, "late", "{way:?}");
            assert!(hangs.1.abs_diff(20_000) <= 1, "{hangs:?}");
            way.breaker().reset();
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_error_that_is_the_first_item_is_the_calls_own() {
    isolated(async {
        assert!(matches!(boxed(0, &[Fails(1)]).await, Err(ChatError::Broken)));
        assert_eq!(shown(&unboxed(0, &[Fails(1)]).await.unwrap().boxed().next().await.unwrap()), "broken");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_too_long_gets_one_error_and_the_end() {
    isolated(async {
        for way in WAYS {
            assert_eq!(
                whole(way, &[Gives(0, "a"), Gives(9, "b"), Hangs]).await,
                ("a b late".to_owned(), FAILURE),
                "{way:?}"
            );
            assert_eq!(last_kind(&way.breaker()), "timeout", "{way:?}");
            way.breaker().reset();
        }
    })
    .await;
}

/// Counts its drop.
struct Gone(Arc<AtomicU32>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_late_is_dropped_before_the_reader_hears_of_it() {
    isolated(async {
        let (breaker, dropped) = (common::breaker(Config::new()), Arc::new(AtomicU32::new(0)));
        let held = Gone(dropped.clone());
        let silent = stream::pending::<Item>().map(move |item| (item, &held).0);
        let mut words = Box::pin(guard_stream(breaker.try_acquire().unwrap(), silent).item_timeout(secs(10)));
        assert_eq!(shown(&words.next().await.unwrap()), "late");
        assert_eq!((dropped.load(Ordering::Relaxed), counts(&breaker)), (1, FAILURE));
        assert!(words.next().await.is_none());
        assert_eq!(words.size_hint(), (0, Some(0)));
        drop(words);
        assert_eq!((dropped.load(Ordering::Relaxed), counts(&breaker)), (1, FAILURE));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_ready_with_the_limit_wins() {
    isolated(async {
        for way in WAYS {
            for script in
                [&[Gives(20, "a"), Gives(10, "b"), LAST][..], &[Gives(0, "a"), Gives(10, "b"), Gives(10, "last")]]
            {
                let (seen, came) = whole(way, script).await;
                assert_eq!((seen.as_str(), came), ("a b last", SUCCESS), "{way:?}");
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_of_items_that_are_there_is_not_late() {
    isolated(async {
        for way in WAYS {
            let breaker = way.breaker();
            let mut words = way.call(0, &[Gives(0, "a"), Gives(0, "b"), LAST]).await.unwrap();
            let (read, came) = counted(&breaker, async {
                for _ in 0..3 {
                    sleep(secs(100)).await;
                    words.next().await.unwrap().unwrap();
                }
            })
            .await;
            assert_eq!((read, came), ((), SUCCESS), "{way:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_reader_that_asks_late_is_its_own() {
    isolated(async {
        let breaker = common::breaker(Config::new());
        let words = guard_stream(breaker.try_acquire().unwrap(), source(&[Gives(19, "a"), Gives(9, "b")]));
        let mut words = Box::pin(words.first_item(secs(20)).item_timeout(secs(10)));
        for _ in 0..2 {
            sleep(secs(1000)).await;
            words.next().await.unwrap().unwrap();
        }
    })
    .await;
}

/// The drops that are tried: what `on_cancel` says, and how long the reader waits for what does not
/// come.
const DROPS: [(Option<OnCancel>, Option<Duration>); 9] = [
    (None, None),
    (None, Some(secs(9))),
    (Some(OnCancel::Ignore), None),
    (Some(OnCancel::Ignore), Some(secs(9))),
    (Some(OnCancel::Failure), None),
    (Some(OnCancel::Failure), Some(ms(1))),
    (Some(OnCancel::After(secs(5))), None),
    (Some(OnCancel::After(secs(5))), Some(ms(4_900))),
    (Some(OnCancel::After(secs(5))), Some(secs(5))),
];

/// What a stream counts as that is dropped after a number of items of `script`.
async fn left(
    way: Way,
    (on_cancel, wait): (Option<OnCancel>, Option<Duration>),
    items: usize,
    script: &'static [Then],
) -> [u64; 4] {
    let breaker = way.breaker();
    breaker.reset();
    breaker.reconfigure(on_cancel.map_or_else(Config::new, |on_cancel| Config::new().on_cancel(on_cancel))).unwrap();
    let read = async {
        let mut words = way.call(0, script).await.unwrap();
        for _ in 0..items {
            words.next().await.unwrap().unwrap();
        }
        match wait {
            Some(_) => drop(words.next().await),
            None => drop(words),
        }
    };
    let (waits, came) = counted(&breaker, timeout(wait.unwrap_or(secs(5)), read)).await;
    assert_eq!(waits.is_err(), wait.is_some());
    came
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_before_an_item_is_cancelled_or_has_waited_too_long() {
    isolated(async {
        for way in WAYS {
            let waits = DROPS.into_iter().filter(|(_, wait)| wait.is_some());
            for ((on_cancel, wait), expected) in waits.zip([CANCELLED, CANCELLED, FAILURE, CANCELLED, FAILURE]) {
                let came = left(way, (on_cancel, wait), 0, &[Hangs]).await;
                assert_eq!(came, expected, "{way:?} {on_cancel:?} {wait:?}");
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_after_an_item_is_a_success_unless_its_reader_has_waited_too_long() {
    isolated(async {
        for way in WAYS {
            let expected = [SUCCESS, SUCCESS, SUCCESS, SUCCESS, SUCCESS, FAILURE, SUCCESS, SUCCESS, FAILURE];
            for (on, expected) in DROPS.into_iter().zip(expected) {
                for (items, script) in [(1, &[Gives(0, "a"), Hangs][..]), (2, &[Gives(0, "a"), Gives(0, "b"), Hangs])] {
                    assert_eq!(left(way, on, items, script).await, expected, "{way:?} {on:?} {items}");
                }
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_never_read_waits_no_longer_than_for_the_stream_itself() {
    isolated(async {
        let breaker = common::breaker(Config::new().on_cancel(OnCancel::After(secs(5))));
        for (head, expected) in [(4, CANCELLED), (5, FAILURE)] {
            let ((), came) = counted(&breaker, async {
                let permit = breaker.try_acquire().unwrap();
                sleep(secs(head)).await;
                let words = guard_stream(permit, stream::iter([Ok::<_, ChatError>(1)]));
                sleep(secs(1000)).await;
                drop(words);
            })
            .await;
            assert_eq!(came, expected, "{head}");
        }
    })
    .await;
}

/// For a stream that is dropped while its reader waits for the first item, two times count. They
/// are the time that the call took, and the time that the reader has waited.
#[tokio::test(start_paused = true)]
async fn before_the_first_item_the_readers_own_time_is_no_wait() {
    isolated(async {
        // A boxed call waits for the item itself.
        for way in [Way::Unboxed, Way::NotAsync, Way::ByHand] {
            let head = if way == Way::NotAsync { 0 } else { 2 };
            way.breaker().reconfigure(Config::new().on_cancel(OnCancel::After(secs(head + 3)))).unwrap();
            for (wait, expected) in [(ms(2_900), CANCELLED), (secs(3), FAILURE)] {
                let ((), came) = counted(&way.breaker(), async {
                    let mut words = way.call(head, &[Hangs]).await.unwrap();
                    sleep(secs(1000)).await;
                    timeout(wait, words.next()).await.unwrap_err();
                })
                .await;
                assert_eq!(came, expected, "{way:?} {wait:?}");
            }
        }
    })
    .await;
}

static CALLS: AtomicU32 = AtomicU32::new(0);

#[circuit_breaker(name = "items_again", fail_max = 100, stream(first_item = "5s", until = Word::is_last))]
#[retry(attempts = 3, min = "1s", jitter = 0.0)]
#[fallback(value(Box::pin(source(&[Gives(0, "excerpt")]))), on(open, timeout, failure))]
async fn again(scripts: &[&'static [Then]]) -> Result<Words, ChatError> {
    let script = scripts[CALLS.fetch_add(1, Ordering::Relaxed) as usize % scripts.len()];
    Ok(Box::pin(source(script)))
}

#[circuit_breaker(name = "items_on_failure", stream(first_item = "5s"))]
#[fallback(value(Box::pin(source(&[Gives(0, "excerpt")]))), on(failure))]
async fn on_failure(script: &'static [Then]) -> Result<Words, ChatError> {
    Ok(Box::pin(source(script)))
}

#[circuit_breaker(name = "items_on_timeout", stream(first_item = "5s"))]
#[fallback(value(Box::pin(source(&[Gives(0, "excerpt")]))), on(timeout))]
async fn on_timeout(script: &'static [Then]) -> Result<Words, ChatError> {
    Ok(Box::pin(source(script)))
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_before_the_first_item_is_tried_again_and_falls_back() {
    isolated(async {
        let good: &[Then] = &[Gives(0, "a"), LAST];
        for (scripts, calls, seen) in [
            (&[&[Hangs], good][..], 2, "a last"),
            (&[&[Fails(1)], good], 2, "a last"),
            (&[&[Ends(1)], &[Gives(6, "a")], good], 3, "a last"),
            (&[&[Hangs], &[Fails(0)], &[Ends(0)]], 3, "excerpt"),
            // What breaks off later does not.
            (&[&[Gives(0, "a"), Fails(0)]], 1, "a broken"),
        ] {
            CALLS.store(0, Ordering::Relaxed);
            assert_eq!((read(again(scripts).await).await, CALLS.load(Ordering::Relaxed)), (seen.to_owned(), calls));
        }
        for (script, with_failure, with_timeout) in
            [(&[Hangs][..], "excerpt", "excerpt"), (&[Fails(0)], "excerpt", "broken"), (&[Ends(0)], "excerpt", "cut")]
        {
            assert_eq!(read(on_failure(script).await).await, with_failure);
            assert_eq!(read(on_timeout(script).await).await, with_timeout);
        }
    })
    .await;
}

const FIRST: Duration = secs(5);

#[circuit_breaker(name = "items_by_consts", stream(first_item = FIRST, item_timeout = FIRST.saturating_mul(2)))]
async fn by_consts(script: &'static [Then]) -> Result<Words, ChatError> {
    Ok(Box::pin(source(script)))
}

#[tokio::test(start_paused = true)]
async fn limits_may_be_constants() {
    isolated(async {
        let late = by_consts(&[Hangs]).await.err().unwrap().to_string();
        assert!(late.ends_with("gave no first item within 5s"), "{late}");
        let mut words = by_consts(&[Gives(0, "a"), Hangs]).await.unwrap();
        words.next().await.unwrap().unwrap();
        let late = words.next().await.unwrap().unwrap_err().to_string();
        assert!(late.ends_with("gave no item for 10s"), "{late}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_variables_of_time_limits_leave_those_of_items() {
    isolated(async {
        Registry::global()
            .load_env_from([("CIRCUIT_BREAKER_CALL_TIMEOUT", "off"), ("ITEMS_BY_CONSTS_CIRCUIT_CALL_TIMEOUT", "1s")])
            .unwrap();
        let late = by_consts(&[Hangs]).await.err().unwrap().to_string();
        assert!(late.ends_with("gave no first item within 5s"), "{late}");
    })
    .await;
}

#[circuit_breaker(name = "items_by_settings", stream(first_item = limits[0], item_timeout = limits[1]))]
async fn by_settings(limits: [Duration; 2], script: &'static [Then]) -> Result<Words, ChatError> {
    Ok(Box::pin(source(script)))
}

/// A setting of zero is off: it must not fail each item that is not there at once, and so open the
/// breaker.
#[tokio::test(start_paused = true)]
async fn limits_may_come_from_settings_and_zero_is_none() {
    isolated(async {
        let late = by_settings([secs(5), secs(0)], &[Hangs]).await.err().unwrap().to_string();
        assert!(late.ends_with("gave no first item within 5s"), "{late}");
        for limits in [[secs(0), secs(0)], [secs(0), secs(9)], [secs(9), secs(0)]] {
            let words = by_settings(limits, &[Gives(8, "a"), Gives(8, "b")]).await.unwrap();
            assert_eq!(words.map(Result::unwrap).count().await, 2, "{limits:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn by_hand_zero_is_no_limit() {
    let breaker = common::breaker(Config::new());
    let words = guard_stream(breaker.try_acquire().unwrap(), source(&[Gives(8, "a"), Gives(8, "b")]));
    let words = words.first_item(Duration::ZERO).item_timeout(Duration::ZERO);
    assert_eq!(words.map(Result::unwrap).count().await, 2);
    assert_eq!(counts(&breaker), [1, 0, 0, 0]);
}

/// An error that cannot be made of another one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Foreign(String);

#[expect(clippy::needless_pass_by_value, reason = "as `open` gives it")]
fn foreign(rejection: CircuitBreakerError) -> Foreign {
    Foreign(rejection.to_string())
}

type Others = Pin<Box<dyn Stream<Item = Result<u8, Foreign>> + Send>>;

#[circuit_breaker(name = "items_opened", open = foreign, stream(first_item = "5s", item_timeout = "2s", until = |n| *n == 3))]
async fn opened(items: Vec<Result<u8, Foreign>>) -> Result<Others, Foreign> {
    Ok(Box::pin(stream::iter(items).chain(stream::pending())))
}

/// The function's error cannot be made of an item's.
#[circuit_breaker(name = "items_carried", stream(first_item = "5s"))]
async fn carried(
    items: Vec<Result<u8, CallError>>,
) -> Result<Pin<Box<dyn Stream<Item = Result<u8, CallError>> + Send>>, ChatError> {
    Ok(Box::pin(stream::iter(items)))
}

type CallError = breaker_core::CallError<Foreign>;

#[tokio::test(start_paused = true)]
async fn the_errors_of_items_may_be_of_any_type_that_says_how() {
    isolated(async {
        let late = opened(vec![]).await.err().unwrap().0;
        assert!(late.ends_with("gave no first item within 5s"), "{late}");
        let mut words = opened(vec![Ok(1)]).await.unwrap();
        assert_eq!(words.next().await.unwrap().unwrap(), 1);
        let late = words.next().await.unwrap().unwrap_err().0;
        assert!(late.ends_with("gave no item for 2s"), "{late}");
        let opened_breaker = Registry::global().get("items_opened").unwrap();
        let (mut words, came) = counted(&opened_breaker, async {
            let mut words = opened(vec![Ok(3)]).await.unwrap();
            words.next().await;
            words
        })
        .await;
        assert_eq!((came, words.next().now_or_never().is_none()), (SUCCESS, true));
        let item = CallError::Inner(Foreign("refused".to_owned()));
        let mut words = carried(vec![Err(item)]).await.unwrap();
        assert_eq!(words.next().await.unwrap().unwrap_err().into_inner().unwrap().0, "refused");
    })
    .await;
}

#[tokio::test]
async fn the_texts_say_what_was_late() {
    isolated(async {
        let breaker = common::breaker(Config::new());
        let ends = guard_stream(breaker.try_acquire().unwrap(), stream::empty::<Item>()).first_item(secs(1));
        let error = Box::pin(ends).next().await.unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the stream of a call through circuit breaker `test` ended before its first item"
        );
        let ChatError::Open(error) = error else { panic!("{error}") };
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::UnexpectedEof);
        assert_eq!(breaker.snapshot().last_error.unwrap().message.unwrap(), "the stream ended before its first item");
    })
    .await;
}

#[test]
fn calls_and_their_streams_may_go_to_other_threads() {
    fn is_send<T: Send>(_: T) {}
    is_send(boxed(0, &[]));
    is_send(unboxed(0, &[]));
    is_send(again(&[]));
    is_send(on_failure(&[]));
    is_send(opened(vec![]));
}

#[circuit_breaker(name = "items_inside", fail_max = 100, stream(first_item = "5s"))]
async fn inside(script: &'static [Then]) -> Result<Words, ChatError> {
    Ok(Box::pin(source(script)))
}

#[circuit_breaker(name = "items_outside", fail_max = 100)]
#[retry(attempts = 3, min = "1s", jitter = 0.0)]
async fn outside(script: &'static [Then]) -> Result<u8, ChatError> {
    inside(script).await.map(|_| 1)
}

#[circuit_breaker(name = "items_outside_any", fail_max = 100, classify = presets::any)]
async fn outside_any(script: &'static [Then]) -> Result<u8, ChatError> {
    inside(script).await.map(|_| 1)
}

#[tokio::test(start_paused = true)]
async fn to_another_breaker_an_empty_stream_is_a_failure_and_no_rejection() {
    isolated(async {
        for script in [&[Ends(0)][..], &[Hangs]] {
            outside(script).await.unwrap_err();
            assert_eq!(counts(&testing::breaker("items_outside")), [0, 0, 3, 0]);
            let ChatError::Open(error) = outside_any(script).await.unwrap_err() else { panic!("it was made here") };
            assert_eq!(counts(&testing::breaker("items_outside_any")), FAILURE);
            assert!(!error.is_rejection() && error.classify().is_failure());
            Registry::global().breakers().iter().for_each(CircuitBreaker::reset);
        }
    })
    .await;
}

struct Nested;

#[circuit_breaker(name = "items_nested", fail_max = 3)]
impl Nested {
    #[circuit_breaker(stream)]
    async fn raw(&self) -> Result<Words, ChatError> {
        Ok(Box::pin(source(&[Gives(0, "stop"), Gives(0, "unread")])))
    }

    #[circuit_breaker(stream(first_item = "5s"))]
    async fn words(&self) -> Result<Words, ChatError> {
        let before_stop = |word: &Item| std::future::ready(!matches!(word, Ok(Word::Text("stop"))));
        Ok(Box::pin(self.raw().await?.take_while(before_stop)))
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_empty_stream_left_unread_ends_with_it_and_is_not_counted() {
    isolated(async {
        for failures in 1..=3 {
            assert_eq!(read(Nested.words().await).await, "cut");
            assert_eq!(counts(&testing::breaker("items_nested")), [0, 0, failures, 0]);
        }
        assert_eq!(testing::breaker("items_nested").state(), State::Open);
    })
    .await;
}

#[circuit_breaker(name = "items_in_all", fail_max = 100, stream(first_item = "20s"))]
#[retry(attempts = 5, min = "1s", jitter = 0.0, total = "7s")]
async fn in_all(head: u64, script: &'static [Then]) -> Result<Words, ChatError> {
    sleep(secs(head)).await;
    Ok(Box::pin(source(script)))
}

#[tokio::test(start_paused = true)]
async fn the_total_of_a_retry_ends_the_wait_for_the_first_item() {
    isolated(async {
        // A stream that is silent, one whose head takes long, one that fails and is tried again,
        // and a head that does not come.
        for (head, script) in [(0, &[Hangs][..]), (4, &[Hangs]), (0, &[Fails(3)]), (100, &[Hangs])] {
            let began = tokio::time::Instant::now();
            in_all(head, script).await.err().unwrap();
            assert!(began.elapsed().as_millis().abs_diff(7_000) <= 1, "{head}: {:?}", began.elapsed());
        }
        assert_eq!(read(in_all(0, &[Gives(6, "a"), Gives(100, "b"), Ends(0)]).await).await, "a b");
    })
    .await;
}
