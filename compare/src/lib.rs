//! Puts other circuit breakers and ours behind one trait, for the tests in `tests/facts`.
//!
//! Each breaker opens after its smallest number of failures, and admits one probe at a time where
//! it has that setting. The table of `COMPARE.md` states what it does then, and the tests read that
//! table.
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

use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use std::future::{Future, ready};
use std::pin::Pin;
use std::time::{Duration, Instant};

/// The open period where a test does not wait for its end.
pub const LONG: Duration = Duration::from_secs(3600);

/// What the service behind a breaker does.
pub type Body = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// A call through a breaker.
pub type Call = Pin<Box<dyn Future<Output = Result<(), Answer>> + Send>>;

/// The answer of a service that streams. [`MARK`] is its last item.
pub type Items = BoxStream<'static, Result<&'static str, Fault>>;

/// A stream through a breaker.
pub type Guarded = BoxStream<'static, Result<&'static str, Answer>>;

/// The item with which an answer is complete.
pub const MARK: &str = "[DONE]";

/// How a body fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service failed.
    Service,
    /// The caller made a mistake. Each breaker learns in its own way that this is no failure.
    Caller,
}

/// What the caller gets in place of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The body's own error.
    Fault(Fault),
    /// The body did not run.
    Rejected,
}

/// The states that all crates have.
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

    /// The number of failures that opens it.
    const FAILURES: usize = 1;

    /// The number of half-open results that decide.
    const DECISIVE: usize = 1;

    /// A closed breaker whose first open period is as short as possible. Its later ones are
    /// [`LONG`] where the crate has such a setting.
    fn short() -> Self;

    /// A closed breaker with an open period of [`LONG`].
    fn long() -> Self;

    /// A closed breaker with an open period of [`LONG`] that this number of failures opens.
    fn after(failures: usize) -> Self;

    /// A closed breaker that opens where half of the last ten calls failed, if the crate has a
    /// window of calls.
    fn half_of_ten() -> Option<Self>;

    /// A call, which does nothing before its first poll.
    fn call(&self, body: Body) -> Call;

    /// Makes a breaker with the crate's own rule for errors. As many calls as failures open it get
    /// the rejection of `open`, and return that. The result is the new breaker's state.
    fn state_behind(open: Self) -> impl Future<Output = State>;

    /// A call whose answer is a stream. A crate without a guard for streams guards what makes it.
    fn stream(&self, items: Items) -> Guarded {
        let begun = self.call(Box::pin(ready(Ok(()))));
        let read = |begun| match begun {
            Ok(()) => items.map_err(Answer::Fault).boxed(),
            Err(answer) => stream::iter([Err(answer)]).boxed(),
        };
        begun.map(read).flatten_stream().boxed()
    }

    /// The state. A test asks for it last, since one breaker shows its state only by its answers to
    /// further calls.
    fn state(&self) -> State;

    /// Waits for the open period of a [`short`](Self::short) breaker.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

/// Spins until the condition holds, since a test cannot move the wall clock.
///
/// # Panics
/// When it takes ten seconds, which no clock explains.
pub fn spin_until(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not come");
        std::thread::yield_now();
    }
}

/// Waits until an open period of zero, which began before this call, is over by the wall clock.
fn wait_for_the_clock() {
    let opened = Instant::now();
    spin_until(|| Instant::now() > opened);
}

/// Runs the examples of the guide that use other crates.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/migrating.md")]
mod migrating {}
