//! Calls within calls as services have them. With no isolated test and no listener in the process,
//! annotated calls have shorter ways to the stack of calls and off it. Whatever way a call takes,
//! it counts as it would on the longest.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreaker, CircuitBreakerError, Registry, State, circuit_breaker, testing};
use common::secs;
use futures_util::FutureExt as _;
use std::future::Future;
use std::pin::Pin;
use tokio::task::yield_now;
use tokio::time::advance;

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
}

type Answer = Result<u8, Fault>;

/// A call: of which breaker, how it ends, and whether it waits before and after the call inside it.
#[derive(Clone, Copy, Debug)]
struct Level {
    first: bool,
    works: bool,
    waits: bool,
}

impl Level {
    fn answer(self) -> Answer {
        if self.works { Ok(1) } else { Err(Fault::Refused) }
    }

    async fn wait(self) {
        if self.waits {
            yield_now().await;
        }
    }
}

/// What the bodies do: the call inside, whose result is not theirs, and their own end.
async fn body(levels: &[Level]) -> Answer {
    let (level, inside) = levels.split_first().unwrap();
    level.wait().await;
    let _ = call(inside).await;
    level.wait().await;
    level.answer()
}

fn call(levels: &[Level]) -> Pin<Box<dyn Future<Output = Answer> + '_>> {
    Box::pin(async move {
        match levels.first() {
            None => Ok(1),
            Some(level) if level.first => one(levels).await,
            Some(_) => other(levels).await,
        }
    })
}

fn call_sync(levels: &[Level]) -> Answer {
    match levels.first() {
        None => Ok(1),
        Some(level) if level.first => one_sync(levels),
        Some(_) => other_sync(levels),
    }
}

#[circuit_breaker(name = "one", fail_max = 1_000_000)]
async fn one(levels: &[Level]) -> Answer {
    body(levels).await
}

#[circuit_breaker(name = "other", fail_max = 1_000_000)]
async fn other(levels: &[Level]) -> Answer {
    body(levels).await
}

#[circuit_breaker(name = "one")]
fn one_sync(levels: &[Level]) -> Answer {
    let _ = call_sync(&levels[1..]);
    levels[0].answer()
}

#[circuit_breaker(name = "other")]
fn other_sync(levels: &[Level]) -> Answer {
    let _ = call_sync(&levels[1..]);
    levels[0].answer()
}

/// All chains of `depth` calls; those that wait are others each time.
fn chains(depth: u32) -> impl Iterator<Item = Vec<Level>> {
    (0..4_u32.pow(depth)).map(move |number| {
        let level = |at: u32| {
            let bits = number >> (2 * at);
            Level {
                first: bits & 1 == 0,
                works: bits & 2 == 0,
                waits: (number.wrapping_mul(2_654_435_761) >> at) & 1 == 1,
            }
        };
        (0..depth).map(level).collect()
    })
}

/// Successes, failures and dropped calls.
type Counts = [u64; 3];

/// Of calls that end: the innermost one counts, and one failure of those around it if it is none.
fn of_ended(levels: &[Level], first: bool) -> Counts {
    let own: Vec<_> = levels.iter().filter(|level| level.first == first).collect();
    let innermost = own.last().is_some_and(|level| level.works);
    [u64::from(innermost), u64::from(own.iter().any(|level| !level.works)), 0]
}

/// Of calls that are dropped while they wait for the first time: those of one breaker are one
/// ending.
fn of_dropped(levels: &[Level], first: bool) -> Counts {
    let Some(at) = levels.iter().position(|level| level.waits) else { return of_ended(levels, first) };
    [0, 0, u64::from(levels[..=at].iter().any(|level| level.first == first))]
}

fn named(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap()
}

fn counts() -> [Counts; 2] {
    [named("one"), named("other")].map(|breaker| {
        let seen = breaker.snapshot();
        assert_eq!(seen.ignored_count + seen.rejected_count, 0);
        [seen.success_count, seen.failure_count, seen.cancelled_count]
    })
}

struct Client {
    up: bool,
}

#[circuit_breaker(name = "client", fail_max = 2)]
impl Client {
    async fn all(&self) -> Result<u8, Fault> {
        Ok(self.page().await? + self.page().await?)
    }

    async fn page(&self) -> Result<u8, Fault> {
        yield_now().await;
        self.request()
    }

    fn request(&self) -> Result<u8, Fault> {
        if self.up { Ok(1) } else { Err(Fault::Refused) }
    }
}

/// One test, so that nothing in the process makes calls take a longer way.
#[tokio::test(start_paused = true)]
async fn calls_on_their_shortest_way_count_once_and_recover() {
    for levels in (1..=6).flat_map(chains) {
        for how in ["async", "sync", "dropped"] {
            let before = counts();
            match how {
                "async" => drop(call(&levels).await),
                "sync" => drop(call_sync(&levels)),
                _ => drop(call(&levels).now_or_never()),
            }
            let after = counts();
            let counted = |at: usize| std::array::from_fn(|n| after[at][n] - before[at][n]);
            let expected = if how == "dropped" { of_dropped } else { of_ended };
            let expected = [expected(&levels, true), expected(&levels, false)];
            assert_eq!([counted(0), counted(1)], expected, "{how}: {levels:?}");
        }
    }
    let breaker = named("client");
    for _ in 0..2 {
        assert_eq!(breaker.state(), State::Closed);
        Client { up: false }.all().await.unwrap_err();
    }
    assert_eq!((breaker.state(), breaker.snapshot().failure_count), (State::Open, 2));
    advance(secs(30)).await;
    assert_eq!(Client { up: true }.all().await.unwrap(), 2);
    testing::assert_state(&breaker, State::Closed);
    assert_eq!(breaker.snapshot().success_count, 2, "each page is a question of its own");
}
