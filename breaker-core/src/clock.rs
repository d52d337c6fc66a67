//! The clock: the only module that asks the time. Everything else is handed a [`Tick`].

use std::time::{Duration, SystemTime};

/// A point on the process's monotonic clock, in nanoseconds. Only differences mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u64);

impl Tick {
    /// Before every other tick. Stands for "not noted", where a tick is optional.
    pub(crate) const ZERO: Self = Self(0);
    /// After every other tick.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The tick `span` later; a span past the end of time gives [`Tick::NEVER`].
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(span)))
    }

    /// The tick `span` earlier; not before the first one.
    pub(crate) fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(span)))
    }

    /// The time from `earlier` to here, zero if `earlier` is later.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    pub(crate) const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A span as the clock counts; one that is too long to be counted lasts for ever.
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

/// How often this thread has asked for the time.
#[cfg(test)]
pub(crate) fn readings() -> usize {
    READINGS.get()
}

/// Where time begins, so that there are ticks before it: of an answer that was stored before the
/// machine was started.
const MIDDLE: Tick = Tick(u64::MAX / 4);

/// The time of a model stands still until the model moves it. A thread that has not heard of a move
/// may still see the time before it, as a coarse clock shows it.
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

/// Moves a model's time on.
#[cfg(all(test, breaker_loom))]
pub(crate) fn advance(span: Duration) {
    model::NANOS.fetch_add(nanos_of(span), crate::sync::Ordering::Relaxed);
}

/// On Linux this is the kernel's coarse monotonic clock, which costs a few nanoseconds and
/// lags by at most one scheduler tick (1 to 10 ms, 4 ms on most kernels).
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

/// Tokio's clock. Each paused runtime has a time of its own, which may lie before the first one
/// that was asked.
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

/// A start that is noted to the nanosecond, on a time line of its own; only [`Tick::elapsed`] and
/// [`Tick::coarse`] know what to do with it.
#[cfg(feature = "metrics")]
const PRECISE: u64 = 1 << 63;

/// The present to the nanosecond, which costs a little more.
#[cfg(feature = "metrics")]
#[inline]
pub(crate) fn precise() -> Tick {
    #[cfg(any(breaker_loom, feature = "test-util"))]
    return now();
    #[cfg(not(any(breaker_loom, feature = "test-util")))]
    Tick(PRECISE | nanos())
}

/// Nanoseconds of a processor's own counter. Over days they drift from those of the other clock, so
/// they measure single calls only.
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

    /// This start as other ticks are, if it is `now`.
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

/// The wall-clock time of `tick`, told from the present by the monotonic distance: a jump of the
/// wall clock moves what is shown, never what is decided.
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
