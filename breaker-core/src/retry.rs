//! Retry: whether a failed attempt is followed by another one, and after what wait. The waits themselves are backon's.

use crate::breaker::caller::Holder;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::{Report, Retrying, is_quiet};
use crate::call::permit::Permit;
use crate::call::result::Fallible;
use crate::call::timeout::{Limit, end};
use crate::clock;
use crate::config::call_settings::{OFF, Stated};
use crate::config::ranked::{Rank, Ranked};
use crate::fallback::steps::Fallen;
use crate::machine::packed::Word;
use crate::machine::state::State;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// The attempts of one call.
#[derive(Debug)]
pub struct Retry {
    written: Written,
    /// Made after the first attempt that failed, since few calls need it.
    course: Option<Course>,
    /// When no attempt begins any more, where there is such a time: known from the first attempt on.
    ends: Option<Instant>,
    /// The attempt that runs, counted from 1.
    attempt: u32,
}

/// What the `#[retry]` of the function says, if it does.
#[derive(Debug)]
pub struct Written {
    /// Counts the first one too, and 0 means 1.
    pub attempts: Option<u32>,
    pub min: Option<Duration>,
    pub max: Option<Duration>,
    pub total: Option<Duration>,
    /// What is no number, or a negative one, means `max`.
    pub factor: f64,
    pub jitter: f64,
    pub wait: Patience,
}

/// How the attempts go on.
#[derive(Debug)]
struct Course {
    waits: ExponentialBackoff,
    /// Each wait is longer by a random share of itself, up to this one.
    jitter: f64,
    /// The longest wait for a breaker that rejects; `None`: there is none.
    patience: Option<Duration>,
    /// The longest wait for a service that asks for one.
    longest: Duration,
}

/// A wait before the next attempt. Its timer is on the heap, so that the many calls without a wait are no larger for it.
#[derive(Debug)]
#[must_use]
pub struct Pause {
    timer: Limit,
    /// The one whose opening ends the wait; `None`: it is open, and the wait is for its end.
    watched: Option<CircuitBreaker>,
}

/// The clocks of breaker and timer may be so far apart: whoever comes back too early is rejected once more.
const LATE: Duration = Duration::from_millis(10);

/// What there is where no place says anything.
const ATTEMPTS: u64 = 3;
const MIN: Duration = Duration::from_secs(2);
const MAX: Duration = Duration::from_secs(10);

impl Written {
    /// With what variables, files and code say: the highest place is in force.
    fn course(&self, stated: &Stated) -> Course {
        let span = |said: Ranked, written: Option<Duration>, default| {
            let own = written.map_or(Ranked::NOTHING, |span| Ranked::span(Rank::Function, Some(span)));
            said.max(own).said().map_or(default, Duration::from_nanos)
        };
        let attempts = self.attempts.map_or(Ranked::NOTHING, |count| Ranked::new(Rank::Function, count.into()));
        let attempts = stated.attempts.max(attempts).said().unwrap_or(ATTEMPTS);
        let (min, max) = (span(stated.min, self.min, MIN), span(stated.max, self.max, MAX));
        let waits = ExponentialBuilder::new()
            .with_min_delay(min.min(max))
            .with_max_delay(max)
            .with_factor(self.factor as f32)
            .with_max_times(usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX))
            .build();
        let jitter = if self.jitter.is_finite() { self.jitter.clamp(0.0, 1.0) } else { 0.0 };
        let patience = match self.wait {
            Patience::None => None,
            Patience::Max => Some(max),
            Patience::For(span) => Some(span),
        };
        Course { waits, jitter, patience, longest: patience.map_or(max, |patience| patience.max(max)) }
    }
}

impl Retry {
    #[must_use]
    pub fn new(written: Written) -> Self {
        Self { written, course: None, ends: None, attempt: 1 }
    }

    /// Whether a `when(..)` names the failure of this call: by its error, or where `timeouts` are named too. A rejection is none of its
    /// matters.
    pub fn is_for<R: Fallible>(call: &Fallen<R>, timeouts: bool, names: impl FnOnce(&R::Error) -> bool) -> bool {
        match call {
            Fallen::Rejected(_) | Fallen::Failed { rejected: true, .. } => true,
            Fallen::TimedOut(_) => timeouts,
            Fallen::Failed { result, .. } => result.view().err().is_some_and(names),
        }
    }

    /// What is left of the `total`, if there is one.
    pub fn left(&mut self, permit: &Permit) -> Option<Duration> {
        self.ends(permit.holder()).map(|end| end.saturating_duration_since(Instant::now()))
    }

    /// The timer of an attempt that begins, where a `total` bounds it: that, or the call's own time limit, if it is over first.
    pub fn within(&mut self, permit: &Permit) -> Option<Limit> {
        let (holder, left) = (permit.holder(), self.left(permit)?);
        let limit = Limit::after(holder.limit().map_or(left, |limit| limit.min(left)));
        if limit.is_none() {
            holder.breaker().warn_of_no_timer();
        }
        limit
    }

    fn ends(&mut self, holder: &Holder) -> Option<Instant> {
        let stated = stated(holder);
        let own = self.written.total.map_or(Ranked::NOTHING, |total| Ranked::span(Rank::Function, Some(total)));
        let total = stated.total.max(own).time().filter(|_| !is_off(&stated))?;
        Some(*self.ends.get_or_insert_with(|| end(total)))
    }

    /// The wait before the next attempt; the call back when there is none. Where no timer could end a wait, which is logged once,
    /// the first attempt is the only one: an outage must not make calls panic.
    #[expect(clippy::missing_errors_doc, reason = "`Err` is a call that has failed for good")]
    pub fn again<R>(&mut self, fallen: Fallen<R>) -> Result<Pause, Fallen<R>> {
        let Some(wait) = self.wait_after(&fallen) else { return Err(fallen) };
        let holder = fallen.holder();
        let (breaker, function) = (holder.breaker(), holder.function());
        let Some(timer) = Limit::after(wait) else {
            breaker.warn_of_no_timer();
            return Err(fallen);
        };
        self.attempt += 1;
        if breaker.is_heard() || !is_quiet() {
            let event = Retrying { breaker, function, attempt: self.attempt, wait };
            breaker.report(Report::Retrying(&event));
        }
        Ok(Pause { timer, watched: (!rejects(&deciding(breaker))).then(|| breaker.clone()) })
    }

    fn wait_after<R>(&mut self, fallen: &Fallen<R>) -> Option<Duration> {
        let holder = fallen.holder();
        let ends = self.ends(holder);
        let wait = self.course(holder)?.wait_after(fallen)?;
        let left = ends.map(|ends| ends.saturating_duration_since(Instant::now()));
        Some(wait).filter(|wait| left.is_none_or(|left| *wait < left))
    }

    /// `None`: failures are not tried again.
    fn course(&mut self, holder: &Holder) -> Option<&mut Course> {
        let stated = stated(holder);
        (!is_off(&stated)).then(|| self.course.get_or_insert_with(|| self.written.course(&stated)))
    }
}

impl Course {
    fn wait_after<R>(&mut self, fallen: &Fallen<R>) -> Option<Duration> {
        let regular = self.waits.next()?;
        let breaker = deciding(fallen.holder().breaker());
        let wait = match fallen {
            Fallen::Rejected(error) => self.if_patient(error.retry_after())?,
            Fallen::Failed { rejected: true, retry_after, .. } => self.if_patient(*retry_after)?,
            // An attempt that found the breaker closed may have opened it: the next one would be rejected.
            _ if breaker.state().is_healthy() => regular,
            _ => self.if_patient(breaker.read().retry_after)?,
        };
        let wait = match fallen.asked_for() {
            // A call before that time is known to be in vain.
            Some(asked) if asked > self.longest => return None,
            Some(asked) => wait.max(asked),
            None => wait,
        };
        let share = wait.as_secs_f64() * self.jitter * fastrand::f64();
        Some(wait.saturating_add(Duration::try_from_secs_f64(share).unwrap_or_default()))
    }

    fn if_patient(&self, retry_after: Option<Duration>) -> Option<Duration> {
        let most = self.patience?;
        retry_after.filter(|after| *after <= most).map(|after| after.saturating_add(LATE))
    }
}

/// What all places but the attribute say of the retries of this call's function.
fn stated(holder: &Holder) -> Stated {
    let of_breaker = holder.breaker().stated();
    holder.annotated().map_or(of_breaker, |function| function.terms.get().or(of_breaker))
}

fn is_off(stated: &Stated) -> bool {
    stated.retry.number() == Some(OFF)
}

/// The one by which the next call is let in or not: the head of a `key`, where that is open for all of its values, or the breaker itself.
fn deciding(breaker: &CircuitBreaker) -> CircuitBreaker {
    breaker.head().filter(rejects).unwrap_or_else(|| breaker.clone())
}

/// Whether it is open, and would reject a call.
fn rejects(breaker: &CircuitBreaker) -> bool {
    let word = breaker.0.gate.word();
    let is_open = matches!(word.state(), State::Open | State::ForcedOpen);
    is_open && word.has(Word::SHUT) && breaker.0.gate.shut(clock::now()).is_some()
}

impl Pause {
    /// Waits. When nothing can wake it any more, since its runtime is gone, the next attempt is made at once; and when the breaker opens
    /// meanwhile, which then rejects it.
    pub async fn pause(self) {
        let waits: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(self.wait());
        waits.await;
    }

    async fn wait(self) {
        let Self { mut timer, watched } = self;
        let Some(breaker) = watched else { return poll_fn(|context| timer.poll(context).map(drop)).await };
        let head = breaker.head().unwrap_or_else(|| breaker.clone());
        let mut is_over = false;
        while !is_over {
            let (mut changed, mut all) = (pin!(breaker.0.changed.notified()), pin!(head.0.changed.notified()));
            changed.as_mut().enable();
            all.as_mut().enable();
            if rejects(&breaker) || rejects(&head) {
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
pub enum Patience {
    None,
    /// As long as the longest wait between two attempts.
    Max,
    For(Duration),
}

/// What `#[retry]` makes its attempts from.
#[derive(Debug)]
pub struct Attempts;

impl Attempts {
    #[must_use]
    pub fn of(
        self,
        attempts: Option<u32>,
        (min, max, total): (Option<Duration>, Option<Duration>, Option<Duration>),
        (factor, jitter): (f64, f64),
        wait: Patience,
    ) -> Retry {
        Retry::new(Written { attempts, min, max, total, factor, jitter, wait })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::error::CircuitBreakerError;
    use crate::config::keys::Config;
    use crate::fallback::steps::Ended;
    use crate::machine::packed::Wait;
    use crate::{CircuitBreaker, State};

    type Call = Fallen<Result<(), CircuitBreakerError>>;

    const SECOND: Duration = Duration::from_secs(1);

    fn retry(attempts: u32, min: Duration, max: Duration, factor: f64, jitter: f64, wait: Patience) -> Retry {
        let (attempts, min, max) = (Some(attempts), Some(min), Some(max));
        Retry::new(Written { attempts, min, max, total: None, factor, jitter, wait })
    }

    fn breaker() -> CircuitBreaker {
        CircuitBreaker::new("test", Config::new().recovery_timeout(9 * SECOND)).unwrap()
    }

    fn failed(breaker: &CircuitBreaker) -> Call {
        let error = CircuitBreakerError::rejected(Holder::Own(breaker.clone()), State::Closed, Wait::UNKNOWN);
        let holder = Ended(Holder::Own(breaker.clone()));
        Fallen::Failed { result: Err(error), holder, retry_after: None, rejected: false }
    }

    fn asked(breaker: &CircuitBreaker, after: Duration) -> Call {
        match failed(breaker) {
            Fallen::Failed { result, holder, .. } => {
                Fallen::Failed { result, holder, retry_after: Some(after), rejected: false }
            }
            other => other,
        }
    }

    fn wait(retry: &mut Retry, call: Call) -> Option<Duration> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _timer = runtime.enter();
        retry.again(call).ok().map(|pause| pause.timer.span())
    }

    fn waits(retry: &mut Retry, mut call: impl FnMut() -> Call) -> Vec<Duration> {
        std::iter::from_fn(|| wait(retry, call())).collect()
    }

    #[test]
    fn waits_grow_by_the_factor_up_to_the_longest() {
        let breaker = breaker();
        let mut longer = retry(5, 2 * SECOND, 10 * SECOND, 2.0, 0.0, Patience::None);
        assert_eq!(waits(&mut longer, || failed(&breaker)), [2, 4, 8, 10].map(Duration::from_secs));
        let mut shorter = retry(3, 2 * SECOND, SECOND, 2.0, 0.0, Patience::None);
        assert_eq!(waits(&mut shorter, || failed(&breaker)), [SECOND; 2]);
    }

    #[test]
    fn values_out_of_range_harm_nothing() {
        let breaker = breaker();
        for (attempts, factor, jitter) in [(0, 2.0, 0.0), (1, f64::NAN, f64::NAN)] {
            let mut retry = retry(attempts, SECOND, SECOND, factor, jitter, Patience::None);
            assert!(waits(&mut retry, || failed(&breaker)).is_empty());
        }
        let mut odd = retry(3, SECOND, 2 * SECOND, f64::NAN, f64::INFINITY, Patience::None);
        assert_eq!(waits(&mut odd, || failed(&breaker)), [SECOND, 2 * SECOND]);
        let mut longest = retry(3, Duration::MAX, Duration::MAX, 2.0, 0.0, Patience::None);
        assert_eq!(waits(&mut longest, || failed(&breaker)).len(), 2);
    }

    #[test]
    fn jitter_makes_waits_longer_by_its_share_at_most() {
        let breaker = breaker();
        let mut retry = retry(200, SECOND, SECOND, 1.0, 0.5, Patience::None);
        let waits = waits(&mut retry, || failed(&breaker));
        assert!(waits.iter().all(|wait| (SECOND..=SECOND * 3 / 2).contains(wait)));
        assert!(waits.iter().any(|wait| *wait > SECOND * 5 / 4), "the chance that none is so long is 2^-199");
    }

    #[test]
    fn a_service_that_asks_for_a_wait_gets_it_when_that_is_longer_and_fits() {
        let breaker = breaker();
        let cases = [(0, Some(2)), (1, Some(2)), (5, Some(5)), (10, Some(10)), (11, None)];
        for (patience, beyond) in
            [(Patience::None, None), (Patience::For(SECOND), None), (Patience::For(11 * SECOND), Some(11))]
        {
            let mut cases = cases;
            cases[4].1 = beyond;
            for (after, wait) in cases {
                let mut retry = retry(2, 2 * SECOND, 10 * SECOND, 2.0, 0.0, patience);
                let waited = self::wait(&mut retry, asked(&breaker, SECOND * after)).map(|wait| wait.as_secs());
                assert_eq!(waited, wait, "{after} s with {patience:?}");
            }
        }
    }

    #[test]
    fn an_open_breaker_and_its_service_are_both_waited_for() {
        let open = breaker();
        (0..5).for_each(|_| open.try_acquire().unwrap().failure());
        for (after, least) in [(1, 8), (20, 20)] {
            let mut retry = retry(2, SECOND, SECOND, 2.0, 0.0, Patience::For(30 * SECOND));
            let wait = wait(&mut retry, asked(&open, SECOND * after)).unwrap();
            assert!(wait >= SECOND * least && wait <= SECOND * least.max(10), "{wait:?}");
        }
        let mut retry = retry(2, SECOND, SECOND, 2.0, 0.0, Patience::None);
        assert_eq!(wait(&mut retry, asked(&open, SECOND)), None);
    }

    #[test]
    fn a_breaker_that_rejects_is_waited_for_as_long_as_there_is_patience() {
        let open = breaker();
        (0..5).for_each(|_| open.try_acquire().unwrap().failure());
        let rejected = || Fallen::Rejected(open.try_acquire().unwrap_err());
        for (patience, times) in [(Patience::None, 0), (Patience::Max, 0), (Patience::For(9 * SECOND), 2)] {
            let mut retry = retry(3, SECOND, 2 * SECOND, 2.0, 0.0, patience);
            let waits = waits(&mut retry, rejected);
            assert_eq!(waits.len(), times, "{patience:?}");
            assert!(waits.iter().all(|wait| *wait > 8 * SECOND));
        }
        let mut retry = retry(3, SECOND, 2 * SECOND, 2.0, 0.0, Patience::For(Duration::MAX));
        open.force_open();
        assert!(waits(&mut retry, rejected).is_empty(), "nobody knows for how long");
    }
}
