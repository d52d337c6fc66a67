//! A listener may act on a breaker while it is notified of something. The others still observe
//! things in the order in which they happened.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::event::{
    BeforeCall, Busy, Cancelled, Failure, FallbackServed, Ignored, PassedOn, ProbeFailed, Rejected, StateChange,
    Success,
};
use breaker_core::{
    CallError, CircuitBreaker, CircuitBreakerError, Config, Event, Listener, Permit, Registry, State, circuit_breaker,
    fallback, testing,
};
use common::{breaker, fail, ms, secs, succeed};
use futures_util::FutureExt;
use futures_util::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::time::advance;

/// What one listener has heard, in its order; of changes the numbers too.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>, Arc<Mutex<Vec<Change>>>);

/// Sequence, generation, old and new state.
type Change = (u64, u64, State, State);

impl Heard {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// What a listener does at one of its notifications, given by its number.
struct Acts {
    at: usize,
    heard: AtomicUsize,
    act: fn(&CircuitBreaker),
}

impl Acts {
    fn hear(&self, breaker: &CircuitBreaker) {
        if self.heard.fetch_add(1, Ordering::Relaxed) == self.at {
            (self.act)(breaker);
        }
    }
}

macro_rules! listens {
    ($($method:ident($event:ident))*) => {
        impl Listener for Heard {
            $(fn $method(&self, event: &$event<'_>) {
                self.note(format!("{} of {}", stringify!($method), event.breaker.name()));
            })*

            fn on_state_change(&self, event: &StateChange<'_>) {
                self.note(format!("{}: {} -> {}", event.breaker.name(), event.old, event.new));
                self.1.lock().unwrap().push((event.sequence, event.generation, event.old, event.new));
            }
        }

        impl Listener for Acts {
            $(fn $method(&self, event: &$event<'_>) {
                self.hear(event.breaker);
            })*

            fn on_state_change(&self, event: &StateChange<'_>) {
                self.hear(event.breaker);
            }
        }
    };
}

listens! {
    on_call(BeforeCall) on_success(Success) on_failure(Failure) on_ignored(Ignored) on_cancelled(Cancelled) on_passed_on(PassedOn)
    on_rejected(Rejected) on_busy(Busy) on_probe_failed(ProbeFailed) on_fallback(FallbackServed)
}

const ACTS: [fn(&CircuitBreaker); 10] = [
    CircuitBreaker::reset,
    CircuitBreaker::force_open,
    |breaker| breaker.force_open_for(secs(1)),
    CircuitBreaker::disable,
    CircuitBreaker::shadow,
    CircuitBreaker::clear_override,
    CircuitBreaker::trip,
    |breaker| breaker.trip_for(secs(1)),
    CircuitBreaker::half_open,
    |breaker| breaker.reconfigure(Config::new().enabled(false)).unwrap(),
];

/// What is heard by the listeners before and after one that does `act` at the moment `at`. It has
/// heard so much in all.
fn with_listeners(add: impl Fn(&dyn Adds), act: fn(&CircuitBreaker), at: usize) -> (Heard, Heard, Arc<Acts>) {
    let (before, after) = (Heard::default(), Heard::default());
    let acts = Arc::new(Acts { at, heard: AtomicUsize::new(0), act });
    add(&|to: &dyn Fn(Arc<dyn Listener>)| {
        to(Arc::new(before.clone()));
        to(Arc::clone(&acts) as Arc<dyn Listener>);
        to(Arc::new(after.clone()));
    });
    (before, after, acts)
}

trait Adds: Fn(&dyn Fn(Arc<dyn Listener>)) {}
impl<F: Fn(&dyn Fn(Arc<dyn Listener>))> Adds for F {}

/// Both have heard the same in the same order.
#[track_caller]
fn same(before: &Heard, after: &Heard, when: &str) {
    assert_eq!(before.take(), after.take(), "{when}");
}

/// The same of one breaker: each change goes on where the one before has ended.
#[track_caller]
fn agree(before: &Heard, after: &Heard, when: &str) {
    same(before, after, when);
    let changes = std::mem::take(&mut *after.1.lock().unwrap());
    for pair in changes.windows(2) {
        let ((sequence, generation, _, new), (next, following, old, _)) = (pair[0], pair[1]);
        // In shadow it is closed, and reports what it would do.
        let follows = following > generation && (old == new || new == State::Shadow);
        assert!(next > sequence && follows, "{when}: {changes:?}");
    }
}

fn settings() -> Config {
    let config = Config::new().fail_max(2).recovery_timeout(secs(10)).success_threshold(2).half_open_max_calls(2);
    config.max_concurrent(3).timeout(secs(1))
}

async fn waits(breaker: &CircuitBreaker, ended: Result<u8, &'static str>) {
    let call = async {
        tokio::time::sleep(ms(1)).await;
        ended
    };
    // Whatever it gives is heard.
    let _ = breaker.call(call).await;
}

/// All that can happen to a breaker, by handle.
async fn all_of_it(breaker: &CircuitBreaker, sync: bool) {
    let end = async |ended: Result<u8, &'static str>| {
        if sync {
            let _ = breaker.call_sync(|| ended);
        } else {
            waits(breaker, ended).await;
        }
    };
    end(Ok(1)).await;
    // One that is dropped, one inside another, and one too many.
    drop(breaker.call(pending::<Result<u8, &str>>()).now_or_never());
    let _ = breaker.call(async { breaker.call(async { Ok::<_, CallError<&str>>(1) }).await }).await;
    let places: Vec<_> = (0..4).map(|_| breaker.try_acquire()).collect();
    places.into_iter().flatten().for_each(Permit::ignore);
    for _ in 0..3 {
        end(Err("failed")).await;
    }
    for ended in [Err("failed"), Ok(1), Ok(1)] {
        // Probes, two at once.
        advance(secs(10)).await;
        let other = breaker.try_acquire();
        end(ended).await;
        if let Ok(other) = other {
            other.record(if ended.is_ok() {
                breaker_core::Outcome::success()
            } else {
                breaker_core::Outcome::failure()
            });
        }
    }
    end(Err("failed")).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_a_listener_does_at_any_moment_the_others_hear_the_same() {
    let mut seen = 0;
    for sync in [true, false] {
        for (number, &act) in ACTS.iter().enumerate() {
            for at in 0.. {
                let breaker = breaker(settings());
                let add = |to: &dyn Adds| to(&|listener| drop(breaker.add_listener(listener)));
                let (before, after, acts) = with_listeners(add, act, at);
                all_of_it(&breaker, sync).await;
                agree(&before, &after, &format!("act {number} at {at}, sync: {sync}"));
                if acts.heard.load(Ordering::Relaxed) <= at {
                    break;
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 500, "{seen}");
}

/// Acts in one kind of event, as often as it comes.
struct In(fn(&CircuitBreaker), &'static str);

impl Listener for In {
    fn on_failure(&self, event: &Failure<'_>) {
        if self.1 == "failure" && event.breaker.state() != State::Closed {
            self.0(event.breaker);
        }
    }

    fn on_probe_failed(&self, event: &ProbeFailed<'_>) {
        if self.1 == "probe_failed" {
            self.0(event.breaker);
        }
    }

    fn on_state_change(&self, event: &StateChange<'_>) {
        if self.1 == "state_change" && (event.old, event.new) == (State::HalfOpen, State::Open) {
            self.0(event.breaker);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_at_a_failed_probe_comes_after_the_opening_that_the_probe_made() {
    for kind in ["failure", "probe_failed", "state_change"] {
        let breaker = breaker(settings());
        breaker.add_listener(In(CircuitBreaker::reset, kind));
        fail(&breaker, 1);
        let heard = Heard::default();
        breaker.add_listener(heard.clone());
        let mut events = breaker.subscribe();
        fail(&breaker, 1);
        advance(secs(10)).await;
        fail(&breaker, 1);
        let changes =
            ["test: closed -> open", "test: open -> half_open", "test: half_open -> open", "test: open -> closed"];
        let of_calls = |line: &String| !line.contains(" of ");
        // The failure that opens it is one in an open breaker already, at which the first kind
        // resets it too.
        let expected = match kind {
            "failure" => vec!["test: closed -> open", "test: open -> closed"],
            _ => changes.to_vec(),
        };
        assert_eq!(heard.take().into_iter().filter(of_calls).collect::<Vec<_>>(), expected, "{kind}");
        let mut because = Vec::new();
        while let Some(event) = events.try_recv() {
            if let Event::StateChange { opened_because, new: State::Open, .. } = event {
                because.push(opened_because.unwrap());
            }
        }
        assert!(
            because.iter().all(|because| because.contains("&str")),
            "the reset has not taken the cause: {because:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_before_its_failed_probe_and_that_before_the_change() {
    for act in [|_: &CircuitBreaker| (), CircuitBreaker::reset] {
        let (breaker, heard) = (breaker(settings()), Heard::default());
        breaker.trip();
        advance(secs(10)).await;
        breaker.add_listener(In(act, "failure"));
        breaker.add_listener(heard.clone());
        fail(&breaker, 1);
        let told = heard.take();
        let call = ["on_call of test", "test: open -> half_open", "on_failure of test", "on_probe_failed of test"];
        assert_eq!(told[..4], call);
        assert_eq!(told[4], "test: half_open -> open");
        assert!(told[5..].iter().all(|line| line == "test: open -> closed"), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_change_of_a_listener_is_made_at_once() {
    struct Looks;
    impl Listener for Looks {
        fn on_state_change(&self, event: &StateChange<'_>) {
            if event.new == State::Open {
                event.breaker.reset();
                assert_eq!(event.breaker.state(), State::Closed);
                let _ = event.breaker.call_sync(|| Ok::<_, &str>(()));
            }
        }
    }
    let breaker = breaker(settings());
    breaker.add_listener(Looks);
    fail(&breaker, 2);
    assert_eq!((breaker.state(), breaker.snapshot().success_count), (State::Closed, 1));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_after_it_has_acted_changes_nothing_of_that() {
    let (breaker, heard) = (breaker(settings()), Heard::default());
    breaker.add_listener(In(
        |breaker| {
            breaker.reset();
            panic!("as planned");
        },
        "probe_failed",
    ));
    breaker.add_listener(heard.clone());
    for _ in 0..2 {
        fail(&breaker, 2);
        advance(secs(10)).await;
        fail(&breaker, 1);
        let changes: Vec<_> = heard.take().into_iter().filter(|line| !line.contains(" of ")).collect();
        assert_eq!(changes.last().unwrap(), "test: open -> closed");
        assert_eq!(changes.len(), 4, "{changes:?}");
    }
    succeed(&breaker, 1);
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("not called")]
    Open(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
}

#[circuit_breaker(name = "ordered", key = host, fail_max = 1, recovery_timeout = "10s")]
#[fallback(spare = value(0))]
async fn ordered(host: &str) -> Result<u8, Fault> {
    let _ = host;
    Err(Fault::Refused)
}

#[circuit_breaker(name = "ordered_sync", fail_max = 1, recovery_timeout = "10s")]
#[fallback(spare = value(0))]
fn ordered_sync() -> Result<u8, Fault> {
    Err(Fault::Refused)
}

#[tokio::test(start_paused = true)]
async fn annotated_functions_tell_in_order_too() {
    for &act in &ACTS {
        for at in 0.. {
            let ended = testing::isolated(async {
                let registry = Registry::global();
                let add = |to: &dyn Adds| to(&|listener| drop(registry.add_listener(listener)));
                let (before, after, acts) = with_listeners(add, act, at);
                for _ in 0..3 {
                    // The fallback answers.
                    let _ = (ordered("a").await, ordered_sync());
                    advance(secs(10)).await;
                }
                same(&before, &after, &format!("at {at}"));
                acts.heard.load(Ordering::Relaxed) <= at
            })
            .await;
            if ended {
                break;
            }
        }
    }
}

/// At the first change that it observes, resets all breakers of the registry.
struct ResetsAll(Arc<Registry>, AtomicUsize);

impl Listener for ResetsAll {
    fn on_state_change(&self, event: &StateChange<'_>) {
        if self.1.fetch_add(1, Ordering::Relaxed) == 0 {
            for name in ["a", "b"] {
                let breaker = self.0.get(name).unwrap();
                assert!(
                    breaker.state() != State::Closed,
                    "all are changed before anything is told: {}",
                    event.breaker.name()
                );
                breaker.reset();
            }
        }
    }
}

#[tokio::test]
async fn changes_of_several_breakers_at_once_are_told_before_what_a_listener_makes_of_them() {
    let registry = Arc::new(Registry::new());
    for name in ["a", "b"] {
        registry.breaker(name, Config::new()).unwrap();
    }
    registry.add_listener(ResetsAll(Arc::clone(&registry), AtomicUsize::new(0)));
    let heard = Heard::default();
    registry.add_listener(heard.clone());
    registry.load_env_from([("CIRCUIT_BREAKER_ENABLED", "false")]).unwrap();
    let sequences: Vec<_> = heard.1.lock().unwrap().iter().map(|change| change.0).collect();
    assert!(sequences.is_sorted(), "{:?}", heard.take());
    assert_eq!(sequences.len(), 4, "{:?}", heard.take());
}
