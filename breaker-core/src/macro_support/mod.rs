//! Exports what an expansion of the attributes may name, and nothing else. Users see it as `__rt`,
//! which is no part of the public interface: it changes with the attributes.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | what is re-exported, and small helpers of an expansion |
//! | `declare`, `callsite` | declares the `static` of a function; that static, and its way to a breaker |
//! | `guarded_call`, `entry` | the plain async call as one future |
//! | `const_checks` | values of attributes that are expressions |
//! | `show_error`, `stream` | an error of any type; the names of streams |
//!
//! Types in the signatures of these items are here too, since an error of the compiler names them.
//!
//! May use: everything. Nothing else uses it. To add a name, add it here and write it in
//! `breaker-macros/src/expand`.

pub(crate) mod callsite;
mod const_checks;
pub mod declare;
pub(crate) mod entry;
pub(crate) mod guarded_call;
pub(crate) mod show_error;
#[cfg(feature = "stream")]
pub mod stream;

pub use self::const_checks::{attempts, growth, jitter, number, rate, wait};
/// Named where the setting `stream` is written: without the feature it is missing, and its name
/// says why.
#[cfg(feature = "stream")]
pub use self::stream as stream_needs_the_feature_stream_of_breaker_core;
pub use crate::__breaker_callsite as declare_callsite;
pub use crate::breaker::error_view::Classified;
pub use crate::breaker::error_view::{ErrorView, Listed, inspect, inspect_field, inspect_text, of_variant};
pub use crate::call::by_handle::{
    Run, TimedOut, run_sync, run_sync1, run_sync2, run_sync3, run_sync4, run_sync5, run_sync6, run_sync7, run_sync8,
};
pub use crate::call::result::Opens;
pub use crate::call::result::{Fallible, FromRejection, from_rejection, reject, reject_with, view};
pub use crate::call::settle::settle;
pub use crate::call::settle::settle_full;
pub use crate::classify::search::{ByChain, ByItself, ByTarget, Within, fits};
pub use crate::classify::value::{Advice, ByNoStatus, ByOk, BySelf, ByStatus, Valued};
pub use crate::classify::{Classify, Search, ask, classify, decide, decide_by_preset, decide_response, is};
pub use crate::config::keys::Config;
pub use crate::config::types::Backoff;
pub use crate::config::types::{OnCancel, OnPanic};
pub use crate::fallback::cache::{CacheCallsite, Fresh, as_stored, cached, cached_sync, keep, keep_sync, serve, share};
pub use crate::fallback::cache_key::{Borrowed, Part, TwiceBorrowed, Whole};
pub use crate::fallback::context::FallbackContext;
pub use crate::fallback::failed_call::{FailedCall, On, Refused, instead};
/// Named where a `cache(..)` step has no store: without the feature it is missing, and its name
/// says why.
#[cfg(feature = "moka")]
pub use crate::fallback::moka::BuiltIn as cache_needs_the_feature_moka_of_breaker_core;
pub use crate::fallback::plain::{Answers, ByFrom, ByNothing, Given, OfResult, OfValue, Opener, Probe, given, shaped};
pub use crate::fallback::settle::{settle_full_or_fall, settle_or_fall};
pub use crate::fallback::steps::{Answer, Step};
pub use crate::machine::outcome::Outcome;
pub use crate::macro_support::callsite::Callsite;
pub use crate::macro_support::guarded_call::{Callable, call_with, call_with_value};
pub use crate::macro_support::show_error::{AsError, ShowError, ShowNothing};
#[cfg(feature = "register")]
pub use crate::registry::declaration::Registered;
/// Named where `#[retry]` is written: without the feature it is missing, and its name says why.
#[cfg(feature = "retry")]
pub use crate::retry::Retry as retry_needs_the_feature_retry_of_breaker_core;
pub use core::any::type_name;
pub use core::option::Option::{self, None, Some};
pub use core::primitive::str;
pub use core::result::Result::{self, Err, Ok};
pub use core::time::Duration;
pub use core::{concat, module_path};
pub use std::boxed::Box;

use crate::breaker::error::CircuitBreakerError;
use crate::call::by_handle::settle_timed_out;
use crate::call::permit::Permit;
use crate::classify::value::ClassifyValue;

/// An argument that a fallback step needs, after the body or another step took it.
#[diagnostic::on_unimplemented(
    message = "a fallback step needs a copy of this argument, but `{Self}` is not `Clone`",
    label = "taken by value, and needed again by a fallback step",
    note = "take it by reference, or write the step as a closure that does not use it"
)]
pub trait Copyable {
    #[must_use]
    fn copy(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Copyable for T {
    fn copy(&self) -> Self {
        self.clone()
    }
}

/// A copy of an argument.
pub fn copy<T: Copyable>(value: &T) -> T {
    value.copy()
}

/// The same for one of a type parameter: rustc proposes the missing bound by the parameter's name.
pub fn each_step_clones<T: Clone>(value: &T) -> T {
    value.clone()
}

/// What the attribute's `key` needs of its value.
#[diagnostic::on_unimplemented(
    message = "`key` needs a text, but `{Self}` is not one",
    label = "`{Self}` is not `AsRef<str>`",
    note = "make a text of it: `key = value.to_string()`"
)]
pub trait Text {
    fn text(&self) -> &str;
}

#[diagnostic::do_not_recommend]
impl<T: AsRef<str> + ?Sized> Text for T {
    fn text(&self) -> &str {
        self.as_ref()
    }
}

/// The text of a key.
pub fn text<T: Text + ?Sized>(key: &T) -> &str {
    key.text()
}

/// The text of a key that is of a type parameter: rustc proposes the missing bound by the
/// parameter's name.
pub fn text_of<T: AsRef<str> + ?Sized>(key: &T) -> &str {
    key.as_ref()
}

/// An argument that each attempt of a `#[retry]` needs again.
#[diagnostic::on_unimplemented(
    message = "`#[retry]` needs a copy of this value for each attempt, but `{Self}` is not `Clone`",
    label = "used up by the first attempt",
    note = "take it by reference, make it in the body, or derive `Clone` for it"
)]
pub trait Repeatable {
    #[must_use]
    fn repeat(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Repeatable for T {
    fn repeat(&self) -> Self {
        self.clone()
    }
}

/// An argument for one attempt.
pub fn repeat<T: Repeatable>(value: &T) -> T {
    value.repeat()
}

/// The same for one of a type parameter: rustc proposes the missing bound by the parameter's name.
pub fn each_attempt_clones<T: Clone>(value: &T) -> T {
    value.clone()
}

/// One attempt of a `#[retry]`, which needs an argument of an `impl Into<T>`, or a similar type,
/// again.
#[derive(Debug)]
pub struct OneAttempt;

/// That argument. The bound is not on its type, since rustc would propose this trait for that.
#[diagnostic::on_unimplemented(
    message = "`#[retry]` needs a copy of this value for each attempt, but `{T}` is not `Clone`",
    label = "used up by the first attempt",
    note = "convert the value at the start of the body, under the same name, as in `let x = x.into();`: each attempt gets a clone of the result",
    note = "or add `+ Clone` to the type, which callers must then satisfy"
)]
pub trait Clones<T> {
    #[must_use]
    fn once_more(value: &T) -> T;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Clones<T> for OneAttempt {
    fn once_more(value: &T) -> T {
        value.clone()
    }
}

/// The same for an argument that is converted into a value.
pub fn each_attempt_converts<T>(value: &T) -> T
where
    OneAttempt: Clones<T>,
{
    <OneAttempt as Clones<T>>::once_more(value)
}

/// The value of a return that is never reached. It gives the body the type of the signature.
///
/// # Panics
/// Always; it is never called.
#[cold]
#[must_use]
pub fn never<R>() -> R {
    unreachable!("behind `if false`")
}

/// Runs the part of a function that makes its future. It is a `FnOnce`, so that the future may
/// borrow what the part owns.
#[inline]
pub fn eager<F>(body: impl FnOnce() -> F) -> F {
    body()
}

/// The future unchanged. Its bound gives an async block in the user's code the type of the
/// signature.
#[inline]
pub fn future_of<R, F: Future<Output = R>>(future: F) -> F {
    future
}

/// A duration that the attribute read from a literal.
#[must_use]
pub const fn duration(secs: u64, nanos: u32) -> Duration {
    Duration::new(secs, nanos)
}

/// A number of a `const` expression.
///
/// ```compile_fail,E0080
/// const NONE: u32 = 0;
/// #[breaker_core::circuit_breaker(fail_max = NONE)]
/// fn f() -> Result<(), breaker_core::CircuitBreakerError> { Ok(()) }
/// ```
///
/// # Panics
/// In `const` evaluation, when it is 0.
#[must_use]
pub const fn at_least_one(value: u32, message: &'static str) -> u32 {
    assert!(value >= 1, "{}", message);
    value
}

/// A duration of a `const` expression.
///
/// ```compile_fail,E0080
/// #[breaker_core::circuit_breaker(probe_timeout = std::time::Duration::ZERO)]
/// fn f() -> Result<(), breaker_core::CircuitBreakerError> { Ok(()) }
/// ```
///
/// # Panics
/// In `const` evaluation, when it is zero.
#[must_use]
pub const fn above_zero(value: Duration, message: &'static str) -> Duration {
    assert!(!value.is_zero(), "{}", message);
    value
}

/// Named where the setting `timeout` is written: without the feature it is missing, and its name
/// says why.
#[cfg(feature = "tokio")]
pub const fn timeout_needs_the_feature_tokio_of_breaker_core() {}

/// A function of the expansion that classifies the value in the `Ok` of an `R`.
pub fn classify_value<R: Fallible>(values: ClassifyValue<R::Ok>) -> ClassifyValue<R::Ok> {
    values
}

/// Whether a call was rejected because no place was free.
#[must_use]
pub fn is_busy(rejected: &CircuitBreakerError) -> bool {
    rejected.is_busy()
}

/// Counts a call that exceeded its time limit.
#[cold]
pub fn timed_out(permit: Permit, limit: TimedOut) -> CircuitBreakerError {
    settle_timed_out(permit, limit)
}

/// Runs a fallback step of a synchronous function.
pub fn step_sync<R, A: Answer<R, Way>, Way>(answer: A) -> Option<R> {
    answer.answer()
}

/// The answer of the step `value(..)`.
pub fn value<R, T>(value: T) -> R
where
    R: Fallible<Ok = T>,
{
    R::from_ok(value)
}
