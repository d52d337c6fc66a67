//! The events, and the trait of those who listen to them.
//!
//! Listeners run on the task or thread of the call that caused the event, after the change and
//! under no lock; one that does slow work belongs behind a channel ([`CircuitBreaker::subscribe`],
//! or [`event_channel`](crate::event_channel)).

use crate::breaker::report::for_each_event;
pub use crate::breaker::report::{
    BeforeCall, Busy, Cancelled, Failure, FallbackFailed, FallbackServed, FallbackTimedOut, Ignored, PassedOn,
    ProbeFailed, Rejected, Retrying, StateChange, StoreFailure, Success,
};
use crate::sync::Arc;

/// Something that wants to know what breakers do. Every method is empty by default.
///
/// A listener that panics harms nothing but its own work: the panic is caught and the next listener
/// is told.
///
/// A call is told before the change that it made: [`on_failure`](Self::on_failure),
/// [`on_probe_failed`](Self::on_probe_failed), then [`on_state_change`](Self::on_state_change).
///
/// A listener may act on breakers: reset one, open one by hand, change its settings. The state is
/// another one at once. Listeners hear of it when all of them have heard what is being told, and of
/// the change that belongs to that. So the changes that one thread makes are told in the order in
/// which it made them; those of several threads, see [`StateChange::sequence`]. Only what listeners
/// tell by calls of their own comes in between: others may hear of such a call first, and of the
/// change before it later.
pub trait Listener: Send + Sync + 'static {
    /// Whether it wants to hear of single calls: `true` if not said otherwise. With `false` it is
    /// told of [`on_fallback`](Self::on_fallback), [`on_fallback_timed_out`](Self::on_fallback_timed_out),
    /// [`on_fallback_failed`](Self::on_fallback_failed), [`on_retry`](Self::on_retry),
    /// [`on_store_failure`](Self::on_store_failure), [`on_probe_failed`](Self::on_probe_failed) and
    /// [`on_state_change`](Self::on_state_change) only, and calls cost what they cost without it. Asked
    /// once, when it is added.
    fn wants_calls(&self) -> bool {
        true
    }

    /// A call asks to be let in.
    fn on_call(&self, event: &BeforeCall<'_>) {
        let _ = event;
    }

    /// A call's result proved that the service answers.
    fn on_success(&self, event: &Success<'_>) {
        let _ = event;
    }

    /// A call's result, panic, time-out or (by `on_cancel`) drop counted against the service.
    fn on_failure(&self, event: &Failure<'_>) {
        let _ = event;
    }

    /// A call's result proved nothing.
    fn on_ignored(&self, event: &Ignored<'_>) {
        let _ = event;
    }

    /// A call was dropped before it had a result.
    fn on_cancelled(&self, event: &Cancelled<'_>) {
        let _ = event;
    }

    /// A call ended that is not counted, since calls of the same breaker inside it have told
    /// already, or the call around it tells.
    fn on_passed_on(&self, event: &PassedOn<'_>) {
        let _ = event;
    }

    /// A call was not let in; in shadow: would not have been.
    fn on_rejected(&self, event: &Rejected<'_>) {
        let _ = event;
    }

    /// A call was not let in for want of a place: as many as `max_concurrent` lets in were under
    /// way.
    fn on_busy(&self, event: &Busy<'_>) {
        let _ = event;
    }

    /// A probe failed: a call that was let in to see whether the service is back. Where this goes
    /// on, the client may hold connections that can never work again, which it is time to throw
    /// away.
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
    ///     fn wants_calls(&self) -> bool {
    ///         false
    ///     }
    ///
    ///     fn on_probe_failed(&self, event: &ProbeFailed<'_>) {
    ///         if event.consecutive % 2 == 0 {
    ///             self.0.connect_anew();
    ///         }
    ///     }
    /// }
    ///
    /// let breaker = CircuitBreaker::new("orders", Config::new())?;
    /// breaker.add_listener(Renew(Arc::new(Pool)));
    /// # Ok::<(), breaker_core::ConfigError>(())
    /// ```
    fn on_probe_failed(&self, event: &ProbeFailed<'_>) {
        let _ = event;
    }

    /// A fallback step answered in place of the service.
    fn on_fallback(&self, event: &FallbackServed<'_>) {
        let _ = event;
    }

    /// A fallback step was cut off at its time limit; the next one has its turn.
    fn on_fallback_timed_out(&self, event: &FallbackTimedOut<'_>) {
        let _ = event;
    }

    /// A fallback was asked and did not help: a step gave an `Err`, or all steps declined. The
    /// caller gets an error.
    fn on_fallback_failed(&self, event: &FallbackFailed<'_>) {
        let _ = event;
    }

    /// A failed or rejected attempt will be followed by another one (`#[retry]`); the wait begins
    /// now.
    fn on_retry(&self, event: &Retrying<'_>) {
        let _ = event;
    }

    /// The store of a `cache(..)` step failed, which the call's own result does not show.
    fn on_store_failure(&self, event: &StoreFailure<'_>) {
        let _ = event;
    }

    /// The state changed; in shadow: would have changed.
    fn on_state_change(&self, event: &StateChange<'_>) {
        let _ = event;
    }
}

macro_rules! pass_on {
    ({ $($sent:tt)* } { $($local:tt)* }) => {
        pass_on! { @rows $($sent)* $($local)* }
    };
    (@rows $($(#[$doc:meta])* $method:ident $name:ident as $variant:ident for $kind:ident { $($fields:tt)* })*) => {
        impl<L: Listener + ?Sized> Listener for Arc<L> {
            fn wants_calls(&self) -> bool {
                (**self).wants_calls()
            }

            $(fn $method(&self, event: &$name<'_>) {
                (**self).$method(event);
            })*
        }
    };
}

for_each_event!(pass_on);
