//! Counts who uses one keyed breaker, and its successes and rejections.
//!
//! A use is a call, a handle or an error. Each use begins once and ends once. A success ends one
//! too, so that a call needs no second count for it. A breaker is idle when as many uses have ended
//! as have begun. Whoever evicts it closes it first, and from then on no use begins.
//!
//! Interleavings. Closing sets a flag in the same words in which uses are counted as begun. So each
//! use has begun before, and is in the sum, or finds the flag and takes back its count.
//! - A use that is begun by another use ignores the flag. It may even end before the ended uses are
//!   added up, and hide the other one. So the begun uses are read a second time: there is one more.
//! - The first collision of two threads creates stripes, during a use. Either that use has not
//!   ended, or its end shows the stripes to the thread that closes.

use crate::sync::counter::{Stripe, StripedCounters};
use crate::sync::{AtomicU64, OnceLock, Ordering};

/// The flag of a closed breaker among the uses that have begun.
const CLOSED: u64 = 1 << 63;

/// Usually one thread at a time uses such a breaker. Single counters count until two threads
/// collide, and stripes from then on. All are exact.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    begun: AtomicU64,
    ended: AtomicU64,
    /// Each ends a use.
    successes: AtomicU64,
    rejected: AtomicU64,
    /// Used since the first collision.
    stripes: OnceLock<Box<StripedCounters>>,
}

impl Uses {
    #[inline]
    fn begun(&self) -> &AtomicU64 {
        self.stripes.get().map_or(&self.begun, |stripes| &stripes.stripe().begun)
    }

    /// Begins a use. `false`: the breaker is closed, so it is being evicted or was.
    #[inline]
    pub(crate) fn begin(&self) -> bool {
        let begun = self.begun();
        let is_open = begun.fetch_add(1, Ordering::Relaxed) & CLOSED == 0;
        if !is_open {
            begun.fetch_sub(1, Ordering::Relaxed);
        }
        is_open
    }

    /// Begins a use while there is another one, or under the lock of the keyed breakers.
    pub(crate) fn begin_another(&self) {
        self.begun().fetch_add(1, Ordering::Relaxed);
    }

    /// Ends a use.
    #[inline]
    pub(crate) fn end(&self) {
        let ended = self.stripes.get().map_or(&self.ended, |stripes| &stripes.stripe().ended);
        ended.fetch_add(1, Ordering::Release);
    }

    /// Counts a success, and ends its use.
    #[inline]
    pub(crate) fn succeed(&self) {
        match self.stripes.get() {
            None if count_alone(&self.successes) => {}
            _ => _ = self.striped().successes.fetch_add(1, Ordering::Release),
        }
    }

    /// Counts a success of a use that continues.
    pub(crate) fn success(&self) {
        self.begin_another();
        self.succeed();
    }

    /// Counts a rejection of a use that continues.
    #[inline]
    pub(crate) fn rejected(&self) {
        match self.stripes.get() {
            None if count_alone(&self.rejected) => {}
            _ => _ = self.striped().rejected.fetch_add(1, Ordering::Relaxed),
        }
    }

    #[inline(never)]
    fn striped(&self) -> &Stripe {
        self.stripes.get_or_init(Box::default).stripe()
    }

    pub(crate) fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed) + self.stripes.get().map_or(0, |stripes| stripes.successes())
    }

    pub(crate) fn rejections(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed) + self.stripes.get().map_or(0, |stripes| stripes.rejections())
    }

    /// The sum of one kind of count.
    fn sum(&self, own: impl FnOnce(&Self) -> u64, of_stripe: impl Fn(&Stripe) -> u64) -> u64 {
        let stripes = self.stripes.get().map_or(&[][..], |stripes| &stripes.stripes);
        stripes.iter().fold(own(self), |sum, stripe| sum.wrapping_add(of_stripe(stripe)))
    }

    /// How many uses have ended. All that was done before is visible.
    fn sum_of_ended(&self) -> u64 {
        let sum = |ended: &AtomicU64, successes: &AtomicU64| {
            ended.load(Ordering::Acquire).wrapping_add(successes.load(Ordering::Acquire))
        };
        self.sum(|own| sum(&own.ended, &own.successes), |stripe| sum(&stripe.ended, &stripe.successes))
    }

    fn sum_of_begun(&self) -> u64 {
        let begun = |begun: &AtomicU64| begun.load(Ordering::Relaxed) & !CLOSED;
        self.sum(|own| begun(&own.begun), |stripe| begun(&stripe.begun))
    }

    /// Whether there seems to be no use. One may begin at any time.
    pub(crate) fn seem_over(&self) -> bool {
        self.sum_of_ended() == self.sum_of_begun()
    }

    /// Whether a breaker is closed.
    pub(crate) fn are_closed(&self) -> bool {
        self.begun.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// Closes the breaker if there is no use. Requires the lock of the keyed breakers. After that
    /// no use begins, and all that earlier uses did is visible.
    pub(crate) fn close(&self) -> bool {
        let close = |begun: &AtomicU64| begun.fetch_or(CLOSED, Ordering::Relaxed) & !CLOSED;
        let begun = close(&self.begun);
        let stripes = self.stripes.get();
        let begun = stripes
            .map_or(&[][..], |stripes| &stripes.stripes)
            .iter()
            .fold(begun, |sum, stripe| sum.wrapping_add(close(&stripe.begun)));
        // The order counts: the uses that have ended come before the second look at the others.
        let over = self.sum_of_ended() == begun
            && self.sum_of_begun() == begun
            && stripes.is_some() == self.stripes.get().is_some();
        if !over {
            self.reopen();
        }
        over
    }

    /// Lets uses begin again.
    pub(crate) fn reopen(&self) {
        self.begun.fetch_and(!CLOSED, Ordering::Relaxed);
        for stripe in self.stripes.get().map_or(&[][..], |stripes| &stripes.stripes) {
            stripe.begun.fetch_and(!CLOSED, Ordering::Relaxed);
        }
    }

    /// As if two threads had collided.
    #[cfg(breaker_loom)]
    pub(crate) fn create_stripes(&self) {
        self.striped();
    }

    /// Whether two threads have collided.
    #[cfg(test)]
    pub(crate) fn is_striped(&self) -> bool {
        self.stripes.get().is_some()
    }
}

/// Adds one, unless another thread interferes in two consecutive tries. One interference may be
/// chance.
#[inline]
fn count_alone(counter: &AtomicU64) -> bool {
    let once = || {
        let count = counter.load(Ordering::Relaxed);
        counter.compare_exchange(count, count + 1, Ordering::Release, Ordering::Relaxed).is_ok()
    };
    once() || once()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_striped_only_after_threads_collide() {
        const EACH: u64 = 10_000;
        let uses = Uses::default();
        (0..EACH).for_each(|_| uses.success());
        assert!(!uses.is_striped());
        let mut counted = EACH;
        // A collision is not certain in one round, so the rounds repeat until there is one.
        while !uses.is_striped() {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..EACH).for_each(|_| uses.success()));
                }
            });
            counted += 4 * EACH;
        }
        (0..EACH).for_each(|_| uses.rejected());
        assert_eq!((uses.successes(), uses.rejections()), (counted, EACH));
        assert!(uses.seem_over() && uses.close() && uses.are_closed() && !uses.begin());
    }

    #[test]
    fn only_one_without_uses_is_closed_and_a_use_keeps_it_open() {
        let uses = Uses::default();
        assert!(uses.begin());
        uses.begin_another();
        uses.end();
        assert!(!uses.seem_over() && !uses.close() && !uses.are_closed());
        uses.succeed();
        assert!(uses.seem_over() && uses.close() && !uses.begin() && uses.close());
        uses.reopen();
        assert!(uses.begin() && !uses.close());
    }
}
