//! Which breaker of a `key` leaves when `max_keys` is reached, where the order decides whether
//! others can open at all.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{Backoff, CircuitBreaker, CircuitBreakerError, Config, Registry, circuit_breaker, testing};
use common::{ms, secs};
use tokio::time::advance;

#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
}

const WEEK: u64 = 7 * 24 * 3600;

#[circuit_breaker(name = "few", key = host, max_keys = 10)]
async fn few(host: &str, up: bool) -> Result<(), CallError> {
    if up { Ok(()) } else { Err(CallError::Refused) }
}

#[circuit_breaker(name = "few", key = host)]
fn few_sync(host: &str, up: bool) -> Result<(), CallError> {
    if up { Ok(()) } else { Err(CallError::Refused) }
}

#[circuit_breaker(name = "few", key = host)]
async fn few_slow(host: &str, takes: u64) -> Result<(), CallError> {
    tokio::time::sleep(secs(takes)).await;
    Ok(())
}

#[circuit_breaker(name = "many", key = host, max_keys = 1000, fail_max = 3)]
async fn many(host: &str, up: bool) -> Result<(), CallError> {
    if up { Ok(()) } else { Err(CallError::Refused) }
}

fn known(name: &str) -> Option<CircuitBreaker> {
    Registry::global().get(name)
}

fn how_many(name: &str, values: impl Iterator<Item = String>) -> usize {
    values.filter(|value| known(&format!("{name}[{value}]")).is_some()).count()
}

fn dead(n: usize) -> impl Iterator<Item = String> {
    (0..n).map(|at| format!("dead {at}"))
}

/// Opens the breakers of `n` hosts, which are not called again.
async fn die(n: usize) {
    for host in dead(n) {
        while few(&host, false).await.is_err_and(|error| matches!(error, CallError::Refused)) {}
    }
}

/// The sets of settings by which failures open a breaker.
fn rules() -> [Config; 5] {
    let off = Config::new().fail_max_off().window_calls(20);
    [
        Config::new().fail_max(3),
        Config::new().fail_max(3).fail_window(secs(60)),
        off.window_fail_max(3),
        off.failure_rate(0.5).min_calls(3),
        off.window(secs(60)).failure_rate(0.5).min_calls(3),
    ]
}

#[tokio::test(start_paused = true)]
async fn two_hosts_that_fail_open_though_dead_ones_hold_all_other_places() {
    for settings in rules() {
        testing::isolated(async {
            testing::breaker("few").reconfigure(settings).unwrap();
            die(9).await;
            for pause in [60, 600, WEEK] {
                advance(secs(pause)).await;
                let [a, b] = [format!("a {pause}"), format!("b {pause}")];
                let mut rejected = 0;
                for _ in 0..20 {
                    rejected += u32::from(matches!(few(&a, false).await, Err(CallError::Open(_))));
                    rejected += u32::from(matches!(few_sync(&b, false), Err(CallError::Open(_))));
                    advance(ms(100)).await;
                }
                assert_eq!(rejected, 2 * (20 - 3), "{pause} s later, {settings:?}");
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_hosts_that_are_slow_open_though_dead_ones_hold_all_other_places() {
    testing::isolated(async {
        let slow = Config::new().slow_call_duration(secs(1)).slow_call_rate(0.5).min_calls(3).window_calls(20);
        testing::breaker("few").reconfigure(slow).unwrap();
        die(9).await;
        advance(secs(60)).await;
        let mut rejected = 0;
        for _ in 0..8 {
            for host in ["a", "b"] {
                rejected += u32::from(few_slow(host, 2).await.is_err());
            }
        }
        assert_eq!(rejected, 2 * (8 - 3));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_many_places_too_the_dead_leave_before_those_that_are_about_to_open() {
    testing::isolated(async {
        for host in dead(1000) {
            for _ in 0..3 {
                many(&host, false).await.unwrap_err();
            }
        }
        advance(secs(60)).await;
        let mut rejected = 0;
        for _ in 0..20 {
            for n in 0..50 {
                rejected += u32::from(matches!(many(&format!("live {n}"), false).await, Err(CallError::Open(_))));
            }
        }
        assert_eq!(rejected, 50 * (20 - 3));
        assert_eq!(how_many("many", dead(1000)), 950);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn healthy_hosts_do_not_push_each_other_out_beside_hosts_that_died_long_ago() {
    testing::isolated(async {
        die(10).await;
        advance(secs(3600 + 60)).await;
        let live = || (0..5).map(|n| format!("live {n}"));
        for _ in 0..3 {
            for host in live() {
                few(&host, true).await.unwrap();
            }
        }
        assert_eq!((how_many("few", live()), how_many("few", dead(10))), (5, 5));
        for host in live() {
            assert_eq!(
                known(&format!("few[{host}]")).unwrap().snapshot().success_count,
                3,
                "it is still the first one"
            );
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn single_failures_of_long_ago_hold_no_places() {
    for window in [None, Some(secs(30))] {
        testing::isolated(async {
            let settings = Config::new().fail_max(3);
            let settings = window.map_or(settings, |window| settings.fail_window(window));
            testing::breaker("few").reconfigure(settings).unwrap();
            for host in dead(10) {
                few(&host, false).await.unwrap_err();
            }
            advance(if window.is_some() { secs(31) } else { secs(3600) }).await;
            for _ in 0..3 {
                for host in ["a", "b"] {
                    few(host, true).await.unwrap();
                }
            }
            assert_eq!(known("few[a]").unwrap().snapshot().success_count, 3, "fail_window {window:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_still_counts_stays_before_a_closed_one_without_and_leaves_before_an_open_one() {
    testing::isolated(async {
        testing::breaker("few").reconfigure(Config::new().max_keys(3).fail_max(2)).unwrap();
        few("run", false).await.unwrap_err();
        die(1).await;
        few("quiet", true).await.unwrap();
        few("new", false).await.unwrap_err();
        let places = || ["run", "dead 0", "quiet", "new", "newer"].map(|host| known(&format!("few[{host}]")).is_some());
        assert_eq!(places(), [true, true, false, true, false], "the one without failures, though it was used last");
        few("newer", true).await.unwrap();
        assert_eq!(places(), [false, true, false, true, true], "the longest unused run, the open one stays");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_letting_in_a_share_of_the_calls_stays_before_a_closed_one() {
    testing::isolated(async {
        testing::breaker("few").reconfigure(Config::new().max_keys(2).fail_max(1).ramp(secs(60))).unwrap();
        few("ramp", false).await.unwrap_err();
        advance(secs(30)).await;
        few("ramp", true).await.unwrap();
        few("quiet", true).await.unwrap();
        few("new", true).await.unwrap();
        assert!(known("few[ramp]").is_some() && known("few[quiet]").is_none());
        advance(secs(60)).await;
        few("newer", true).await.unwrap();
        assert!(known("few[ramp]").is_none(), "its ramp is over");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_trial_without_a_result_holds_a_place_for_an_hour_at_most() {
    testing::isolated(async {
        let backoff = Backoff::new().jitter(0.0);
        let settings = Config::new().max_keys(2).fail_max(1).success_threshold(2).backoff(backoff);
        testing::breaker("few").reconfigure(settings).unwrap();
        few("trial", false).await.unwrap_err();
        advance(secs(30)).await;
        few("trial", true).await.unwrap();
        for (host, leaves) in [("a", false), ("b", false), ("c", true)] {
            few(host, true).await.unwrap();
            few(host, true).await.unwrap();
            assert_eq!(known("few[trial]").is_none(), leaves, "{host}");
            if host == "b" {
                advance(secs(3600)).await;
            }
        }
    })
    .await;
}
