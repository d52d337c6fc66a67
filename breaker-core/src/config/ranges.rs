//! Checks the ranges of settings, as `const` conditions.

use crate::config::types::{Backoff, OnCancel, PerFunction};
use std::time::Duration;

pub(crate) const fn above_zero(span: Option<Duration>) -> bool {
    !matches!(span, Some(Duration::ZERO))
}

pub(crate) const fn share(rate: Option<f64>) -> bool {
    match rate {
        Some(rate) => rate > 0.0 && rate <= 1.0,
        None => true,
    }
}

pub(crate) const fn one_or_more(count: Option<u32>) -> bool {
    !matches!(count, Some(0))
}

pub(crate) const fn each_one_or_more(attempts: PerFunction<u32>) -> bool {
    !matches!(attempts, PerFunction::All(0))
}

pub(crate) const fn each_above_zero(span: PerFunction<Duration>) -> bool {
    !matches!(span, PerFunction::All(Duration::ZERO))
}

pub(crate) const fn valid_backoff(backoff: Option<Backoff>) -> bool {
    match backoff {
        Some(backoff) => backoff.is_valid(),
        None => true,
    }
}

pub(crate) const fn valid_on_cancel(what: OnCancel) -> bool {
    !matches!(what, OnCancel::After(Duration::ZERO))
}

pub(crate) const fn as_is<T: Copy>(value: T) -> T {
    value
}

pub(crate) const fn all<T: Copy>(value: T) -> PerFunction<T> {
    PerFunction::All(value)
}

pub(crate) const fn some<T: Copy>(value: T) -> Option<T> {
    Some(value)
}
