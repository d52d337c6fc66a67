//! Defines the events, and the trait of their listeners.
//!
//! Listeners run on the task or thread of the call that caused the event, after the change and
//! under no lock. A listener that does slow work belongs behind a channel
//! ([`CircuitBreaker::subscribe`](crate::CircuitBreaker::subscribe), or
//! [`event_channel`](crate::event_channel)).

use crate::breaker::report::for_each_event;
pub use crate::breaker::report::{
    BeforeCall, Busy, Cancelled, Failure, FallbackFailed, FallbackServed, FallbackTimedOut, Ignored, PassedOn,
    ProbeFailed, Rejected, Retrying, StateChange, StoreFailure, Success,
};
use crate::sync::Arc;

/// Observes what breakers do. Every method is empty by default.
///
/// A listener that panics harms only its own work: the panic is caught, and the next listener is
/// notified.
///
/// A call is reported before the change that it made: [`on_failure`](Self::on_failure),
/// [`on_probe_failed`](Self::on_probe_failed), then [`on_state_change`](Self::on_state_change).
///
/// A listener may act on breakers: reset one, open one manually, change its settings. The state
/// changes at once. The report of that change waits until all listeners have observed the current
/// event, and the change that belongs to it. So the changes of one thread are reported in the order
/// in which it made them. For the changes of several threads, see [`StateChange::sequence`]. The
/// exception is calls that listeners make themselves. Other listeners may observe such a call
/// first, and the change before it later.
pub trait Listener: Send + Sync + 'static {
    /// Whether the listener observes single calls: `true` by default. With `false` it receives only
    /// [`on_fallback`](Self::on_fallback), [`on_fallback_timed_out`](Self::on_fallback_timed_out),
    /// [`on_fallback_failed`](Self::on_fallback_failed), [`on_retry`](Self::on_retry),
    /// [`on_store_failure`](Self::on_store_failure), [`on_probe_failed`](Self::on_probe_failed) and
    /// [`on_state_change`](Self::on_state_change). Then calls cost what they cost without the
    /// listener. This method is called once, when the listener is added.
    fn wants_calls(&self) -> bool {
        true
    }

    /// A call requests its admission.
    fn on_call(&self, event: &BeforeCall<'_>) {
        let _ = event;
    }

    /// A call's result proved that the service answers.
    fn on_success(&self, event: &Success<'_>) {
        let _ = event;
    }

    /// A call's result, panic, timeout or (by `on_cancel`) drop counted against the service.
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

    /// A call ended that is not counted. Its inner calls of the same breaker have reported already,
    /// or its enclosing call reports.
    fn on_passed_on(&self, event: &PassedOn<'_>) {
        let _ = event;
    }

    /// A call was rejected; in shadow: would have been rejected.
    fn on_rejected(&self, event: &Rejected<'_>) {
        let _ = event;
    }

    /// A call was rejected because no place was free: as many calls as `max_concurrent` admits were
    /// in flight.
    fn on_busy(&self, event: &Busy<'_>) {
        let _ = event;
    }

    /// A probe failed: a call that was admitted to see whether the service works again. If this
    /// continues, the client may hold connections that can never work again. Then it is time to
    /// discard them.
    ///
    /// ```
    /// use breaker_core::event::ProbeFailed;
    /// use breaker_core::{CircuitBreaker, Config, Listener};
    /// use std::sync::Arc;
    ///
    /// struct Pool;
    ///
    /// impl Pool {
    ///     fn reconnect(&self) {}
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
    ///             self.0.reconnect();
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

    /// A fallback step exceeded its time limit; the next step runs.
    fn on_fallback_timed_out(&self, event: &FallbackTimedOut<'_>) {
        let _ = event;
    }

    /// A fallback ran and did not help: a step returned an `Err`, or all steps declined. The caller
    /// gets an error.
    ///
    /// A step that panics is not reported: the panic goes to the caller, no later step runs, and
    /// the breaker does not count it.
    fn on_fallback_failed(&self, event: &FallbackFailed<'_>) {
        let _ = event;
    }

    /// Another attempt will follow a failed or rejected one (`#[retry]`); the wait begins now.
    fn on_retry(&self, event: &Retrying<'_>) {
        let _ = event;
    }

    /// The store of a `cache(..)` step failed. The call's own result does not show that.
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
        pass_on! { @events $($sent)* $($local)* }
    };
    (@events $($(#[$doc:meta])* $method:ident $name:ident as $variant:ident for $kind:ident { $($fields:tt)* })*) => {
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
