//! Answered: when a call of each pool was last answered, as far as the preset that looks at pools was told.

use crate::clock::Tick;
use crate::sync::Ordering;
use crate::sync::statics::{AtomicU64, RwLock};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

/// More than the grain of the clock, so that an answer just before a wait is none in it.
const GRAIN: Duration = Duration::from_millis(10);

/// A pool, by the address of what all of its handles share. A later pool at the same address begins with the times of the earlier one, which does no harm.
pub(super) type Id = usize;

/// Whether a pool is gone. It does not keep the pool.
pub(super) type Gone = Box<dyn FnMut() -> bool + Send + Sync>;

/// Whether what tells that a pool is closed, which it also is when its last handle is gone, has told it.
pub(super) fn when(closed: impl Future<Output = ()> + Unpin + Send + Sync + 'static) -> Gone {
    let mut closed = closed;
    Box::new(move || pin!(&mut closed).poll(&mut Context::from_waker(Waker::noop())).is_ready())
}

struct Heard {
    pool: Id,
    /// [`Tick`]s, zero for never.
    answered: AtomicU64,
    lost: AtomicU64,
    gone: Gone,
}

/// A service has few pools, and a new one is rare: to look, and to note, is to share the lock.
static HEARD: RwLock<Vec<Heard>> = RwLock::new(Vec::new());

/// A call of the pool was answered. `gone` is asked for where the pool is new here.
pub(super) fn note(pool: Id, now: Tick, gone: impl FnOnce() -> Gone) {
    if of(pool, |heard| heard.answered.store(now.as_nanos(), Ordering::Relaxed)).is_none() {
        let answered = AtomicU64::new(now.as_nanos());
        let mut all = HEARD.write();
        // Those of pools that are gone go, so that there are no more than there are pools.
        all.retain_mut(|heard| !(heard.gone)());
        all.push(Heard { pool, answered, lost: AtomicU64::new(0), gone: gone() });
    }
}

/// A call of the pool has lost its connection, or could not make one.
pub(super) fn note_lost(pool: Id, now: Tick) {
    of(pool, |heard| heard.lost.store(now.as_nanos(), Ordering::Relaxed));
}

/// Whether a call of the pool was answered within a wait of this length that ends now.
pub(super) fn within(wait: Duration, pool: Id, now: Tick) -> bool {
    of(pool, |heard| is_within(wait, heard, now)).unwrap_or(false)
}

/// The same, and no call has lost its connection since.
pub(super) fn last_of_all_within(wait: Duration, pool: Id, now: Tick) -> bool {
    let is_last = |heard: &Heard| heard.answered.load(Ordering::Relaxed) > heard.lost.load(Ordering::Relaxed);
    of(pool, |heard| is_within(wait, heard, now) && is_last(heard)).unwrap_or(false)
}

fn is_within(wait: Duration, heard: &Heard, now: Tick) -> bool {
    let answered = Tick::from_nanos(heard.answered.load(Ordering::Relaxed));
    now.since(answered) < wait.saturating_sub(GRAIN)
}

fn of<T>(pool: Id, look: impl FnOnce(&Heard) -> T) -> Option<T> {
    HEARD.read().iter().find(|heard| heard.pool == pool).map(look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Arc;
    use std::future;

    const WAIT: Duration = Duration::from_secs(1);

    fn stays() -> Gone {
        when(future::pending())
    }

    #[test]
    fn an_answer_counts_for_waits_that_began_before_it() {
        let (pool, other) = (1, 2);
        let begun = Tick::from_nanos(1_000);
        assert!(!within(WAIT, pool, begun));
        note(pool, begun, stays);
        assert!(within(WAIT, pool, begun) && !within(WAIT, other, begun));
        let after = begun.after(WAIT);
        assert!(!within(WAIT, pool, after));
        note(pool, after, stays);
        assert!(within(WAIT, pool, after));
    }

    #[test]
    fn an_answer_is_not_the_last_word_when_a_connection_was_lost_after_it() {
        let (pool, begun) = (3, Tick::from_nanos(1_000));
        note_lost(pool, begun);
        assert!(!last_of_all_within(WAIT, pool, begun));
        note(pool, begun, stays);
        assert!(last_of_all_within(WAIT, pool, begun));
        let lost = begun.after(WAIT / 4);
        note_lost(pool, lost);
        assert!(!last_of_all_within(WAIT, pool, lost) && within(WAIT, pool, lost));
        let answered = lost.after(WAIT / 4);
        note(pool, answered, stays);
        assert!(last_of_all_within(WAIT, pool, answered));
        assert!(!last_of_all_within(WAIT, pool, answered.after(WAIT)));
    }

    #[test]
    fn what_was_heard_of_a_pool_goes_when_the_pool_is_gone() {
        // The pool is there as long as this one is. What is kept of it tells whether that is so.
        let pool = Arc::new(());
        let seen = Arc::downgrade(&pool);
        let closed =
            future::poll_fn(move |_| if seen.strong_count() == 0 { 0.into() } else { std::task::Poll::Pending });
        let closed = Box::pin(async move {
            let _: u8 = closed.await;
        });
        let (gone, later, now) = (4, 5, Tick::from_nanos(1_000));
        note(gone, now, || when(closed));
        assert!(within(WAIT, gone, now));
        drop(pool);
        note(later, now, stays);
        assert!(!within(WAIT, gone, now) && within(WAIT, later, now));
    }
}
