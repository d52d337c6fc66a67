//! Models races, which loom runs in every order of the threads' steps.
//!
//! Loom also tries every older value that a load may return. The models are built with
//! `--cfg breaker_loom` only; `scripts/loom` runs them. Each name says what must hold in any order.
//!
//! A model has two threads or three, and a handful of calls. It does not cover reorderings within
//! one thread that only `Relaxed` allows, `Arc`, and the internals of tokio's `Notify`.
//!
//! | file | what races |
//! | --- | --- |
//! | `gate`, `results`, `manual` | readers with publishers; results and manual changes with calls |
//! | `streak` | failures, successes and changes that all change the failure streak |
//! | `probes`, `places` | probes for a slot; calls for a place of `max_concurrent` |
//! | `windows` | successes without a lock with failures, rotation and clearing |
//! | `keyed`, `watch` | evictions with totals and resets; a watch with changes of state |
//!
//! May use: everything. Nothing else uses it. To add a model, write it in the file of its subject,
//! as a `#[test]` that calls [`check`].

mod gate;
mod keyed;
mod manual;
mod places;
mod probes;
mod results;
mod streak;
#[cfg(feature = "tokio")]
mod watch;
mod windows;

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::{Observer, Report, StateChange};
use crate::config::keys::Config;
use crate::machine::state::State;
use crate::sync::{Arc, Ordering, statics};
use std::cell::Cell;
use std::io::Write;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Runs `model` once for each order. `LOOM_MAX_PREEMPTIONS` bounds how often a thread is
/// interrupted; without it, all orders run.
///
/// It runs twice, with the threads of `race` in either role. Loom remembers only the last access to
/// an atomic, so a thread that loads and then stores hides an earlier load of the other thread.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let (model, executions) = (Arc::new(model), Arc::new(statics::AtomicUsize::new(0)));
    for swapped in [false, true] {
        let (model, counted) = (Arc::clone(&model), Arc::clone(&executions));
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 20_000;
        builder.check(move || {
            SWAPPED.set(swapped);
            counted.fetch_add(1, Ordering::Relaxed);
            model();
        });
    }
    let executions = executions.load(Ordering::Relaxed);
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    // Printed for a model that passes too.
    let _ = writeln!(std::io::stdout(), "{executions:>8} executions of {name}");
    assert!(executions > 2, "nothing raced");
}

// The threads of a model all run on the thread of its test.
std::thread_local!(static SWAPPED: Cell<bool> = const { Cell::new(false) });

/// Runs both at once, and returns their results when both have ended.
fn race<A: 'static, B: 'static>(first: impl FnOnce() -> A + 'static, second: impl FnOnce() -> B + 'static) -> (A, B) {
    if SWAPPED.get() {
        let second = loom::thread::spawn(second);
        let first = first();
        return (first, second.join().unwrap());
    }
    let first = loom::thread::spawn(first);
    let second = second();
    (first.join().unwrap(), second)
}

fn breaker(config: Config) -> CircuitBreaker {
    CircuitBreaker::new("model", config).unwrap()
}

/// The first failure opens it, and the next call is a probe.
fn fragile() -> Config {
    Config::new().fail_max(1).recovery_timeout(Duration::ZERO)
}

/// Open, and due for a probe.
fn tripped(config: Config) -> CircuitBreaker {
    let breaker = breaker(config);
    breaker.try_acquire().unwrap().failure();
    breaker
}

/// A state change as observers receive it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Observed {
    sequence: u64,
    generation: u64,
    old: State,
    new: State,
}

/// What an observer received. It asserts nothing itself, since its panics would be caught.
#[derive(Default)]
struct Recorder {
    changes: statics::Mutex<Vec<Observed>>,
    successes: statics::AtomicUsize,
}

impl Recorder {
    fn by(breaker: &CircuitBreaker) -> Arc<Self> {
        let observed = Arc::new(Self::default());
        breaker.add_observer(&(Arc::clone(&observed) as Arc<dyn Observer>));
        observed
    }

    /// The changes in their true order. Each begins in the state in which the one before it ended,
    /// and in a generation of its own.
    fn in_order(&self) -> Vec<Observed> {
        let mut changes = self.changes.lock().clone();
        changes.sort_by_key(|change| change.sequence);
        for pair in changes.windows(2) {
            assert!(pair[0].sequence < pair[1].sequence, "{changes:?}");
            assert!(pair[0].generation < pair[1].generation, "{changes:?}");
            assert_eq!(pair[0].new, pair[1].old, "{changes:?}");
        }
        changes
    }

    fn successes(&self) -> usize {
        self.successes.load(Ordering::Relaxed)
    }
}

impl Observer for Recorder {
    fn wants_calls(&self) -> bool {
        true
    }

    fn report(&self, report: Report<'_>) {
        match report {
            Report::Success(_) => {
                self.successes.fetch_add(1, Ordering::Relaxed);
            }
            Report::StateChange(&StateChange { sequence, generation, old, new, .. }) => {
                self.changes.lock().push(Observed { sequence, generation, old, new });
            }
            _ => {}
        }
    }
}
