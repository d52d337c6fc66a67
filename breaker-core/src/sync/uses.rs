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
//!
//! Owners. One thread owns a breaker, or a stripe. Its successes are a count that no other thread
//! writes, so a store suffices. The owner is in the word of the begun uses.
//! - A thread that begins a use of an idle breaker becomes its owner in the same exchange. So the
//!   owner stays while there is a use, and a success is counted during one. The exchange fails if
//!   another use has begun since the thread found the breaker idle.
//! - A stripe keeps its owner until that thread ends, since a use may begin on one stripe and end
//!   on another.
//!
//! Threads that take turns rarely collide, and yet move the counts from processor to processor. So
//! several begins in a short time by threads that are not the owner create stripes, too.

use crate::sync::counter::{NUMBERLESS, NUMBERS, Stripe, StripedCounters, assign_number, thread_number};
use crate::sync::{AtomicU64, OnceBox, Ordering};

/// The uses that have begun, above the other fields. The number wraps around: there are never so
/// many uses at a time.
#[derive(Clone, Copy)]
struct Begun(u64);

impl Begun {
    /// The thread that owns the breaker or the stripe; 0: none.
    const OWNER: u64 = NUMBERS as u64 - 1;
    /// The breaker is closed.
    const CLOSED: u64 = Self::OWNER + 1;
    /// How often a thread that was not the owner has begun a use, in a short time.
    const TURN: u64 = Self::CLOSED << 1;
    const TURNS: u64 = Self::TURN * 7;
    const ONE: u64 = Self::TURN * 8;

    #[inline]
    fn of(word: &AtomicU64) -> Self {
        Self(word.load(Ordering::Relaxed))
    }

    #[inline]
    fn owner(self) -> u64 {
        self.0 & Self::OWNER
    }

    /// Whether this thread is the owner. A thread without a number owns nothing.
    #[inline]
    fn is_owned(self) -> bool {
        self.owner() == thread_number()
    }

    #[inline]
    fn is_closed(self) -> bool {
        self.0 & Self::CLOSED != 0
    }

    /// How many uses have begun, in the place that they have in the word.
    fn count(self) -> u64 {
        self.0 & !(Self::ONE - 1)
    }

    /// One more use, by a thread that was not the owner. `recent`: the last use was a short time
    /// ago.
    fn with_turn(self, owner: u64, recent: bool) -> Self {
        let turns = if recent { (self.0 & Self::TURNS) + Self::TURN } else { 0 };
        Self(self.count().wrapping_add(Self::ONE) | turns.min(Self::TURNS) | owner)
    }

    /// Whether threads take turns.
    fn is_shared(self) -> bool {
        self.0 & Self::TURNS == Self::TURNS
    }
}

/// Usually one thread at a time uses such a breaker. Single counters count until two threads
/// collide, and stripes from then on. All are exact.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    begun: AtomicU64,
    /// The successes that the owner counted.
    own: AtomicU64,
    ended: AtomicU64,
    /// Those of other threads. Each success ends a use.
    successes: AtomicU64,
    /// Used since the first collision.
    stripes: OnceBox<StripedCounters>,
}

impl Uses {
    /// Begins a use. `false`: the breaker is closed, so it is being evicted or was. `recent`: the
    /// last use was a short time ago.
    #[inline]
    pub(crate) fn begin(&self, recent: bool) -> bool {
        let stripe = self.stripes.get().map(StripedCounters::stripe);
        let begun = stripe.map_or(&self.begun, |stripe| &stripe.begun);
        if Begun::of(begun).is_owned() { add(begun) } else { self.begin_as_another(stripe, recent) }
    }

    /// The same by a thread that is not the owner. It becomes the owner, if it may.
    #[inline(never)]
    fn begin_as_another(&self, stripe: Option<&Stripe>, recent: bool) -> bool {
        let thread = assign_number();
        let begun = stripe.map_or(&self.begun, |stripe| &stripe.begun);
        let may_own = |found: Begun| match stripe {
            None => self.ended_alone() == found.count(),
            Some(_) => found.owner() == 0,
        };
        // One interference may be chance.
        for _ in 0..2 {
            let found = Begun::of(begun);
            if found.is_closed() {
                return false;
            }
            let owner = if thread != NUMBERLESS && may_own(found) { thread } else { found.owner() };
            let new = found.with_turn(owner, recent);
            // A stripe's owner before this one may have written its successes.
            if begun.compare_exchange(found.0, new.0, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                if stripe.is_none() && new.is_shared() {
                    self.striped();
                }
                return true;
            }
        }
        let began = add(begun);
        if began {
            self.striped();
        }
        began
    }

    /// Begins a use while there is another one, or under the lock of the keyed breakers.
    pub(crate) fn begin_another(&self) {
        let begun = self.stripes.get().map_or(&self.begun, |stripes| &stripes.stripe().begun);
        begun.fetch_add(Begun::ONE, Ordering::Relaxed);
    }

    /// The thread ends, so it owns no stripe any more.
    pub(crate) fn disown(&self) {
        let Some(stripe) = self.stripes.get().map(StripedCounters::stripe) else { return };
        if Begun::of(&stripe.begun).is_owned() {
            stripe.begun.fetch_and(!Begun::OWNER, Ordering::Release);
        }
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
        let (begun, own) = match self.stripes.get() {
            None => (&self.begun, &self.own),
            Some(stripes) => {
                let stripe = stripes.stripe();
                (&stripe.begun, &stripe.own)
            }
        };
        if Begun::of(begun).is_owned() {
            own.store(own.load(Ordering::Relaxed) + 1, Ordering::Release);
        } else {
            self.succeed_as_another();
        }
    }

    #[inline(never)]
    fn succeed_as_another(&self) {
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

    /// Counts a rejection of a use that continues. `alone`: the count without stripes, which few
    /// breakers have.
    pub(crate) fn rejected(&self, alone: &AtomicU64) {
        match self.stripes.get() {
            None if count_alone(alone) => {}
            _ => _ = self.striped().rejected.fetch_add(1, Ordering::Relaxed),
        }
    }

    #[inline(never)]
    fn striped(&self) -> &Stripe {
        self.stripes.get_or_init(Box::default).stripe()
    }

    pub(crate) fn successes(&self) -> u64 {
        let sum = |own: &AtomicU64, others: &AtomicU64| own.load(Ordering::Relaxed) + others.load(Ordering::Relaxed);
        self.sum(|uses| sum(&uses.own, &uses.successes), |stripe| sum(&stripe.own, &stripe.successes))
    }

    /// How many rejections the stripes have counted.
    pub(crate) fn rejections(&self) -> u64 {
        self.stripes.get().map_or(0, StripedCounters::rejections)
    }

    /// Counts them from zero again.
    pub(crate) fn forget_rejections(&self) {
        for stripe in self.stripes.get().map_or(&[][..], |stripes| &stripes.stripes) {
            stripe.rejected.store(0, Ordering::Relaxed);
        }
    }

    /// The sum of one kind of count.
    fn sum(&self, own: impl FnOnce(&Self) -> u64, of_stripe: impl Fn(&Stripe) -> u64) -> u64 {
        let stripes = self.stripes.get().map_or(&[][..], |stripes| &stripes.stripes);
        stripes.iter().fold(own(self), |sum, stripe| sum.wrapping_add(of_stripe(stripe)))
    }

    /// How many uses have ended that did so without stripes, as in [`Begun::count`].
    fn ended_alone(&self) -> u64 {
        sum_of_ended(&self.ended, &self.own, &self.successes).wrapping_mul(Begun::ONE)
    }

    /// How many uses have ended, as in [`Begun::count`]. All that was done before is visible.
    fn ended(&self) -> u64 {
        let of_stripe = |stripe: &Stripe| sum_of_ended(&stripe.ended, &stripe.own, &stripe.successes);
        self.sum(Self::ended_alone, |stripe| of_stripe(stripe).wrapping_mul(Begun::ONE))
    }

    fn count_of_begun(&self) -> u64 {
        self.sum(|uses| Begun::of(&uses.begun).count(), |stripe| Begun::of(&stripe.begun).count())
    }

    /// Whether there seems to be no use. One may begin at any time.
    pub(crate) fn seem_over(&self) -> bool {
        self.ended() == self.count_of_begun()
    }

    /// Whether a breaker is closed.
    pub(crate) fn are_closed(&self) -> bool {
        Begun::of(&self.begun).is_closed()
    }

    /// Closes the breaker if there is no use. Requires the lock of the keyed breakers. After that
    /// no use begins, and all that earlier uses did is visible.
    pub(crate) fn close(&self) -> bool {
        let close = |begun: &AtomicU64| Begun(begun.fetch_or(Begun::CLOSED, Ordering::Relaxed)).count();
        let begun = close(&self.begun);
        let stripes = self.stripes.get();
        let begun = stripes
            .map_or(&[][..], |stripes| &stripes.stripes)
            .iter()
            .fold(begun, |sum, stripe| sum.wrapping_add(close(&stripe.begun)));
        // The order counts: the uses that have ended come before the second look at the others.
        let over = self.ended() == begun
            && self.count_of_begun() == begun
            && stripes.is_some() == self.stripes.get().is_some();
        if !over {
            self.reopen();
        }
        over
    }

    /// Lets uses begin again.
    pub(crate) fn reopen(&self) {
        self.begun.fetch_and(!Begun::CLOSED, Ordering::Relaxed);
        for stripe in self.stripes.get().map_or(&[][..], |stripes| &stripes.stripes) {
            stripe.begun.fetch_and(!Begun::CLOSED, Ordering::Relaxed);
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

/// Counts a use as begun. `false`: the breaker is closed, and the count is taken back.
#[inline]
fn add(begun: &AtomicU64) -> bool {
    let closed = Begun(begun.fetch_add(Begun::ONE, Ordering::Relaxed)).is_closed();
    if closed {
        begun.fetch_sub(Begun::ONE, Ordering::Relaxed);
    }
    !closed
}

/// All that was done before these uses ended is visible.
fn sum_of_ended(ended: &AtomicU64, own: &AtomicU64, successes: &AtomicU64) -> u64 {
    [ended, own, successes].iter().fold(0, |sum, count| sum.wrapping_add(count.load(Ordering::Acquire)))
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
mod tests;
