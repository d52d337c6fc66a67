//! Together: calls within a call that run at the same time.

use crate::common::{breaker, secs};
use crate::{Answer, Fault, counts};
use breaker_core::{CircuitBreaker, Config, State};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::task::yield_now;
use tokio::time::advance;

/// A call inside that waits.
async fn part(b: &CircuitBreaker, up: bool) -> Answer {
    let body = async {
        yield_now().await;
        if up { Ok(1) } else { Err(Fault::Refused) }
    };
    Ok(b.call(body).await?)
}

/// How the parts of a question are asked for.
async fn recovers(what: &str, ask: impl AsyncFn(&CircuitBreaker, bool) -> Answer) {
    let b = breaker(Config::new().fail_max(1));
    let asked = async |up| b.call(ask(&b, up)).await;
    asked(true).await.unwrap();
    assert_eq!(counts(&b), [2, 0, 0, 0, 0], "{what}: each part counts");
    asked(false).await.unwrap_err();
    assert_eq!(b.state(), State::Open, "{what}");
    let failures = counts(&b)[2];
    assert!((1..=2).contains(&failures), "{what}: a failure of a part, and never the outer one");
    advance(secs(30)).await;
    asked(true).await.unwrap();
    assert_eq!((b.state(), counts(&b)[4]), (State::Closed, 0), "{what}: the parts go along with the probe");
}

#[tokio::test(start_paused = true)]
async fn the_calls_of_a_join_go_along_with_their_probe() {
    recovers("join!", async |b, up| {
        let (one, other) = tokio::join!(part(b, true), part(b, up));
        one.and(other)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_calls_of_a_try_join_go_along_with_their_probe() {
    recovers("try_join!", async |b, up| tokio::try_join!(part(b, up), part(b, up)).map(|parts| parts.0)).await;
}

#[tokio::test(start_paused = true)]
async fn the_calls_of_futures_unordered_go_along_with_their_probe() {
    recovers("FuturesUnordered", async |b, up| {
        let parts: FuturesUnordered<_> = (0..2).map(|_| part(b, up)).collect();
        parts.collect::<Vec<_>>().await.into_iter().sum()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_winner_of_a_select_within_a_probe_closes_the_breaker() {
    let b = breaker(Config::new().fail_max(1));
    crate::common::open(&b);
    advance(secs(30)).await;
    let hedged = async {
        tokio::select! {
            biased;
            slow = async { Ok(b.call(std::future::pending::<Answer>()).await?) } => slow,
            quick = part(&b, true) => quick,
        }
    };
    b.call(hedged).await.unwrap();
    assert_eq!((b.state(), counts(&b)), (State::Closed, [1, 0, 1, 1, 0]));
}
