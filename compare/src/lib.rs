//! Other circuit breakers and ours behind one trait, so that `tests/facts.rs` can put each of them
//! into the same situation.
//!
//! Each is set up so that the fewest failures open it and one probe is let in at a time, where that
//! can be said. What it does then is stated in `COMPARE.md`, whose table the tests read.
#![forbid(unsafe_code)]

mod breaker;
mod failsafe;
mod ours;
mod recloser;
mod tower;

pub use crate::breaker::Breaker;
pub use crate::failsafe::Failsafe;
pub use crate::ours::Ours;
pub use crate::recloser::Recloser;
pub use crate::tower::Tower;

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

/// How long a breaker stays open where a test does not wait for its end.
pub const LONG: Duration = Duration::from_secs(3600);

/// What the service behind a breaker does.
pub type Body = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// A call through a breaker.
pub type Call = Pin<Box<dyn Future<Output = Result<(), Answer>> + Send>>;

/// How a body fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service failed.
    Service,
    /// The caller was wrong. Each breaker is told that this is no failure, in the way that it has
    /// for that.
    Caller,
}

/// What the caller gets in place of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The body's own error.
    Fault(Fault),
    /// The body has not run.
    Rejected,
}

/// The states that all of them have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls are rejected.
    Open,
    /// Probes pass.
    HalfOpen,
}

/// A breaker under test.
pub trait Rival: Clone + Send + Sync + 'static {
    /// The crate's name.
    const NAME: &str;

    /// How many failures open it.
    const FAILURES: usize = 1;

    /// How many results of a half-open state decide about it.
    const DECISIVE: usize = 1;

    /// A closed breaker whose first stay in the open state is as short as it gets, and whose later
    /// ones are [`LONG`] where the crate can make a difference.
    fn short() -> Self;

    /// A closed breaker that stays open for [`LONG`].
    fn long() -> Self;

    /// A call, of which nothing happens before it is polled.
    fn call(&self, body: Body) -> Call;

    /// The state. It is asked for last in a test, since one breaker shows it only by what it does
    /// with further calls.
    fn state(&self) -> State;

    /// Lets the time pass that a [`short`](Self::short) breaker stays open.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

/// Spins until that is so, since who reads a wall clock cannot be told the time.
///
/// # Panics
/// When it takes ten seconds, which is no matter of the clock any more.
pub fn spin_until(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not come");
        std::thread::yield_now();
    }
}

/// Waits until an open time of zero, which began before this call, is over by the wall clock.
fn wait_for_the_clock() {
    let opened = Instant::now();
    spin_until(|| Instant::now() > opened);
}
