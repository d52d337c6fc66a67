//! Decides whether another attempt follows a failed one, and after what wait.
//!
//! backon computes the waits. `tests` has the tests of the waits.
//!
//! May use: `fallback` and what is below it. To add a limit, add it to `Retry`, and its value to
//! `breaker-macros/src/parse/retry.rs`.

use crate::breaker::caller::Owner;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::{Report, Retrying, is_quiet};
use crate::call::permit::Permit;
use crate::call::timeout::{Limit, end};
use crate::clock;
use crate::config::call_settings::{CallSettings, OFF};
use crate::config::ranked::{Rank, Ranked};
use crate::fallback::failed_call::FailedCall;
use crate::machine::packed::PackedState;
use crate::machine::state::State;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// The attempts of one call: the arguments of the function's `#[retry]`, and what follows from
/// them.
///
/// The future of each call holds it, so it is small.
#[derive(Debug)]
pub struct Retry {
    /// Includes the first attempt. 0 means 1.
    attempts: Ranked,
    min: Ranked,
    max: Ranked,
    total: Ranked,
    /// A value that is negative or not a number means `max`.
    factor: f32,
    /// From 0 to 1.
    jitter: f32,
    wait: WaitBudget,
    /// Created after the first attempt that failed, because few calls need it.
    schedule: Option<Box<Schedule>>,
    /// No attempt begins after this time. Set when the first attempt begins; `None`: there is no
    /// limit.
    ends: Option<Instant>,
}

/// The waits between the attempts of one call.
#[derive(Debug)]
struct Schedule {
    /// The current attempt, counted from 1.
    attempt: u32,
    waits: ExponentialBackoff,
    /// Each wait is longer by a random share of itself, at most this share.
    jitter: f64,
    /// The longest wait for a breaker that rejects; `None`: no wait.
    wait_budget: Option<Duration>,
    /// The longest wait that a service can request.
    longest: Duration,
}

/// A wait before the next attempt. Its timer is on the heap, so that calls without a wait stay
/// small.
#[derive(Debug)]
#[must_use]
pub struct Pause {
    timer: Limit,
    /// The breaker that ends the wait when it opens. `None`: it is open already, and the wait lasts
    /// for its open period.
    watched: Option<CircuitBreaker>,
}

/// The clocks of the breaker and of the timer may differ by this much. An attempt that comes too
/// early would be rejected again.
const CLOCK_SKEW: Duration = Duration::from_millis(10);

/// The defaults where no source sets a value.
const ATTEMPTS: u64 = 3;
const MIN: Duration = Duration::from_secs(2);
const MAX: Duration = Duration::from_secs(10);

impl Retry {
    /// The attempts of a `#[retry]`, as its expansion writes them.
    #[must_use]
    pub fn of(
        attempts: Option<u32>,
        (min, max, total): (Option<Duration>, Option<Duration>, Option<Duration>),
        (factor, jitter): (f64, f64),
        wait: Option<Option<Duration>>,
    ) -> Self {
        let own =
            |span: Option<Duration>| span.map_or(Ranked::NOTHING, |span| Ranked::span(Rank::Function, Some(span)));
        let wait = match wait {
            None => WaitBudget::None,
            Some(None) => WaitBudget::Max,
            Some(Some(most)) => WaitBudget::For(most),
        };
        Self {
            attempts: attempts.map_or(Ranked::NOTHING, |count| Ranked::new(Rank::Function, count.into())),
            min: own(min),
            max: own(max),
            total: own(total),
            factor: factor as f32,
            jitter: if jitter.is_finite() { jitter.clamp(0.0, 1.0) as f32 } else { 0.0 },
            wait,
            schedule: None,
            ends: None,
        }
    }

    /// Merges these arguments with the settings from variables, files and code. The highest source
    /// wins.
    fn new_schedule(&self, call_settings: &CallSettings) -> Schedule {
        let span = |setting: Ranked, own, default| setting.max(own).value().map_or(default, Duration::from_nanos);
        let attempts = call_settings.attempts.max(self.attempts).value().unwrap_or(ATTEMPTS);
        let (min, max) = (span(call_settings.min, self.min, MIN), span(call_settings.max, self.max, MAX));
        let waits = ExponentialBuilder::new()
            .with_min_delay(min.min(max))
            .with_max_delay(max)
            .with_factor(self.factor)
            .with_max_times(usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX))
            .build();
        let wait_budget = match self.wait {
            WaitBudget::None => None,
            WaitBudget::Max => Some(max),
            WaitBudget::For(span) => Some(span),
        };
        let longest = wait_budget.map_or(max, |wait_budget| wait_budget.max(max));
        Schedule { attempt: 1, waits, jitter: self.jitter.into(), wait_budget, longest }
    }

    /// The remaining time of the `total`, if there is one.
    pub fn left(&mut self, permit: &Permit) -> Option<Duration> {
        self.ends(permit.owner()).map(|end| end.saturating_duration_since(Instant::now()))
    }

    /// The timer of an attempt that begins, where a `total` bounds it. It runs for the remaining
    /// `total` or the call's own time limit, whichever is shorter.
    pub fn within(&mut self, permit: &Permit) -> Option<Limit> {
        let (owner, left) = (permit.owner(), self.left(permit)?);
        let limit = Limit::after(owner.limit().map_or(left, |limit| limit.min(left)));
        if limit.is_none() {
            owner.breaker().warn_of_no_timer();
        }
        limit
    }

    fn ends(&mut self, owner: &Owner) -> Option<Instant> {
        let call_settings = call_settings(owner);
        let total = call_settings.total.max(self.total).time().filter(|_| !is_off(&call_settings))?;
        Some(*self.ends.get_or_insert_with(|| end(total)))
    }

    /// The wait before the next attempt, or the failed call when no attempt follows. Where no timer
    /// can end a wait, the first attempt is the only one. The breaker logs this once. An outage
    /// must not make calls panic.
    pub fn again<R>(&mut self, failed_call: FailedCall<R>) -> Result<Pause, FailedCall<R>> {
        let Some(wait) = self.wait_after(&failed_call) else { return Err(failed_call) };
        let owner = failed_call.owner();
        let (breaker, function) = (owner.breaker(), owner.function());
        let Some(timer) = Limit::after(wait) else {
            breaker.warn_of_no_timer();
            return Err(failed_call);
        };
        let attempt = self.schedule.as_mut().map_or(1, |schedule| {
            schedule.attempt += 1;
            schedule.attempt
        });
        if breaker.has_observers() || !is_quiet() {
            let event = Retrying { breaker, function, attempt, wait };
            breaker.report(Report::Retrying(&event));
        }
        Ok(Pause { timer, watched: (!rejects(&deciding(breaker))).then(|| breaker.clone()) })
    }

    fn wait_after<R>(&mut self, failed_call: &FailedCall<R>) -> Option<Duration> {
        let owner = failed_call.owner();
        let ends = self.ends(owner);
        let wait = self.schedule(owner)?.wait_after(failed_call)?;
        let left = ends.map(|ends| ends.saturating_duration_since(Instant::now()));
        Some(wait).filter(|wait| left.is_none_or(|left| *wait < left))
    }

    /// `None`: retries are switched off.
    fn schedule(&mut self, owner: &Owner) -> Option<&mut Schedule> {
        let call_settings = call_settings(owner);
        if is_off(&call_settings) {
            return None;
        }
        if self.schedule.is_none() {
            self.schedule = Some(Box::new(self.new_schedule(&call_settings)));
        }
        self.schedule.as_deref_mut()
    }
}

impl Schedule {
    fn wait_after<R>(&mut self, failed_call: &FailedCall<R>) -> Option<Duration> {
        let regular = self.waits.next()?;
        let breaker = deciding(failed_call.owner().breaker());
        let wait = match failed_call {
            FailedCall::Rejected(error) => self.within_budget(error.retry_after())?,
            FailedCall::Failed { rejected: true, retry_after, .. } => self.within_budget(*retry_after)?,
            // An attempt that found the breaker closed may have opened it. The next one would then
            // be rejected.
            _ if breaker.state().is_healthy() => regular,
            _ => self.within_budget(breaker.read().retry_after)?,
        };
        let wait = match failed_call.asked_for() {
            // A call before the requested time would fail.
            Some(requested) if requested > self.longest => return None,
            Some(requested) => wait.max(requested),
            None => wait,
        };
        let share = wait.as_secs_f64() * self.jitter * fastrand::f64();
        Some(wait.saturating_add(Duration::try_from_secs_f64(share).unwrap_or_default()))
    }

    fn within_budget(&self, retry_after: Option<Duration>) -> Option<Duration> {
        let most = self.wait_budget?;
        retry_after.filter(|after| *after <= most).map(|after| after.saturating_add(CLOCK_SKEW))
    }
}

/// The settings from all sources but the attribute for the retries of this call's function.
fn call_settings(owner: &Owner) -> CallSettings {
    let of_breaker = owner.breaker().call_settings();
    owner.annotated().map_or(of_breaker, |function| function.call_settings.get().or(of_breaker))
}

fn is_off(call_settings: &CallSettings) -> bool {
    call_settings.retry.number() == Some(OFF)
}

/// The breaker that decides whether the next call is admitted. That is the parent of keyed breakers
/// where it is open for all keys, or else the breaker itself.
fn deciding(breaker: &CircuitBreaker) -> CircuitBreaker {
    breaker.parent().filter(rejects).unwrap_or_else(|| breaker.clone())
}

/// Whether the breaker is open and would reject a call.
fn rejects(breaker: &CircuitBreaker) -> bool {
    let packed = breaker.0.gate.packed();
    let is_open = matches!(packed.state(), State::Open | State::ForcedOpen);
    is_open && packed.has(PackedState::REJECTS) && breaker.0.gate.rejected_for(clock::now()).is_some()
}

impl Pause {
    /// Waits. The wait ends early when the runtime of its timer is gone. It also ends early when
    /// the breaker opens meanwhile, and the breaker then rejects the next attempt.
    pub async fn pause(self) {
        let waits: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(self.wait());
        waits.await;
    }

    async fn wait(self) {
        let Self { mut timer, watched } = self;
        let Some(breaker) = watched else { return poll_fn(|context| timer.poll(context).map(drop)).await };
        let parent = breaker.parent().unwrap_or_else(|| breaker.clone());
        let mut is_over = false;
        while !is_over {
            let (mut changed, mut all) = (pin!(breaker.0.changed.notified()), pin!(parent.0.changed.notified()));
            changed.as_mut().enable();
            all.as_mut().enable();
            if rejects(&breaker) || rejects(&parent) {
                return;
            }
            is_over = poll_fn(|context| match timer.poll(context) {
                Poll::Ready(_) => Poll::Ready(true),
                Poll::Pending if changed.as_mut().poll(context).is_ready() => Poll::Ready(false),
                Poll::Pending => all.as_mut().poll(context).map(|()| false),
            })
            .await;
        }
    }
}

/// Whether a rejected attempt of a `#[retry]` waits for the breaker, and how long at most.
#[derive(Clone, Copy, Debug)]
enum WaitBudget {
    None,
    /// As long as the longest wait between two attempts.
    Max,
    For(Duration),
}

#[cfg(test)]
mod tests;
