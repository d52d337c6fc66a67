//! Events: what a breaker tells, and how it is told.
//!
//! Listeners run on the task or thread of the call that caused the event, after the change and under no lock; one
//! that does slow work belongs behind a channel ([`CircuitBreaker::subscribe`], or [`forward`](crate::forward)).

use crate::breaker::handle::CircuitBreaker;
use crate::machine::state::State;
use crate::sync::{Arc, Serial, survive};
use std::fmt;
use std::time::Duration;

/// Something that wants to know what breakers do. Every method is empty by default.
///
/// A listener that panics harms nothing but its own work: the panic is caught and the next listener is told.
///
/// A call is told before the change that it made: [`failure`](Self::failure), [`probe_failed`](Self::probe_failed), then
/// [`state_change`](Self::state_change).
///
/// A listener may act on breakers: reset one, open one by hand, change its settings. The state is another one at once.
/// Listeners hear of it when all of them have heard what is being told, and of the change that belongs to that. So the changes that one
/// thread makes are told in the order in which it made them; those of several threads, see [`StateChange::sequence`]. Only what listeners
/// tell by calls of their own comes in between: others may hear of such a call first, and of the change before it later.
pub trait Listener: Send + Sync + 'static {
    /// Whether it wants to hear of single calls: `true` if not said otherwise. With `false` it is told of [`fallback`](Self::fallback),
    /// [`fallback_cut_off`](Self::fallback_cut_off), [`fallback_failed`](Self::fallback_failed), [`retry`](Self::retry), [`store_failure`](Self::store_failure),
    /// [`probe_failed`](Self::probe_failed) and [`state_change`](Self::state_change) only, and calls cost what they cost without it. Asked once, when it is added.
    fn hears_calls(&self) -> bool {
        true
    }

    /// A call asks to be let in.
    fn before_call(&self, event: &BeforeCall<'_>) {
        let _ = event;
    }

    /// A call's result proved that the service answers.
    fn success(&self, event: &Success<'_>) {
        let _ = event;
    }

    /// A call's result, panic, time-out or (by `on_cancel`) drop counted against the service.
    fn failure(&self, event: &Failure<'_>) {
        let _ = event;
    }

    /// A call's result proved nothing.
    fn ignored(&self, event: &Ignored<'_>) {
        let _ = event;
    }

    /// A call was dropped before it had a result.
    fn cancelled(&self, event: &Cancelled<'_>) {
        let _ = event;
    }

    /// A call ended that is not counted, since calls of the same breaker inside it have told already, or the call around it tells.
    fn passed_on(&self, event: &PassedOn<'_>) {
        let _ = event;
    }

    /// A call was not let in; in shadow: would not have been.
    fn rejected(&self, event: &Rejected<'_>) {
        let _ = event;
    }

    /// A call was not let in for want of a place: as many as `max_concurrent` lets in were under way.
    fn busy(&self, event: &Busy<'_>) {
        let _ = event;
    }

    /// A probe failed: a call that was let in to see whether the service is back. Where this goes on, the client may hold connections that can never work
    /// again, which it is time to throw away.
    ///
    /// ```
    /// use breaker_core::event::ProbeFailed;
    /// use breaker_core::{CircuitBreaker, Config, Listener};
    /// use std::sync::Arc;
    ///
    /// struct Pool;
    ///
    /// impl Pool {
    ///     fn connect_anew(&self) {}
    /// }
    ///
    /// struct Renew(Arc<Pool>);
    ///
    /// impl Listener for Renew {
    ///     fn hears_calls(&self) -> bool {
    ///         false
    ///     }
    ///
    ///     fn probe_failed(&self, event: &ProbeFailed<'_>) {
    ///         if event.in_a_row % 2 == 0 {
    ///             self.0.connect_anew();
    ///         }
    ///     }
    /// }
    ///
    /// let breaker = CircuitBreaker::new("orders", Config::new())?;
    /// breaker.add_listener(Renew(Arc::new(Pool)));
    /// # Ok::<(), breaker_core::ConfigError>(())
    /// ```
    fn probe_failed(&self, event: &ProbeFailed<'_>) {
        let _ = event;
    }

    /// A fallback step answered in place of the service.
    fn fallback(&self, event: &FallbackServed<'_>) {
        let _ = event;
    }

    /// A fallback step was cut off at its time limit; the next one has its turn.
    fn fallback_cut_off(&self, event: &FallbackCutOff<'_>) {
        let _ = event;
    }

    /// A fallback was asked and did not help: a step gave an `Err`, or all steps declined. The caller gets an error.
    fn fallback_failed(&self, event: &FallbackFailed<'_>) {
        let _ = event;
    }

    /// A failed or rejected attempt will be followed by another one (`#[retry]`); the wait begins now.
    fn retry(&self, event: &Retrying<'_>) {
        let _ = event;
    }

    /// The store of a `cache(..)` step failed, which the call's own result does not show.
    fn store_failure(&self, event: &StoreFailure<'_>) {
        let _ = event;
    }

    /// The state changed; in shadow: would have changed.
    fn state_change(&self, event: &StateChange<'_>) {
        let _ = event;
    }

    /// An opening ends at another time than before, in the same state, or had begun before this listener was added: for `Registry::watch`.
    #[doc(hidden)]
    fn end_moved(&self, breaker: &CircuitBreaker) {
        let _ = breaker;
    }
}

impl<L: Listener + ?Sized> Listener for Arc<L> {
    fn hears_calls(&self) -> bool {
        (**self).hears_calls()
    }

    fn before_call(&self, event: &BeforeCall<'_>) {
        (**self).before_call(event);
    }

    fn success(&self, event: &Success<'_>) {
        (**self).success(event);
    }

    fn failure(&self, event: &Failure<'_>) {
        (**self).failure(event);
    }

    fn ignored(&self, event: &Ignored<'_>) {
        (**self).ignored(event);
    }

    fn cancelled(&self, event: &Cancelled<'_>) {
        (**self).cancelled(event);
    }

    fn passed_on(&self, event: &PassedOn<'_>) {
        (**self).passed_on(event);
    }

    fn rejected(&self, event: &Rejected<'_>) {
        (**self).rejected(event);
    }

    fn busy(&self, event: &Busy<'_>) {
        (**self).busy(event);
    }

    fn probe_failed(&self, event: &ProbeFailed<'_>) {
        (**self).probe_failed(event);
    }

    fn fallback(&self, event: &FallbackServed<'_>) {
        (**self).fallback(event);
    }

    fn fallback_cut_off(&self, event: &FallbackCutOff<'_>) {
        (**self).fallback_cut_off(event);
    }

    fn fallback_failed(&self, event: &FallbackFailed<'_>) {
        (**self).fallback_failed(event);
    }

    fn retry(&self, event: &Retrying<'_>) {
        (**self).retry(event);
    }

    fn store_failure(&self, event: &StoreFailure<'_>) {
        (**self).store_failure(event);
    }

    fn state_change(&self, event: &StateChange<'_>) {
        (**self).state_change(event);
    }

    fn end_moved(&self, breaker: &CircuitBreaker) {
        (**self).end_moved(breaker);
    }
}

/// A call asks to be let in.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BeforeCall<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function, as `module::Type::function`; `None` for calls through the breaker's own methods.
    pub function: Option<&'static str>,
}

/// A call's result proved that the service answers.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Success<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// How long the call took; `None` when nobody listened as it began.
    pub elapsed: Option<Duration>,
}

/// A call counted against the service.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// How long the call took; `None` when nobody listened as it began.
    pub elapsed: Option<Duration>,
    /// The error's type; `timeout`, `panic` or `cancelled` where there was none.
    pub error_type: &'static str,
    /// The error's text, where it has one. The texts of the errors behind it follow, unless it contains them or is longer than 256 bytes.
    pub error: Option<&'a dyn fmt::Display>,
    /// How many failures in a row this makes, this one included; 0 for a late result, which decides nothing.
    pub consecutive_failures: u32,
}

impl fmt::Debug for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("breaker", &self.breaker.name())
            .field("function", &self.function)
            .field("elapsed", &self.elapsed)
            .field("error_type", &self.error_type)
            .field("error", &self.error.map(ToString::to_string))
            .field("consecutive_failures", &self.consecutive_failures)
            .finish()
    }
}

/// A probe counted against the service, as a [`Failure`] that was told just before.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ProbeFailed<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// The error's type; `timeout`, `panic` or `cancelled` where there was none.
    pub error_type: &'static str,
    /// The error's text, as in [`Failure::error`].
    pub error: Option<&'a dyn fmt::Display>,
    /// How many probes have failed since one succeeded, this one included, over all openings of this outage: 1 or more. A slow success, which may
    /// fail a recovery too, is not told; it ends the row.
    pub in_a_row: u32,
}

impl fmt::Debug for ProbeFailed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeFailed")
            .field("breaker", &self.breaker.name())
            .field("function", &self.function)
            .field("error_type", &self.error_type)
            .field("error", &self.error.map(ToString::to_string))
            .field("in_a_row", &self.in_a_row)
            .finish()
    }
}

/// A call's result proved nothing.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Ignored<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// How long the call took; `None` when nobody listened as it began.
    pub elapsed: Option<Duration>,
}

/// A call was dropped before it had a result.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Cancelled<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// How many calls were dropped with no result between them, this one included.
    pub in_a_row: u32,
}

/// A call ended that is not counted: it was one question to the service with the calls inside it, or with the one around it, and that counts once.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PassedOn<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// How long the call took; `None` when nobody listened as it began.
    pub elapsed: Option<Duration>,
}

/// A call was not let in.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rejected<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// The state that rejects.
    pub state: State,
    /// In how long a call may be let in again, where that is known.
    pub retry_after: Option<Duration>,
    /// The breaker is in shadow: the call was let in all the same.
    pub shadow: bool,
}

/// A call was not let in for want of a place.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Busy<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// How many calls may be under way at once; 0: the limit was taken away meanwhile.
    pub max_concurrent: u32,
    /// How many calls in a row found no place, this one included, of all values of a `key` together; one that comes a minute or more after the
    /// one before begins at 1 again.
    pub in_a_row: u64,
}

/// A fallback step answered in place of the service.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FallbackServed<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// The step that answered.
    pub source: &'static str,
    /// Why it was asked: `circuit_breaker_open`, `busy`, `timeout` or `failure`.
    pub reason: &'static str,
    /// For how long the answer of a `cache(..)` step had been stored.
    pub age: Option<Duration>,
}

/// A fallback step had no answer within its time limit, and declines so.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FallbackCutOff<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// The step.
    pub source: &'static str,
    /// Why it was asked: `circuit_breaker_open`, `busy`, `timeout` or `failure`.
    pub reason: &'static str,
    /// Its time limit.
    pub after: Duration,
}

/// A fallback was asked and did not help, so that the caller gets an error. It is no failure of the breaker's.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FallbackFailed<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// The step that gave an `Err`, which the caller gets. `None`: every step declined, and the caller gets what it would have got
    /// without fallbacks.
    pub source: Option<&'static str>,
    /// Why the steps were asked: `circuit_breaker_open`, `timeout` or `failure`.
    pub reason: &'static str,
}

/// The store of a `cache(..)` step failed: it gave an error, panicked, or did not come back in time.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct StoreFailure<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// The step.
    pub source: &'static str,
    /// What the store says.
    pub error: &'a dyn fmt::Display,
    /// How many failures of this step's stores this makes, this one included; one that comes a minute or more after the one before
    /// begins at 1 again.
    pub in_a_row: u64,
}

impl fmt::Debug for StoreFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreFailure")
            .field("breaker", &self.breaker.name())
            .field("function", &self.function)
            .field("source", &self.source)
            .field("error", &self.error.to_string())
            .field("in_a_row", &self.in_a_row)
            .finish()
    }
}

/// Another attempt follows.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Retrying<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// The attempt that follows: 2 after the first.
    pub attempt: u32,
    /// In how long it follows.
    pub wait: Duration,
}

/// The state changed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StateChange<'a> {
    /// The breaker.
    pub breaker: &'a CircuitBreaker,
    /// The state before.
    pub old: State,
    /// The state now.
    pub new: State,
    /// The breaker's generation that began with this change: 2 for its first change.
    pub generation: u64,
    /// The place of this change among those of all breakers in the process. Listeners that are told from several
    /// threads may see changes in another order; this number has the true one.
    pub sequence: u64,
    /// Which rule opened it, with its numbers.
    pub opened_because: Option<&'a str>,
    /// The run of failures at this moment.
    pub consecutive_failures: u32,
    /// The breaker is in shadow: this is what it would have done.
    pub shadow: bool,
    /// Somebody called `reset`.
    pub reset: bool,
}

/// The next sequence number. Taken under the machine's lock, so that one breaker's numbers are in order.
pub(crate) fn next_sequence() -> u64 {
    static NUMBERS: Serial = Serial::new();
    NUMBERS.next()
}

/// Whether nobody wants to hear of every single call, as far as the ready-made listener goes.
#[inline]
pub(crate) fn quiet() -> bool {
    #[cfg(feature = "tracing")]
    return crate::breaker::log::quiet();
    #[cfg(not(feature = "tracing"))]
    true
}

/// Tells the ready-made listener and those in `listeners`; a panic of one stops at it.
pub(crate) fn tell(listeners: &[Arc<dyn Listener>], event: &dyn Fn(&dyn Listener)) {
    #[cfg(feature = "tracing")]
    tell_one(&crate::breaker::log::TracingListener, event);
    for listener in listeners {
        tell_one(&**listener, event);
    }
}

/// Tells one listener, whose panic stops here.
pub(crate) fn tell_one(listener: &dyn Listener, event: &dyn Fn(&dyn Listener)) {
    survive(|| event(listener));
}
