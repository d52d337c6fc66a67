//! What each shape is asked: does it pass, count, open, and then reject without running its body?

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::task::{Context, Poll, Waker};

use breaker_core::{CircuitBreaker, CircuitBreakerError, Registry, State};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Holds the breaker's name.
    Open(String),
    Upstream,
}

impl From<CircuitBreakerError> for Fault {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Open(error.breaker().to_owned())
    }
}

thread_local! {
    static FAILS: Cell<bool> = const { Cell::new(false) };
    static RAN: Cell<u32> = const { Cell::new(0) };
    static DROPPED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// What every body asks. It notes that the body ran, and fails when [`guards`] is at its failures.
pub(crate) fn upstream() -> Result<u8, Fault> {
    RAN.with(|ran| ran.set(ran.get() + 1));
    if FAILS.with(Cell::get) {
        Err(Fault::Upstream)
    } else {
        Ok(1)
    }
}

/// How many bodies ran since the last look.
pub(crate) fn ran() -> u32 {
    RAN.with(Cell::take)
}

/// Calls a shape that has its breaker alone: a success, failures until it opens, and a rejection
/// for which no body runs. Gives what the success gave.
pub(crate) fn guards<T>(mut call: impl FnMut() -> Result<T, Fault>) -> T {
    assert_eq!(ran(), 0, "nothing runs before it is polled");
    let given = call().unwrap_or_else(|fault| panic!("a closed breaker lets through: {:?}", fault));
    assert_eq!(ran(), 1);
    FAILS.with(|fails| fails.set(true));
    let mut failures = 0;
    let name = loop {
        match call() {
            Err(Fault::Upstream) => assert_eq!(ran(), 1),
            Err(Fault::Open(name)) => break name,
            Ok(_) => panic!("the body's error gets lost"),
        }
        failures += 1;
    };
    assert_eq!(ran(), 0, "an open breaker does not run the body");
    FAILS.with(|fails| fails.set(false));
    let snapshot = named(&name).snapshot();
    assert_eq!((snapshot.state, u64::from(failures)), (State::Open, snapshot.failure_count));
    assert_eq!((Some(failures), snapshot.success_count), (named(&name).settings().fail_max, 1));
    assert_eq!((snapshot.rejected_count, snapshot.cancelled_count), (1, 0));
    given
}

/// As [`guards`], of an expression that makes a future; one is made and dropped first, for which
/// nothing happens.
macro_rules! guards_future {
    ($future:expr) => {{
        drop($future);
        $crate::check::guards(|| $crate::check::now($future))
    }};
}

/// Polls until it is ready.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Waits once, so that a body is polled twice.
pub(crate) async fn pause() {
    let mut waited = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

pub(crate) fn named(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap_or_else(|| panic!("{} is not known", name))
}

/// Notes that it was dropped.
pub(crate) struct Noisy(pub(crate) &'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        note(self.0);
    }
}

pub(crate) fn note(what: &'static str) {
    DROPPED.with(|dropped| dropped.borrow_mut().push(what));
}

/// What was dropped since the last look, in order.
pub(crate) fn dropped() -> Vec<&'static str> {
    DROPPED.with(RefCell::take)
}

pub(crate) fn is_send<T: Send>(value: T) -> T {
    value
}
