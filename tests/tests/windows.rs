//! Windows beside a list of all calls: whatever the rules and the calls, the breaker opens when the rules hold, and only then.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreaker, Config, State, Window, WindowCounts};
use common::{breaker, ms};
use proptest::prelude::*;
use std::time::Duration;
use tokio::time::{Instant, advance};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A call that takes so long, and fails or not.
    Call {
        fails: bool,
        took: Duration,
    },
    Neutral,
    Dropped {
        after: Duration,
    },
    Wait(Duration),
}

/// A call that counted.
#[derive(Clone, Copy, Debug)]
struct Made {
    at: Instant,
    failed: bool,
    slow: bool,
}

const SLOW: Duration = ms(100);
const RECOVERY: Duration = ms(500);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let took = prop_oneof![4 => Just(ms(0)), 1 => Just(SLOW), 1 => Just(SLOW + ms(1))];
    let step = prop_oneof![
        10 => (any::<bool>(), took).prop_map(|(fails, took)| Step::Call { fails, took }),
        6 => Just(Step::Call { fails: false, took: ms(0) }),
        1 => Just(Step::Neutral),
        1 => prop_oneof![Just(ms(1)), Just(SLOW * 2)].prop_map(|after| Step::Dropped { after }),
        3 => (0_u64..3000).prop_map(|wait| Step::Wait(ms(wait))),
    ];
    prop::collection::vec(step, 1..120)
}

fn rules() -> impl Strategy<Value = Config> {
    let window =
        prop_oneof![(1_u32..40).prop_map(Window::Calls), (60_u64..6000).prop_map(|span| Window::Time(ms(span)))];
    let rate = || prop::option::of((1_u32..=20).prop_map(|share| f64::from(share) / 20.0));
    (window, rate(), rate(), prop::option::of(1_u32..12), 1_u32..12, 1_u32..20).prop_map(
        |(window, failure_rate, slow_rate, fails, min_calls, fail_max)| {
            let config = Config::new().fail_max(fail_max).fail_window_off().recovery_timeout(RECOVERY);
            let (config, least) = match window {
                Window::Calls(calls) => (config.window_calls(calls), min_calls.min(calls)),
                Window::Time(span) => (config.window(span), min_calls),
                _ => unreachable!(),
            };
            let config = config.min_calls(least);
            let config = failure_rate.map_or(config, |rate| config.failure_rate(rate));
            let config = slow_rate.map_or(config, |rate| config.slow_call(SLOW).slow_rate(rate));
            let most = if let Window::Calls(calls) = window { calls } else { u32::MAX };
            fails.map_or(config, |fails| config.window_fail_max(fails.min(most)))
        },
    )
}

/// Makes the step; gives the call if it counted in a window.
async fn make(breaker: &CircuitBreaker, step: Step) -> Option<Made> {
    let slow = |took: Duration| breaker.config().slow_call.is_some_and(|limit| took > limit);
    let permit = match step {
        Step::Wait(span) => {
            advance(span).await;
            return None;
        }
        _ => breaker.try_acquire().unwrap(),
    };
    match step {
        Step::Call { fails, took } => {
            advance(took).await;
            if fails {
                permit.failure();
            } else {
                permit.success();
            }
            Some(Made { at: Instant::now(), failed: fails, slow: slow(took) })
        }
        Step::Dropped { after } => {
            advance(after).await;
            drop(permit);
            slow(after).then(|| Made { at: Instant::now(), failed: false, slow: true })
        }
        _ => {
            permit.ignore();
            None
        }
    }
}

fn sums<'m>(calls: impl Iterator<Item = &'m Made>) -> (u64, u64, u64) {
    calls.fold((0, 0, 0), |(calls, failed, slow), one| {
        (calls + 1, failed + u64::from(one.failed), slow + u64::from(one.slow))
    })
}

/// The window as it must be, or between which two it must lie.
fn check_sums(found: (u64, u64, u64), made: &[Made], window: Window) {
    match window {
        Window::Calls(size) => assert_eq!(found, sums(made.iter().rev().take(size as usize))),
        Window::Time(span) => {
            let younger = |age: Duration| sums(made.iter().filter(|one| one.at.elapsed() < age));
            let (least, most) = (younger(span - span / 60 - Duration::from_nanos(60)), younger(span));
            assert!(least.0 <= found.0 && found.0 <= most.0, "{least:?} <= {found:?} <= {most:?}");
            assert!(least.1 <= found.1 && found.1 <= most.1, "{least:?} <= {found:?} <= {most:?}");
            assert!(least.2 <= found.2 && found.2 <= most.2, "{least:?} <= {found:?} <= {most:?}");
        }
        _ => unreachable!(),
    }
}

async fn run(config: Config, steps: &[Step]) {
    let breaker = breaker(config);
    let settings = breaker.config();
    let (mut made, mut run) = (Vec::new(), 0);
    for step in steps {
        let call = make(&breaker, *step).await;
        if let Step::Call { fails, .. } = step {
            run = if *fails { run + 1 } else { 0 };
        }
        made.extend(call);
        let shown = breaker.snapshot();
        let holds = if let Some(WindowCounts { calls, failures, slow, .. }) = shown.window {
            check_sums((calls, failures, slow), &made, settings.window);
            let share = |part: u64, limit: f64| part as f64 / calls as f64 >= limit;
            let enough = calls >= u64::from(settings.min_calls);
            (enough && settings.failure_rate.is_some_and(|limit| failures > 0 && share(failures, limit)))
                || (enough && settings.slow_call.is_some() && slow > 0 && share(slow, settings.slow_rate))
                || settings.window_fail_max.is_some_and(|most| failures >= u64::from(most))
        } else {
            false
        };
        // Waiting and what does not count judge nothing.
        if call.is_some() {
            let expected = if holds || run >= settings.fail_max { State::Open } else { State::Closed };
            assert_eq!((shown.state, shown.consecutive_failures), (expected, run), "after {step:?}");
        }
        if breaker.state() != State::Closed {
            advance(RECOVERY).await;
            breaker.try_acquire().unwrap().success();
            assert_eq!(breaker.state(), State::Closed);
            (made, run) = (Vec::new(), 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_opens_when_its_rules_hold_and_only_then(config in rules(), steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(config, &steps));
    }
}
