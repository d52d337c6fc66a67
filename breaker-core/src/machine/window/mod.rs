//! Counts the calls that the rates evaluate: the last ones, or those of the last span of time.
//!
//! It holds no lock. Successes are added by atomic operations alone, everything else under the
//! machine's lock.
//!
//! Adding a call is O(1) and allocates nothing, whatever the window's size. The totals are exact as
//! soon as no thread is adding a call, and so always on one thread. Until then they can be off by
//! the calls that are just being added. No failure is ever lost, or added to a window that it does
//! not belong to. A success whose thread is suspended in between can be. If the window wraps around
//! meanwhile, it evicts a call younger than its own. If the breaker closes meanwhile, the new
//! window has one success more.
//!
//! Calls in flight that may become slow are counted separately, by the time of their start
//! (`starts`).
//!
//! Memory, per breaker that has a rule over a window:
//!
//! - A window of calls takes 2 bits for each call, rounded up to a power of two, at least 32 bytes.
//!   For 100,000 calls that is 32 KiB.
//! - It takes the same again for each other power of two that it has had.
//! - A window of time takes 1 KiB, however long it is.
//! - A rule over slow calls takes half a KiB more.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | the window of a breaker, and the rules that it evaluates |
//! | `count_based`, `time_based` | the last calls; the calls of the last span of time |
//! | `starts` | slow calls that have not ended |
//!
//! May use: `sync`, `clock`, `config`, and the rules of `machine::trip`. To add a kind of window,
//! add a file like `count_based`, and choose it here by its `config::types::Window`.

mod count_based;
mod starts;
mod time_based;

use crate::clock::{Tick, nanos_of};
use crate::config::types::Window;
use crate::machine::trip::{Trip, WindowRules, WindowTotals};
use crate::sync::{AtomicBool, AtomicU64, OnceLock, Ordering};
use count_based::Ring;
use starts::Starts;
use std::time::Duration;
use time_based::Buckets;

/// How a call ended, for the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

/// The result of adding a success without the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// No rule holds.
    NotTripped,
    /// A rule seems to hold: the machine has to decide.
    Tripped,
    /// Nothing was added: the window has to be rotated first, and that takes the machine's lock.
    BucketExpired,
}

#[derive(Debug, Default)]
pub(crate) struct SlidingWindow {
    timed: AtomicBool,
    ring: Ring,
    buckets: OnceLock<Box<Buckets>>,
    /// Set where a rule evaluates slow calls.
    starts: OnceLock<Box<Starts>>,
    rules: Limits,
}

/// The rules, for evaluation without the lock.
#[derive(Debug, Default)]
struct Limits {
    /// Bits of an `f64`; 0 means no rule, since no rate is zero.
    failure_rate: AtomicU64,
    slow_call_rate: AtomicU64,
    /// Nanoseconds; 0 means no rule: then no call is slow.
    slow_call_duration: AtomicU64,
    fail_max: AtomicU64,
    min_calls: AtomicU64,
}

impl SlidingWindow {
    /// Sets the rules and the size. A window of another size or kind starts empty. Requires the
    /// machine's lock, as do all functions below except `add_success` and those that only read.
    pub(crate) fn arrange(&self, rules: &WindowRules, window: Window) {
        self.rules.set(rules);
        let slow_call_duration = rules.slow_call_duration.filter(|_| rules.slow_call_rate.is_some());
        match self.starts.get() {
            Some(starts) => starts.resize(slow_call_duration),
            None if slow_call_duration.is_some() => self.starts.get_or_init(Box::default).resize(slow_call_duration),
            None => {}
        }
        match window {
            Window::Calls(size) if self.timed.load(Ordering::Relaxed) || !self.ring.has(size) => {
                self.empty();
                self.ring.resize(size);
                self.timed.store(false, Ordering::Release);
            }
            Window::Time(span) => {
                let buckets = self.buckets.get_or_init(Box::default);
                if !self.timed.load(Ordering::Relaxed) || !buckets.has(span) {
                    self.empty();
                    buckets.resize(span);
                    self.timed.store(true, Ordering::Release);
                }
            }
            Window::Calls(_) => {}
        }
    }

    /// Whether adding a call needs the current time.
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        self.timed.load(Ordering::Acquire)
    }

    /// Calls slower than this are slow; `None`: none is.
    #[inline]
    pub(crate) fn slow_call_duration(&self) -> Option<Duration> {
        Some(self.rules.slow_call_duration.load(Ordering::Relaxed))
            .filter(|nanos| *nanos != 0)
            .map(Duration::from_nanos)
    }

    /// Calls that take more nanoseconds than this are slow; 0: none is.
    #[inline]
    pub(crate) fn slow_call_nanos(&self) -> u64 {
        self.rules.slow_call_duration.load(Ordering::Relaxed)
    }

    /// Adds a call of any kind.
    pub(crate) fn add(&self, mark: Mark, now: Tick) {
        match self.timed_buckets() {
            None => self.ring.add(mark),
            Some(buckets) => {
                buckets.rotate(now);
                buckets.add(mark);
            }
        }
    }

    /// Adds a call that neither failed nor was slow. Without the machine's lock.
    #[inline]
    pub(crate) fn add_success(&self, now: Tick) -> Added {
        match self.timed_buckets() {
            None if self.ring.add_success() => self.check_rules(Some(self.ring.totals())),
            None => Added::NotTripped,
            Some(buckets) if buckets.is_expired(now) => Added::BucketExpired,
            Some(buckets) => self.add_to_bucket(buckets),
        }
    }

    /// The same for a late success, while another thread holds the lock: it counts in the bucket
    /// that is ending.
    pub(crate) fn add_success_late(&self) -> Added {
        self.timed_buckets().map_or(Added::NotTripped, |buckets| self.add_to_bucket(buckets))
    }

    #[inline]
    fn add_to_bucket(&self, buckets: &Buckets) -> Added {
        buckets.add_success();
        if buckets.are_successes() { Added::NotTripped } else { self.check_rules(buckets.settled_totals()) }
    }

    /// `None`: the totals are not known, since another thread is rotating the window.
    #[inline]
    fn check_rules(&self, totals: Option<WindowTotals>) -> Added {
        match totals {
            Some(totals) if totals.is_success() || self.rules.get().evaluate(&totals).is_none() => Added::NotTripped,
            _ => Added::Tripped,
        }
    }

    /// A call begins that may be slow before it ends. `false`: no rule needs this.
    pub(crate) fn call_begins(&self, at: Tick) -> bool {
        self.starts.get().is_some_and(|starts| starts.enter(at))
    }

    /// A call that [has begun](Self::call_begins) ends.
    pub(crate) fn call_ends(&self, at: Tick) {
        if let Some(starts) = self.starts.get() {
            starts.leave(at);
        }
    }

    /// How many of the calls in flight are slow already. `at` is the current time, of the same
    /// clock as their start times.
    pub(crate) fn slow_under_way(&self, at: Tick) -> u64 {
        self.starts.get().map_or(0, |starts| starts.slow(at))
    }

    /// The slow rule, if it holds at `now` with this many additional slow calls.
    pub(crate) fn evaluate_with(&self, in_flight: u64, now: Tick) -> Option<Trip> {
        self.rules.get().evaluate_slow(&self.totals_at(now).and_slow(in_flight))
    }

    /// Removes calls that are older than the window.
    pub(crate) fn rotate(&self, now: Tick) {
        if let Some(buckets) = self.timed_buckets() {
            buckets.rotate(now);
        }
    }

    /// The rule that holds after a call that was added under the lock. A success that is added at
    /// the same time is in these totals, or sees that call in its own. Otherwise neither thread
    /// would find a rule that both together make true.
    pub(crate) fn evaluate(&self) -> Option<Trip> {
        let totals = self.timed_buckets().map_or_else(|| self.ring.latest_totals(), Buckets::latest_totals);
        self.rules.get().evaluate(&totals)
    }

    /// The totals of the window. A window of time has to be rotated before.
    pub(crate) fn totals(&self) -> WindowTotals {
        self.timed_buckets().map_or_else(|| self.ring.totals(), Buckets::totals)
    }

    /// The totals of the window at `now`, without a change.
    pub(crate) fn totals_at(&self, now: Tick) -> WindowTotals {
        self.timed_buckets().map_or_else(|| self.ring.totals(), |buckets| buckets.totals_at(now))
    }

    fn empty(&self) {
        self.ring.clear();
        if let Some(buckets) = self.buckets.get() {
            buckets.clear();
        }
    }

    /// Empties it, and discards the calls in flight.
    pub(crate) fn clear(&self) {
        self.empty();
        if let Some(starts) = self.starts.get() {
            starts.clear();
        }
    }

    /// The same, and counts no calls in flight from now on: there is no rule any more.
    pub(crate) fn stop(&self) {
        self.clear();
        if let Some(starts) = self.starts.get() {
            starts.resize(None);
        }
    }

    /// Marks no call in it as slow, for when the meaning of "slow" changes.
    pub(crate) fn forget_slow(&self) {
        self.ring.forget_slow();
        if let Some(buckets) = self.buckets.get() {
            buckets.forget_slow();
        }
    }

    #[inline]
    fn timed_buckets(&self) -> Option<&Buckets> {
        if self.is_timed() { self.buckets.get().map(|buckets| &**buckets) } else { None }
    }
}

impl Limits {
    fn set(&self, rules: &WindowRules) {
        let bits = |rate: Option<f64>| rate.unwrap_or_default().to_bits();
        let nanos = |span: Option<Duration>| span.map_or(0, nanos_of);
        self.failure_rate.store(bits(rules.failure_rate), Ordering::Relaxed);
        self.slow_call_rate.store(bits(rules.slow_call_rate), Ordering::Relaxed);
        self.slow_call_duration.store(nanos(rules.slow_call_duration), Ordering::Relaxed);
        self.fail_max.store(u64::from(rules.fail_max.unwrap_or(0)), Ordering::Relaxed);
        self.min_calls.store(u64::from(rules.min_calls), Ordering::Relaxed);
    }

    fn get(&self) -> WindowRules {
        let rate = |bits: &AtomicU64| Some(f64::from_bits(bits.load(Ordering::Relaxed))).filter(|rate| *rate > 0.0);
        let count = |count: &AtomicU64| u32::try_from(count.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        WindowRules {
            failure_rate: rate(&self.failure_rate),
            slow_call_rate: rate(&self.slow_call_rate),
            slow_call_duration: Some(self.slow_call_duration.load(Ordering::Relaxed))
                .filter(|nanos| *nanos > 0)
                .map(Duration::from_nanos),
            fail_max: Some(count(&self.fail_max)).filter(|count| *count > 0),
            min_calls: count(&self.min_calls),
        }
    }
}

/// Failures and slow calls in one word, so that one operation counts both. Each has one half and
/// starts in the middle of it. A thread may subtract a call before another thread has added it; the
/// half then does not borrow from the other. There is room for 2^31 of each.
#[derive(Debug)]
struct FailedAndSlow(AtomicU64);

const MIDDLE: u64 = 1 << 31;

impl Default for FailedAndSlow {
    fn default() -> Self {
        Self(AtomicU64::new(Self::NONE))
    }
}

impl FailedAndSlow {
    const NONE: u64 = MIDDLE << 32 | MIDDLE;

    fn add(&self, failed: u32, slow: u32) {
        self.0.fetch_add(u64::from(slow) << 32 | u64::from(failed), Ordering::Relaxed);
    }

    fn take(&self, failed: u32, slow: u32) {
        self.0.fetch_sub(u64::from(slow) << 32 | u64::from(failed), Ordering::Relaxed);
    }

    /// Whether there are no failures and no slow calls.
    #[inline]
    fn is_none(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::NONE
    }

    /// Failures and slow calls.
    #[inline]
    fn totals(&self) -> (u64, u64) {
        Self::read(self.0.load(Ordering::Relaxed))
    }

    /// Resets to none; returns the numbers from before.
    fn empty(&self) -> (u32, u32) {
        let (failed, slow) = Self::read(self.0.swap(Self::NONE, Ordering::Relaxed));
        (failed as u32, slow as u32)
    }

    #[inline]
    fn read(word: u64) -> (u64, u64) {
        if word == Self::NONE {
            return (0, 0);
        }
        ((word & 0xffff_ffff).saturating_sub(MIDDLE), (word >> 32).saturating_sub(MIDDLE))
    }
}
