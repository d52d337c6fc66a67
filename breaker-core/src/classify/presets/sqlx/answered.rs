//! Records for each pool when a call was last answered, and since when no slot was free.

use crate::clock::Tick;
use crate::sync::Ordering;
use crate::sync::statics::{AtomicU64, RwLock};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

/// More than the resolution of the clock, so that an answer just before a wait is not within it.
const GRAIN: Duration = Duration::from_millis(10);

/// Identifies a pool by the address of what all of its handles share. A later pool at the same
/// address begins with the times of the earlier one: they do no harm.
pub(super) type Id = usize;

/// Whether a pool is gone. It does not keep the pool alive.
pub(super) type Gone = Box<dyn FnMut() -> bool + Send + Sync>;

/// Whether the future that reports the close of a pool is ready. A pool is also closed when its
/// last handle is gone.
pub(super) fn when(mut closed: impl Future<Output = ()> + Unpin + Send + Sync + 'static) -> Gone {
    Box::new(move || pin!(&mut closed).poll(&mut Context::from_waker(Waker::noop())).is_ready())
}

struct PoolTimes {
    pool: Id,
    /// The tick of the last answer; zero for none.
    answered: AtomicU64,
    /// The tick since which calls wait in vain; zero where they do not.
    in_vain: AtomicU64,
    gone: Gone,
}

/// A service has few pools, and a new one is rare. So reading and recording share the lock.
static POOLS: RwLock<Vec<PoolTimes>> = RwLock::new(Vec::new());

/// Records that a call of the pool was answered.
pub(super) fn record_answer(pool: Id, now: Tick, gone: impl FnOnce() -> Gone) {
    of(pool, gone, |times| {
        times.answered.store(now.as_nanos(), Ordering::Relaxed);
        times.in_vain.store(0, Ordering::Relaxed);
    });
}

/// Records that a call of the pool had a slot, whatever its result.
pub(super) fn record_slot(pool: Id) {
    known(pool, |times| times.in_vain.store(0, Ordering::Relaxed));
}

/// How long the calls of the pool have waited in vain, this one included.
pub(super) fn in_vain(pool: Id, now: Tick, gone: impl FnOnce() -> Gone) -> Duration {
    of(pool, gone, |times| {
        let begun = times.in_vain.compare_exchange(0, now.as_nanos(), Ordering::Relaxed, Ordering::Relaxed);
        begun.map_or_else(|begun| now.since(Tick::from_nanos(begun)), |_| Duration::ZERO)
    })
}

/// Whether a call of the pool was answered within a wait of this length that ends now.
pub(super) fn within(wait: Duration, pool: Id, now: Tick) -> bool {
    let answered = known(pool, |times| times.answered.load(Ordering::Relaxed)).unwrap_or(0);
    answered != 0 && now.since(Tick::from_nanos(answered)) < wait.saturating_sub(GRAIN)
}

fn known<T>(pool: Id, look: impl FnOnce(&PoolTimes) -> T) -> Option<T> {
    POOLS.read().iter().find(|times| times.pool == pool).map(look)
}

/// Uses the entry of a pool that may be new here. A new entry replaces those of pools that are
/// gone, so that there are no more entries than pools.
fn of<T>(pool: Id, gone: impl FnOnce() -> Gone, look: impl Fn(&PoolTimes) -> T) -> T {
    if let Some(value) = known(pool, &look) {
        return value;
    }
    let new = PoolTimes { pool, answered: AtomicU64::new(0), in_vain: AtomicU64::new(0), gone: gone() };
    let value = look(&new);
    let mut all = POOLS.write();
    all.retain_mut(|times| times.pool != pool && !(times.gone)());
    all.push(new);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Arc;
    use std::future;
    use std::task::Poll;

    const WAIT: Duration = Duration::from_secs(1);
    const BEGUN: Tick = Tick::from_nanos(1_000);

    fn stays() -> Gone {
        when(future::pending())
    }

    #[test]
    fn an_answer_counts_for_waits_that_began_before_it() {
        let (pool, other) = (1, 2);
        assert!(!within(WAIT, pool, BEGUN));
        record_answer(pool, BEGUN, stays);
        assert!(within(WAIT, pool, BEGUN) && !within(WAIT, other, BEGUN));
        let after = BEGUN.after(WAIT);
        assert!(!within(WAIT, pool, after));
        record_answer(pool, after, stays);
        assert!(within(WAIT, pool, after));
    }

    #[test]
    fn calls_wait_in_vain_from_the_first_one_until_one_has_a_slot() {
        let pool = 3;
        let (second, third) = (BEGUN.after(WAIT), BEGUN.after(WAIT * 2));
        assert_eq!(in_vain(pool, BEGUN, stays), Duration::ZERO);
        assert!(!within(WAIT, pool, BEGUN), "it is no answer");
        assert_eq!((in_vain(pool, second, stays), in_vain(pool, third, stays)), (WAIT, WAIT * 2));
        record_slot(pool);
        assert_eq!((in_vain(pool, second, stays), in_vain(pool, third, stays)), (Duration::ZERO, WAIT));
        record_answer(pool, third, stays);
        assert_eq!(in_vain(pool, third, stays), Duration::ZERO);
    }

    #[test]
    fn the_times_of_a_pool_are_removed_when_the_pool_is_gone() {
        let (gone, later, pool) = (4, 5, Arc::new(()));
        let value = Arc::downgrade(&pool);
        let closed = future::poll_fn(move |_| if value.strong_count() == 0 { Poll::Ready(()) } else { Poll::Pending });
        record_answer(gone, BEGUN, || when(closed));
        assert!(within(WAIT, gone, BEGUN));
        drop(pool);
        record_answer(later, BEGUN, stays);
        assert!(!within(WAIT, gone, BEGUN) && within(WAIT, later, BEGUN));
    }
}
