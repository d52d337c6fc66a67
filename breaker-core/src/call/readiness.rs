//! Says whether the next call would be admitted, and waits for that.

use crate::breaker::handle::CircuitBreaker;
#[cfg(feature = "tokio")]
use crate::call::timeout::{Gone, Limit};
use crate::clock;
#[cfg(feature = "tokio")]
use crate::clock::Tick;
use crate::machine::packed::PackedState;
#[cfg(feature = "tokio")]
use std::future::{Future, poll_fn};
#[cfg(feature = "tokio")]
use std::pin::pin;
#[cfg(feature = "tokio")]
use std::task::Poll;
#[cfg(feature = "tokio")]
use std::time::Duration;
#[cfg(feature = "tokio")]
use tokio::time::sleep;

impl CircuitBreaker {
    /// Whether the next call by this handle would not be rejected. It takes nothing, so another
    /// caller may be quicker, and the call can still be rejected. During a `ramp` it is true.
    ///
    /// It is false while the breaker is open or forced open. It is also false while all probes of a
    /// half-open breaker, or all places of `max_concurrent`, are taken.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config};
    /// let breaker = CircuitBreaker::new("printer", Config::new()).unwrap();
    /// assert!(breaker.is_ready());
    /// breaker.force_open();
    /// assert!(!breaker.is_ready());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_ready(&self) -> bool {
        let packed = self.0.gate.packed();
        packed.admits() || !(self.rejects_by_state(packed) || self.is_full(packed))
    }

    fn rejects_by_state(&self, packed: PackedState) -> bool {
        packed.has(PackedState::REJECTS) && clock::now() < self.0.gate.until()
    }

    fn is_full(&self, packed: PackedState) -> bool {
        packed.has(PackedState::PLACES) && self.0.gate.has_no_place()
    }
}

#[cfg(feature = "tokio")]
impl CircuitBreaker {
    /// Waits until a call by this handle would be admitted. It also waits for a place of
    /// `max_concurrent`, and during a `ramp`. During a `ramp` it checks once a second whether the
    /// next call is admitted. That ends with the ramp. Other callers may be quicker, so the next
    /// call can still be rejected. A keyed breaker does not wait for the breaker of all keys. That
    /// breaker answers for the function's calls while it is not closed.
    ///
    /// # Panics
    /// Outside of a tokio runtime with a timer, when it has to wait for a time. (A future that
    /// waits already, and whose runtime is gone, continues in the runtime where it is polled.
    /// Outside of all runtimes it waits only for a change of the breaker.)
    ///
    /// # Cancellation
    /// Dropping the future has no effect on the breaker.
    pub async fn ready(&self) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            match self.rejects_for() {
                None => return,
                Some(Duration::MAX) => changed.await,
                // Then check again, whether the time is over or something changed.
                Some(wait) => {
                    let Some(mut timer) = Limit::after(wait) else { return sleep(wait).await };
                    poll_fn(|context| match (changed.as_mut().poll(context), timer.poll(context)) {
                        (Poll::Pending, Poll::Pending | Poll::Ready(Err(Gone))) => Poll::Pending,
                        _ => Poll::Ready(()),
                    })
                    .await;
                }
            }
        }
    }

    /// Waits until the state of the breaker rejects a call by this handle: until it opens, is
    /// forced open, or has no free probe. It does not wait for places of `max_concurrent`.
    ///
    /// With it, a caller that waits for something else can stop when the breaker opens:
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # async fn a_free_connection() { std::future::pending().await }
    /// let breaker = CircuitBreaker::new("printer", Config::new()).unwrap();
    /// # breaker.force_open();
    /// tokio::select! {
    ///     () = a_free_connection() => {}
    ///     () = breaker.unready() => assert!(breaker.try_acquire().is_err()),
    /// }
    /// # });
    /// ```
    ///
    /// # Cancellation
    /// Dropping the future has no effect on the breaker.
    pub async fn unready(&self) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if self.rejects_by_state(self.0.gate.packed()) {
                return;
            }
            changed.await;
        }
    }

    /// How long to wait until calls may be admitted, unless something changes. `None`: the next
    /// call is admitted.
    fn rejects_for(&self) -> Option<Duration> {
        let packed = self.0.gate.packed();
        self.state_rejects_for(packed).or_else(|| self.is_full(packed).then_some(Duration::MAX))
    }

    /// The same, without regard to places.
    fn state_rejects_for(&self, packed: PackedState) -> Option<Duration> {
        let (until, longest) = if packed.has(PackedState::REJECTS) {
            (self.0.gate.until(), Duration::MAX)
        } else if packed.has(PackedState::ASK) {
            // Other calls bring the end nearer.
            (self.0.machine.lock().ramps_until()?, Duration::from_secs(1))
        } else {
            return None;
        };
        match until {
            Tick::NEVER => Some(longest),
            until => Some(until.since(clock::now()).min(longest)).filter(|left| !left.is_zero()),
        }
    }
}
