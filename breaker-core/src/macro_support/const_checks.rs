//! Checks values that an attribute has as expressions, where they are written.

use crate::config::keys::Config;
use std::time::Duration;

/// Settings that the attribute does not all know.
///
/// ```compile_fail,E0080
/// use breaker_core::Config;
/// const NEVER_OPEN: Config = Config::new().fail_max(0);
/// #[breaker_core::circuit_breaker(config = NEVER_OPEN)]
/// fn f() -> Result<(), breaker_core::CircuitBreakerError> { Ok(()) }
/// ```
///
/// # Panics
/// In `const` evaluation, when a setting is out of its range or contradicts another one.
pub const fn checked(config: Config) -> Config {
    config.assert_valid();
    config.assert_opens_by_failures();
    config
}

/// A number of attempts. Each value of a `#[retry]` has a call of its own. So rustc reports a value
/// of another type where it is written.
#[must_use]
pub const fn attempts(value: u32) -> u32 {
    value
}

/// A wait between two attempts.
#[must_use]
pub const fn wait(value: Duration) -> Duration {
    value
}

/// How waits grow or vary.
#[must_use]
pub const fn number(value: f64) -> f64 {
    value
}

/// A share of the calls.
///
/// # Panics
/// In `const` evaluation, when it is not more than 0 and at most 1.
#[must_use]
pub const fn rate(value: f64, message: &'static str) -> f64 {
    assert!(value > 0.0 && value <= 1.0, "{}", message);
    value
}

/// By how much a time grows.
///
/// # Panics
/// In `const` evaluation, when it is less than 1, or no finite number.
#[must_use]
pub const fn growth(value: f64, message: &'static str) -> f64 {
    assert!(value >= 1.0 && value.is_finite(), "{}", message);
    value
}

/// A share by which a time varies.
///
/// # Panics
/// In `const` evaluation, when it is not from 0 to 1.
#[must_use]
pub const fn jitter(value: f64, message: &'static str) -> f64 {
    assert!(value >= 0.0 && value <= 1.0, "{}", message);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(check: impl FnOnce() -> f64 + std::panic::UnwindSafe) -> bool {
        std::panic::catch_unwind(check).is_err()
    }

    #[test]
    fn the_edges_of_each_range() {
        for (value, right) in [(0.0, false), (f64::MIN_POSITIVE, true), (1.0, true), (1.1, false), (f64::NAN, false)] {
            assert_eq!(is_refused(move || rate(value, "")), !right, "{value}");
        }
        for (value, right) in [(0.9, false), (1.0, true), (f64::MAX, true), (f64::INFINITY, false), (f64::NAN, false)] {
            assert_eq!(is_refused(move || growth(value, "")), !right, "{value}");
        }
        for (value, right) in [(-0.1, false), (0.0, true), (1.0, true), (1.1, false), (f64::NAN, false)] {
            assert_eq!(is_refused(move || jitter(value, "")), !right, "{value}");
        }
    }
}
