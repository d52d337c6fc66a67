//! Tests of `retry`.

use super::*;
use crate::breaker::error::CircuitBreakerError;
use crate::config::keys::Config;
use crate::config::layers::{Layers, Precedence};
use crate::fallback::failed_call::Ended;
use crate::machine::packed::RetryAfter;
use crate::{CircuitBreaker, State};

type Call = FailedCall<Result<(), CircuitBreakerError>>;

const SECOND: Duration = Duration::from_secs(1);

fn retry(attempts: u32, min: Duration, max: Duration, factor: f64, jitter: f64, wait: WaitBudget) -> Retry {
    let wait = match wait {
        WaitBudget::None => None,
        WaitBudget::Max => Some(None),
        WaitBudget::For(most) => Some(Some(most)),
    };
    Retry::of(Some(attempts), (Some(min), Some(max), None), (factor, jitter), wait)
}

/// The breaker of a function: it lives forever.
fn breaker() -> CircuitBreaker {
    let mut layers = Layers::default();
    layers.set(Precedence::Attribute, Config::new().recovery_timeout(9 * SECOND).into());
    CircuitBreaker::with_layers("test".to_owned(), layers, true)
}

fn failed(breaker: &CircuitBreaker) -> Call {
    let error = CircuitBreakerError::rejected(Owner::Own(breaker.clone()).into(), State::Closed, RetryAfter::UNKNOWN);
    let owner = Ended(Owner::Own(breaker.clone()));
    FailedCall::Failed { result: Err(error), owner, retry_after: None, rejected: false }
}

fn failed_with_retry_after(breaker: &CircuitBreaker, after: Duration) -> Call {
    match failed(breaker) {
        FailedCall::Failed { result, owner, .. } => {
            FailedCall::Failed { result, owner, retry_after: Some(after), rejected: false }
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
    let mut longer = retry(5, 2 * SECOND, 10 * SECOND, 2.0, 0.0, WaitBudget::None);
    assert_eq!(waits(&mut longer, || failed(&breaker)), [2, 4, 8, 10].map(Duration::from_secs));
    let mut shorter = retry(3, 2 * SECOND, SECOND, 2.0, 0.0, WaitBudget::None);
    assert_eq!(waits(&mut shorter, || failed(&breaker)), [SECOND; 2]);
}

#[test]
fn values_out_of_range_are_replaced() {
    let breaker = breaker();
    for (attempts, factor, jitter) in [(0, 2.0, 0.0), (1, f64::NAN, f64::NAN)] {
        let mut retry = retry(attempts, SECOND, SECOND, factor, jitter, WaitBudget::None);
        assert!(waits(&mut retry, || failed(&breaker)).is_empty());
    }
    let mut odd = retry(3, SECOND, 2 * SECOND, f64::NAN, f64::INFINITY, WaitBudget::None);
    assert_eq!(waits(&mut odd, || failed(&breaker)), [SECOND, 2 * SECOND]);
    let mut longest = retry(3, Duration::MAX, Duration::MAX, 2.0, 0.0, WaitBudget::None);
    assert_eq!(waits(&mut longest, || failed(&breaker)).len(), 2);
}

#[test]
fn jitter_lengthens_waits_by_at_most_its_share() {
    let breaker = breaker();
    let mut retry = retry(200, SECOND, SECOND, 1.0, 0.5, WaitBudget::None);
    let waits = waits(&mut retry, || failed(&breaker));
    assert!(waits.iter().all(|wait| (SECOND..=SECOND * 3 / 2).contains(wait)));
    assert!(waits.iter().any(|wait| *wait > SECOND * 5 / 4), "the chance that none is so long is 2^-199");
}

#[test]
fn a_requested_wait_is_used_when_it_is_longer_and_fits() {
    let breaker = breaker();
    let cases = [(0, Some(2)), (1, Some(2)), (5, Some(5)), (10, Some(10)), (11, None)];
    for (budget, over_limit) in
        [(WaitBudget::None, None), (WaitBudget::For(SECOND), None), (WaitBudget::For(11 * SECOND), Some(11))]
    {
        let mut cases = cases;
        cases[4].1 = over_limit;
        for (after, wait) in cases {
            let mut retry = retry(2, 2 * SECOND, 10 * SECOND, 2.0, 0.0, budget);
            let waited =
                self::wait(&mut retry, failed_with_retry_after(&breaker, SECOND * after)).map(|wait| wait.as_secs());
            assert_eq!(waited, wait, "{after} s with {budget:?}");
        }
    }
}

#[test]
fn a_wait_covers_the_open_breaker_and_the_requested_time() {
    let open = breaker();
    (0..5).for_each(|_| open.try_acquire().unwrap().failure());
    for (after, least) in [(1, 8), (20, 20)] {
        let mut retry = retry(2, SECOND, SECOND, 2.0, 0.0, WaitBudget::For(30 * SECOND));
        let wait = wait(&mut retry, failed_with_retry_after(&open, SECOND * after)).unwrap();
        assert!(wait >= SECOND * least && wait <= SECOND * least.max(10), "{wait:?}");
    }
    let mut retry = retry(2, SECOND, SECOND, 2.0, 0.0, WaitBudget::None);
    assert_eq!(wait(&mut retry, failed_with_retry_after(&open, SECOND)), None);
}

#[test]
fn a_retry_waits_for_a_rejecting_breaker_within_its_wait_budget() {
    let open = breaker();
    (0..5).for_each(|_| open.try_acquire().unwrap().failure());
    let rejected = || FailedCall::Rejected(open.try_acquire().unwrap_err());
    for (budget, times) in [(WaitBudget::None, 0), (WaitBudget::Max, 0), (WaitBudget::For(9 * SECOND), 2)] {
        let mut retry = retry(3, SECOND, 2 * SECOND, 2.0, 0.0, budget);
        let waits = waits(&mut retry, rejected);
        assert_eq!(waits.len(), times, "{budget:?}");
        assert!(waits.iter().all(|wait| *wait > 8 * SECOND));
    }
    let mut retry = retry(3, SECOND, 2 * SECOND, 2.0, 0.0, WaitBudget::For(Duration::MAX));
    open.force_open();
    assert!(waits(&mut retry, rejected).is_empty(), "the time is not known");
}
