//! Answered: when a call of each pool was last answered, as far as the preset that looks at pools was told.

use crate::clock::Tick;
use crate::sync::statics::Mutex;
use std::time::Duration;

/// More than the grain of the clock, so that an answer just before a wait is none in it.
const GRAIN: Duration = Duration::from_millis(10);

/// A pool, by the address of what all of its handles share. A later pool at the same address begins with an old time, which does no harm.
pub(super) type Id = usize;

/// A service has few pools.
static ANSWERED: Mutex<Vec<(Id, Tick)>> = Mutex::new(Vec::new());

/// A call of the pool was answered.
pub(super) fn note(pool: Id, now: Tick) {
    let mut answered = ANSWERED.lock();
    match answered.iter_mut().find(|(id, _)| *id == pool) {
        Some((_, last)) => *last = now,
        None => answered.push((pool, now)),
    }
}

/// Whether a call of the pool was answered within a wait of this length that ends now.
pub(super) fn within(wait: Duration, pool: Id, now: Tick) -> bool {
    let answered = ANSWERED.lock();
    let last = answered.iter().find(|(id, _)| *id == pool);
    last.is_some_and(|(_, last)| now.since(*last) < wait.saturating_sub(GRAIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_waits_that_began_before_it() {
        let (pool, other, wait) = (1, 2, Duration::from_secs(1));
        let begun = Tick::from_nanos(1_000);
        assert!(!within(wait, pool, begun));
        note(pool, begun);
        assert!(within(wait, pool, begun) && !within(wait, other, begun));
        let after = begun.after(wait);
        assert!(!within(wait, pool, after));
        note(pool, after);
        assert!(within(wait, pool, after));
    }
}
