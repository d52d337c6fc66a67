//! Random steps beside a plain count: places are never lost, and never more than there are.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::event::Listener;
use breaker_core::{CallError, CircuitBreaker, Config, Permit, State};
use common::{breaker, secs};
use futures_util::FutureExt as _;
use proptest::prelude::*;
use std::future::Future;
use std::pin::Pin;
use tokio::sync::oneshot;

/// It takes calls another way.
struct Hears;

impl Listener for Hears {}

/// A call that is under way, and what ends it.
enum Held {
    Permit(Permit),
    Call(Pin<Box<dyn Future<Output = Result<(), CallError<()>>>>>, oneshot::Sender<bool>),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire,
    Call,
    /// The call of this number, in one of several ways.
    End(usize, u8),
    /// Another limit; 0: none.
    Limit(u32),
    Trip,
    Release,
    Shadow,
    Disable,
    Reset,
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Acquire),
        4 => Just(Step::Call),
        6 => (0_usize..8, 0_u8..6).prop_map(|(which, how)| Step::End(which, how)),
        1 => (0_u32..5).prop_map(Step::Limit),
        1 => Just(Step::Trip),
        1 => Just(Step::Release),
        1 => Just(Step::Shadow),
        1 => Just(Step::Disable),
        1 => Just(Step::Reset),
        1 => Just(Step::Wait),
    ]
}

struct World {
    breaker: CircuitBreaker,
    limit: u32,
    /// Each with whether it holds a place.
    held: Vec<(Held, bool)>,
    busy: u64,
}

impl World {
    fn counted(&self) -> u32 {
        self.held.iter().map(|(_, holds)| u32::from(*holds)).sum()
    }

    fn limits(&self) -> bool {
        self.limit > 0 && !matches!(self.breaker.state(), State::Disabled | State::Shadow)
    }

    fn begin(&mut self, by_permit: bool) {
        let (limits, before) = (self.limits(), self.counted());
        let begun = if by_permit {
            self.breaker.try_acquire().map(Held::Permit).map_err(CallError::Rejected)
        } else {
            let (sender, receiver) = oneshot::channel();
            let breaker = self.breaker.clone();
            let body = async move { if receiver.await.unwrap() { Ok(()) } else { Err(()) } };
            let mut call: Pin<Box<dyn Future<Output = _>>> = Box::pin(async move { breaker.call(body).await });
            match call.as_mut().now_or_never() {
                None => Ok(Held::Call(call, sender)),
                Some(rejected) => Err(rejected.unwrap_err()),
            }
        };
        match begun {
            Ok(held) => {
                assert!(!limits || before < self.limit, "{before} of {}", self.limit);
                self.held.push((held, limits));
            }
            Err(CallError::Rejected(rejected)) if rejected.is_busy() => {
                assert!(limits && before >= self.limit, "{before} of {}", self.limit);
                self.busy += 1;
            }
            // As ever: it is open, on trial, or in its ramp.
            Err(CallError::Rejected(_)) => assert!(self.limits() || self.limit == 0),
            Err(CallError::Inner(())) => panic!("it has not ended"),
        }
    }

    fn end(&mut self, which: usize, how: u8) {
        if self.held.is_empty() {
            return;
        }
        let (held, _) = self.held.swap_remove(which % self.held.len());
        match (held, how) {
            (Held::Permit(permit), 0) => permit.success(),
            (Held::Permit(permit), 1) => permit.failure(),
            (Held::Permit(permit), 2) => permit.ignore(),
            (Held::Permit(permit), 3) => drop(permit.run_sync(|| Ok::<_, ()>(()))),
            (Held::Call(call, end), 0..=3) => {
                end.send(how.is_multiple_of(2)).unwrap();
                drop(call.now_or_never().unwrap());
            }
            (held, _) => drop(held),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Acquire => self.begin(true),
            Step::Call => self.begin(false),
            Step::End(which, how) => self.end(which, how),
            Step::Limit(limit) => {
                self.limit = limit;
                let text = if limit == 0 { "off".to_owned() } else { limit.to_string() };
                self.breaker.reconfigure(Config::new().with_str("max_concurrent", &text).unwrap()).unwrap();
            }
            Step::Trip => self.breaker.trip(),
            Step::Release => self.breaker.clear_override(),
            Step::Shadow => self.breaker.shadow(),
            Step::Disable => self.breaker.disable(),
            Step::Reset => {
                self.breaker.reset();
                self.busy = 0;
            }
            Step::Wait => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn places_are_never_lost_and_never_exceeded(steps in proptest::collection::vec(step(), 1..80), (rated, heard) in any::<(bool, bool)>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let config = Config::new().fail_max(3).recovery_timeout(secs(5)).half_open_max_calls(2).max_concurrent(2);
            let config = if rated { config.failure_rate(0.6).window_calls(8).slow_call_duration(secs(1)).ramp(secs(3)) } else { config };
            let breaker = breaker(config);
            if heard {
                breaker.add_listener(Hears);
            }
            let mut world = World { breaker, limit: 2, held: Vec::new(), busy: 0 };
            for step in steps {
                if matches!(step, Step::Wait) {
                    tokio::time::advance(secs(3)).await;
                }
                world.take(step);
                let shown = world.breaker.snapshot();
                assert_eq!(shown.under_way.unwrap_or_else(|| world.counted()), world.counted(), "{step:?}");
                assert_eq!(shown.busy_count, world.busy, "{step:?}");
            }
            world.held.clear();
            world.breaker.reconfigure(Config::new().max_concurrent(1)).unwrap();
            assert_eq!(world.breaker.snapshot().under_way, Some(0));
        });
    }
}
