//! Makes the parts of every call alone: the loop, the clock, the body.

use crate::body::body;
use crate::cases::Case;
use crate::drive::Calls;
use crate::failure::Failure;
use quanta::Clock;
use std::future::ready;

/// An empty loop.
pub(super) fn nothing(case: Case) -> Calls {
    Calls::new::<_, false>(case, ready::<u64>)
}

/// The loop with one reading of the coarse clock.
pub(super) fn clock(case: Case) -> Calls {
    Calls::new::<_, false>(case, |request| ready(now() ^ request))
}

/// The loop with two readings of the processor's counter, as a call whose metrics are exported
/// takes them.
pub(super) fn quanta(case: Case) -> Calls {
    let clock: &Clock = Box::leak(Box::new(Clock::new()));
    Calls::new::<_, false>(case, |request| {
        let begun = clock.raw();
        ready(clock.delta_as_nanos(begun, clock.raw()) ^ request)
    })
}

/// The body without a breaker.
pub(super) fn calls<E: Failure, const BY_POINTER: bool>(case: Case) -> Calls {
    Calls::new::<_, BY_POINTER>(case, body::<E, BY_POINTER>)
}

/// The clock that breaker-core has on Linux.
#[inline]
pub(super) fn now() -> u64 {
    coarsetime::Instant::now_without_cache_update().as_ticks()
}
