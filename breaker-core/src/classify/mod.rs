//! Classifies results: what a value says about the service, and whether an error is of a type, or
//! comes from one.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | [`Classify`], and type items of `exclude`, `success` and `include` |
//! | `search` | patterns, which are also looked for behind an error |
//! | `value` | the value in an `Ok` |
//! | `shown` | what presets return for a call by a handle |
//! | `presets` | ready-made classifications, a file for each crate |
//!
//! May use: `breaker` and what is below it.
//!
//! To add a preset: 1. add `presets/<crate>.rs` with its table and its tests; 2. add its module,
//! its `pub use` and its versions to `presets/mod.rs`, its line to `presets/any.rs`, and its
//! feature, one for each version of the crate; 3. test it with the real client in `tests/clients`.

pub mod presets;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod search;
pub(crate) mod shown;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod value;

use crate::breaker::error_chain::{beginning, first_of};
use crate::classify::value::Advice;
use crate::machine::outcome::Outcome;
use crate::sync::Arc;
use std::any::{Any, type_name};
use std::error::Error;
use std::ops::DerefMut;
use std::rc::Rc;

/// What a value, most often an error, says about the service behind it.
///
/// `#[circuit_breaker(classify)]` classifies the function's error by it. Derive it for an enum, or
/// implement it yourself. The ready-made implementations are listed in [`presets`](crate::presets).
///
/// ```
/// use breaker_core::{CircuitBreakerError, Classify, Outcome};
///
/// struct Refused {
///     status: u16,
/// }
///
/// impl Classify for Refused {
///     fn classify(&self) -> Outcome {
///         match self.status {
///             422 => Outcome::ignored(),
///             _ => Outcome::failure(),
///         }
///     }
/// }
///
/// assert_eq!(Refused { status: 422 }.classify(), Outcome::ignored());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no classification",
    label = "`{Self}` does not implement `Classify`",
    note = "for your own enum: `#[derive(Classify)]`; for a type of another crate: a function instead (`#[circuit_breaker(classify = path)]`, on a variant `#[classify(with = path)]`)",
    note = "breaker-core has presets for the errors of many libraries, with a feature for each version of a library; turn on the feature for your version, for instance `reqwest-0-12` or `tonic-0-14`: https://docs.rs/breaker-core/latest/breaker_core/presets",
    note = "for an `anyhow::Error` or a `Box<dyn Error>`: use a function of `presets`, for instance `classify = presets::reqwest`"
)]
pub trait Classify {
    /// What the value counts as. It runs on the caller's task after each call that ends with such a
    /// value, under no lock.
    fn classify(&self) -> Outcome;
}

#[diagnostic::do_not_recommend]
impl<T: Classify + ?Sized> Classify for &T {
    fn classify(&self) -> Outcome {
        (**self).classify()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Classify + ?Sized> Classify for Box<T> {
    fn classify(&self) -> Outcome {
        (**self).classify()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Classify + ?Sized> Classify for Arc<T> {
    fn classify(&self) -> Outcome {
        (**self).classify()
    }
}

/// An error that a type item of `exclude`, `success` or `include` can look into.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be searched for an error of this type",
    label = "the function's error type is not `Error + 'static`, and does not dereference to `dyn Error` mutably",
    note = "write a pattern (`pat(MyError::Variant(..))`) or a predicate (`|e| ..`) instead of the type"
)]
pub trait Search<T, Way> {
    /// The first error to search.
    fn first(&self) -> &(dyn Error + 'static);

    /// Whether there is a `T` that the chain does not show.
    fn has_beside(&self) -> bool
    where
        T: Error,
    {
        false
    }
}

/// The error is an `Error` itself.
#[derive(Debug)]
pub struct Itself;

/// The error owns an `Error` and dereferences to it, as `Box<dyn Error>` and `anyhow::Error` do. An
/// `Arc<dyn Error>` is an `Error` itself, and does not own. Without that difference both ways would
/// apply to it, and rustc would choose none.
#[derive(Debug)]
pub struct Boxed;

/// The error is a shared box, as `Arc<anyhow::Error>`, or an `Rc<dyn Error>`.
#[derive(Debug)]
pub struct Shared;

#[diagnostic::do_not_recommend]
impl<E: Error + 'static, T> Search<T, Itself> for E {
    fn first(&self) -> &(dyn Error + 'static) {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<E, T> Search<T, Boxed> for E
where
    E: DerefMut + 'static,
    E::Target: DynError<T>,
{
    fn first(&self) -> &(dyn Error + 'static) {
        beginning(self, (**self).as_error())
    }

    fn has_beside(&self) -> bool
    where
        T: Error,
    {
        E::Target::beside(self).is_some()
    }
}

#[diagnostic::do_not_recommend]
impl<E: Search<T, Boxed>, T> Search<T, Shared> for Arc<E> {
    fn first(&self) -> &(dyn Error + 'static) {
        (**self).first()
    }

    fn has_beside(&self) -> bool
    where
        T: Error,
    {
        (**self).has_beside()
    }
}

#[diagnostic::do_not_recommend]
impl<E: DynError<T> + ?Sized, T> Search<T, Shared> for Rc<E> {
    fn first(&self) -> &(dyn Error + 'static) {
        (**self).as_error()
    }
}

/// `dyn Error`, with or without `Send` and `Sync`.
pub trait DynError<T> {
    /// The same error without them.
    fn as_error(&self) -> &(dyn Error + 'static);

    /// The `T` that the dereferencing value has, and that the chain does not show.
    fn beside(_value: &dyn Any) -> Option<&T>
    where
        T: Error,
    {
        None
    }
}

impl<T> DynError<T> for dyn Error + 'static {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl<T> DynError<T> for dyn Error + Send + 'static {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

// Such a box holds only errors that are `Send + Sync`.
impl<T: Send + Sync + 'static> DynError<T> for dyn Error + Send + Sync + 'static {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }

    /// An error that was given to `anyhow`'s `context` is not in the chain.
    #[cfg(feature = "anyhow")]
    fn beside(value: &dyn Any) -> Option<&T>
    where
        T: Error,
    {
        value.downcast_ref::<anyhow::Error>()?.downcast_ref()
    }
}

/// A type that a type item can look for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error type, so no error can have this type",
    label = "expected a type that is `Error + 'static`",
    note = "write a pattern (`MyError::Variant`, `pat(..)`) or a predicate (`|e| ..`) instead of the type"
)]
pub trait Sought: Error + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Error + 'static> Sought for T {}

/// Whether `error`, or an error behind it, is a `T`, or a `T` in a `Box` or an `Arc`. The
/// attribute's page lists what it cannot see.
pub fn is<T, E, Way>(error: &E) -> bool
where
    T: Sought,
    E: Search<T, Way>,
{
    first_of::<T>(error.first()).is_some() || error.has_beside()
}

/// What the predicate returns for the error.
pub fn ask<E: ?Sized>(error: &E, predicate: impl FnOnce(&E) -> bool) -> bool {
    predicate(error)
}

/// What the function of `classify = path` may return: an [`Outcome`], or what the functions of
/// [`presets`](crate::presets) return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a classification",
    label = "the function of `classify = path` returns a `{Self}`",
    note = "it takes the whole result by reference, and returns an `Outcome`"
)]
pub trait Verdict {
    /// Whether it is about errors only, so that a value in the `Ok` is asked itself.
    const IS_ABOUT_ERRORS: bool = false;

    /// What it counts as.
    fn outcome(self) -> Outcome;
}

#[diagnostic::do_not_recommend]
impl Verdict for Outcome {
    fn outcome(self) -> Outcome {
        self
    }
}

/// What the function of `classify = path` says about the full result.
pub fn decide<R: ?Sized, V: Verdict>(result: &R, classify: impl FnOnce(&R) -> V) -> Outcome {
    classify(result).outcome()
}

/// The same where the value in the `Ok` may be a response.
pub fn decide_response<R: ?Sized, V: Verdict, F: FnOnce(&R) -> V>(result: &R, classify: F) -> DecidedResponse {
    const PRESETS: &str = concat!(module_path!(), "::presets::");
    let is_preset = V::IS_ABOUT_ERRORS && type_name::<F>().starts_with(PRESETS);
    DecidedResponse { outcome: classify(result).outcome(), is_preset }
}

/// What a function says about a result whose value may be a response.
#[derive(Debug)]
pub struct DecidedResponse {
    outcome: Outcome,
    /// The function is a preset, under another path than `presets::..`. So it is not known to the
    /// attribute that it is about errors only. This is for the log, not for the decision.
    is_preset: bool,
}

impl DecidedResponse {
    pub fn outcome(self) -> Outcome {
        self.outcome
    }

    /// The outcome of an `Ok` with this status.
    pub fn of_status(self, status: Option<u16>, advice: &Advice) -> Outcome {
        if let (true, Some(status)) = (self.is_preset, status) {
            advice.of_preset(status);
        }
        self.outcome
    }
}

/// The same for a function of `presets`: most of them are about errors. `ask` asks the value in the
/// `Ok`, if there is one.
pub fn decide_by_preset<R: ?Sized, V: Verdict>(
    result: &R,
    classify: impl FnOnce(&R) -> V,
    ask: impl FnOnce() -> Option<Outcome>,
) -> Outcome {
    let of_value = if V::IS_ABOUT_ERRORS { ask() } else { None };
    of_value.unwrap_or_else(|| classify(result).outcome())
}

/// What a value says about itself.
pub fn classify<C: Classify + ?Sized>(value: &C) -> Outcome {
    value.classify()
}
