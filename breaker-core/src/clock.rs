//! Reads the time.
//!
//! The machine and the windows receive a [`Tick`]. Only wall-clock times of snapshots and stored
//! answers, and timers of tokio, are read elsewhere.

use std::time::{Duration, SystemTime};

/// A point on the process's monotonic clock, in nanoseconds. Only differences have a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u64);

impl Tick {
    /// Before every other tick. Where a tick is optional, it means "not recorded".
    pub(crate) const ZERO: Self = Self(0);
    /// After every other tick.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The tick `span` later. A span beyond the largest tick gives [`Tick::NEVER`].
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(span)))
    }

    /// The tick `span` earlier, but not before the first one.
    pub(crate) fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(span)))
    }

    /// The time from `earlier` to this tick, or zero if `earlier` is later.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    pub(crate) const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A span in the unit of the clock. A span that is too long for it lasts forever.
pub(crate) fn nanos_of(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// The present.
#[inline]
pub(crate) fn now() -> Tick {
    #[cfg(test)]
    READINGS.set(READINGS.get() + 1);
    present()
}

#[cfg(test)]
std::thread_local!(static READINGS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });

/// How often this thread has read the time.
#[cfg(test)]
pub(crate) fn readings() -> usize {
    READINGS.get()
}

/// The tick where the clock starts. Ticks before it exist for answers that were stored before the
/// computer was started.
const MIDDLE: Tick = Tick(u64::MAX / 4);

/// The time of a model changes only when the model moves it. Another thread may still see the time
/// before a move, as it does with a coarse clock.
#[cfg(breaker_loom)]
fn present() -> Tick {
    Tick(model::NANOS.load(crate::sync::Ordering::Relaxed))
}

#[cfg(breaker_loom)]
mod model {
    loom::lazy_static! {
        pub(super) static ref NANOS: crate::sync::AtomicU64 = crate::sync::AtomicU64::new(super::MIDDLE.as_nanos());
    }
}

/// Advances a model's time.
#[cfg(all(test, breaker_loom))]
pub(crate) fn advance(span: Duration) {
    model::NANOS.fetch_add(nanos_of(span), crate::sync::Ordering::Relaxed);
}

/// On Linux this is the kernel's coarse monotonic clock. It costs a few nanoseconds and lags by at
/// most one scheduler tick (1 to 10 ms, 4 ms on most kernels).
#[cfg(all(not(breaker_loom), not(feature = "test-util"), target_os = "linux"))]
fn present() -> Tick {
    let ticks = coarsetime::Instant::now_without_cache_update().as_ticks();
    Tick(MIDDLE.0 + coarsetime::Duration::from_ticks(ticks).as_nanos())
}

#[cfg(all(not(breaker_loom), not(feature = "test-util"), not(target_os = "linux")))]
fn present() -> Tick {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    MIDDLE.after(START.elapsed())
}

/// Tokio's clock. Each paused runtime has its own time. That time may be before the first one that
/// was read.
#[cfg(all(not(breaker_loom), feature = "test-util"))]
fn present() -> Tick {
    use std::sync::LazyLock;
    use tokio::time::Instant;
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    let (now, first) = (Instant::now(), *FIRST);
    match now.checked_duration_since(first) {
        Some(span) => MIDDLE.after(span),
        None => MIDDLE.before(first - now),
    }
}

/// Marks a start that is exact to the nanosecond and has its own time line. Only [`Tick::elapsed`]
/// and [`Tick::coarse`] can use such a start.
#[cfg(feature = "metrics")]
const PRECISE: u64 = 1 << 63;

/// The present, exact to the nanosecond. It costs a little more than [`now`].
#[cfg(feature = "metrics")]
#[inline]
pub(crate) fn precise() -> Tick {
    #[cfg(any(breaker_loom, feature = "test-util"))]
    return now();
    #[cfg(not(any(breaker_loom, feature = "test-util")))]
    Tick(PRECISE | nanos())
}

/// Nanoseconds of the processor's own counter. Over days they drift from the other clock, so they
/// measure single calls only.
#[cfg(all(feature = "metrics", not(any(breaker_loom, feature = "test-util"))))]
#[inline]
fn nanos() -> u64 {
    use std::sync::LazyLock;
    static CLOCK: LazyLock<(quanta::Clock, u64)> = LazyLock::new(|| {
        let clock = quanta::Clock::new();
        let raw = clock.raw();
        (clock, raw)
    });
    let (clock, first) = &*CLOCK;
    clock.delta_as_nanos(*first, clock.raw())
}

impl Tick {
    /// How long ago this start was.
    #[inline]
    pub(crate) fn elapsed(self) -> Duration {
        #[cfg(feature = "metrics")]
        if self.0 & PRECISE != 0 {
            return precise().since(self);
        }
        now().since(self)
    }

    /// This start on the time line of other ticks. `now` is the present on that line.
    #[inline]
    pub(crate) fn coarse(self, now: Self) -> Self {
        #[cfg(feature = "metrics")]
        if self.0 & PRECISE != 0 {
            return now.before(self.elapsed());
        }
        let _ = now;
        self
    }
}

/// The wall-clock time of `tick`, computed from the present and the monotonic distance. A jump of
/// the wall clock changes displayed times only, never a decision.
pub(crate) fn wall(tick: Tick) -> SystemTime {
    let (now, wall) = (now(), SystemTime::now());
    if tick > now {
        wall + tick.since(now)
    } else {
        wall.checked_sub(now.since(tick)).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
