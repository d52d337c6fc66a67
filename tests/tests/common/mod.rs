//! What several test files need.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod log;

use breaker_core::{CircuitBreaker, Config};
use std::time::Duration;

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A breaker of its own, named `test`.
pub(crate) fn breaker(config: Config) -> CircuitBreaker {
    CircuitBreaker::new("test", config).unwrap()
}

/// `n` calls that fail.
pub(crate) fn fail(breaker: &CircuitBreaker, n: u32) {
    for _ in 0..n {
        breaker.call_sync(|| Err::<(), _>("failed")).unwrap_err();
    }
}

/// `n` calls that succeed.
pub(crate) fn succeed(breaker: &CircuitBreaker, n: u32) {
    for _ in 0..n {
        breaker.call_sync(|| Ok::<_, &str>(())).unwrap();
    }
}

/// Enough failures to open it.
pub(crate) fn open(breaker: &CircuitBreaker) {
    fail(breaker, breaker.settings().fail_max.expect("a breaker that a run opens"));
}

/// The error of a rejected call.
pub(crate) fn open_error() -> breaker_core::CircuitBreakerError {
    let breaker = breaker(Config::new());
    breaker.force_open();
    breaker.try_acquire().unwrap_err()
}

/// The seed of a test that draws its steps: `TEST_SEED`, or the test's usual one.
pub(crate) fn seed(usual: u64) -> u64 {
    let Some(value) = std::env::var_os("TEST_SEED") else { return usual };
    let seed = value.to_str().and_then(|value| value.parse::<u32>().ok());
    seed.unwrap_or_else(|| panic!("TEST_SEED is {value:?}; expected a number below 2^32")).into()
}
