//! Retry: whether a failed attempt is followed by another one, and after what wait. The waits themselves are backon's.

use crate::event::{self, Retrying};
use crate::fallback::Fallen;
use crate::limit::Limit;
use crate::rt::Patience;
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use std::future::poll_fn;
use std::time::Duration;

/// The attempts of one call.
#[derive(Debug)]
pub struct Retry {
    waits: ExponentialBackoff,
    /// Each wait is longer by a random share of itself, up to this one.
    jitter: f64,
    /// The longest wait for a breaker that rejects; `None`: there is none.
    patience: Option<Duration>,
    /// The longest wait for a service that asks for one.
    longest: Duration,
    /// The attempt that runs, counted from 1.
    attempt: u32,
}

/// A wait before the next attempt. Its timer is on the heap, so that the many calls without a wait are no larger for it.
#[derive(Debug)]
#[must_use]
pub struct Pause(Limit);

/// The clocks of breaker and timer may be so far apart: whoever comes back too early is rejected once more.
const LATE: Duration = Duration::from_millis(10);

impl Retry {
    /// `attempts` counts the first one too, and 0 means 1. A `factor` that is no number, or a negative one, means `max`.
    #[must_use]
    pub fn new(attempts: u32, min: Duration, max: Duration, factor: f64, jitter: f64, patience: Patience) -> Self {
        let waits = ExponentialBuilder::new()
            .with_min_delay(min.min(max))
            .with_max_delay(max)
            .with_factor(factor as f32)
            .with_max_times(attempts.saturating_sub(1) as usize)
            .build();
        let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
        let patience = match patience {
            Patience::None => None,
            Patience::Max => Some(max),
            Patience::For(span) => Some(span),
        };
        let longest = patience.map_or(max, |patience| patience.max(max));
        Self { waits, jitter, patience, longest, attempt: 1 }
    }

    /// The wait before the next attempt; the call back when there is none. Where no timer could end a wait, which is logged once,
    /// the first attempt is the only one: an outage must not make calls panic.
    #[expect(clippy::missing_errors_doc, reason = "`Err` is a call that has failed for good")]
    pub fn again<R>(&mut self, fallen: Fallen<R>) -> Result<Pause, Fallen<R>> {
        let Some(wait) = self.wait_after(&fallen) else { return Err(fallen) };
        let (breaker, function) = fallen.caller();
        let Some(timer) = Limit::after(wait) else {
            breaker.warn_of_no_timer();
            return Err(fallen);
        };
        self.attempt += 1;
        if breaker.is_heard() || !event::quiet() {
            let event = Retrying { breaker, function, attempt: self.attempt, wait };
            breaker.tell(&|listener| listener.retry(&event));
        }
        Ok(Pause(timer))
    }

    fn wait_after<R>(&mut self, fallen: &Fallen<R>) -> Option<Duration> {
        let regular = self.waits.next()?;
        let wait = match fallen {
            Fallen::Rejected(error) => self.if_patient(error.retry_after())?,
            Fallen::Failed { rejected: true, retry_after, .. } => self.if_patient(*retry_after)?,
            // An attempt that found the breaker closed may have opened it: the next one would be rejected.
            _ if fallen.caller().0.state().is_healthy() => regular,
            _ => self.if_patient(fallen.caller().0.read().retry_after)?,
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

impl Pause {
    /// Waits. When nothing can wake it any more, since its runtime is gone, the next attempt is made at once.
    pub async fn pause(mut self) {
        poll_fn(|context| self.0.poll(context).map(drop)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::Holder;
    use crate::config::Config;
    use crate::error::CircuitBreakerError;
    use crate::fallback::Ended;
    use crate::gate::Wait;
    use crate::{CircuitBreaker, State};

    type Call = Fallen<Result<(), CircuitBreakerError>>;

    const SECOND: Duration = Duration::from_secs(1);

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
        retry.again(call).ok().map(|pause| pause.0.span())
    }

    fn waits(retry: &mut Retry, mut call: impl FnMut() -> Call) -> Vec<Duration> {
        std::iter::from_fn(|| wait(retry, call())).collect()
    }

    #[test]
    fn waits_grow_by_the_factor_up_to_the_longest() {
        let breaker = breaker();
        let mut retry = Retry::new(5, 2 * SECOND, 10 * SECOND, 2.0, 0.0, Patience::None);
        assert_eq!(waits(&mut retry, || failed(&breaker)), [2, 4, 8, 10].map(Duration::from_secs));
        let mut shorter = Retry::new(3, 2 * SECOND, SECOND, 2.0, 0.0, Patience::None);
        assert_eq!(waits(&mut shorter, || failed(&breaker)), [SECOND; 2]);
    }

    #[test]
    fn values_out_of_range_harm_nothing() {
        let breaker = breaker();
        for (attempts, factor, jitter) in [(0, 2.0, 0.0), (1, f64::NAN, f64::NAN)] {
            let mut retry = Retry::new(attempts, SECOND, SECOND, factor, jitter, Patience::None);
            assert!(waits(&mut retry, || failed(&breaker)).is_empty());
        }
        let mut odd = Retry::new(3, SECOND, 2 * SECOND, f64::NAN, f64::INFINITY, Patience::None);
        assert_eq!(waits(&mut odd, || failed(&breaker)), [SECOND, 2 * SECOND]);
        let mut longest = Retry::new(3, Duration::MAX, Duration::MAX, 2.0, 0.0, Patience::None);
        assert_eq!(waits(&mut longest, || failed(&breaker)).len(), 2);
    }

    #[test]
    fn jitter_makes_waits_longer_by_its_share_at_most() {
        let breaker = breaker();
        let mut retry = Retry::new(200, SECOND, SECOND, 1.0, 0.5, Patience::None);
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
                let mut retry = Retry::new(2, 2 * SECOND, 10 * SECOND, 2.0, 0.0, patience);
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
            let mut retry = Retry::new(2, SECOND, SECOND, 2.0, 0.0, Patience::For(30 * SECOND));
            let wait = wait(&mut retry, asked(&open, SECOND * after)).unwrap();
            assert!(wait >= SECOND * least && wait <= SECOND * least.max(10), "{wait:?}");
        }
        let mut retry = Retry::new(2, SECOND, SECOND, 2.0, 0.0, Patience::None);
        assert_eq!(wait(&mut retry, asked(&open, SECOND)), None);
    }

    #[test]
    fn a_breaker_that_rejects_is_waited_for_as_long_as_there_is_patience() {
        let open = breaker();
        (0..5).for_each(|_| open.try_acquire().unwrap().failure());
        let rejected = || Fallen::Rejected(open.try_acquire().unwrap_err());
        for (patience, times) in [(Patience::None, 0), (Patience::Max, 0), (Patience::For(9 * SECOND), 2)] {
            let mut retry = Retry::new(3, SECOND, 2 * SECOND, 2.0, 0.0, patience);
            let waits = waits(&mut retry, rejected);
            assert_eq!(waits.len(), times, "{patience:?}");
            assert!(waits.iter().all(|wait| *wait > 8 * SECOND));
        }
        let mut retry = Retry::new(3, SECOND, 2 * SECOND, 2.0, 0.0, Patience::For(Duration::MAX));
        open.force_open();
        assert!(waits(&mut retry, rejected).is_empty(), "nobody knows for how long");
    }
}
