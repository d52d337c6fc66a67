//! The shape of the function: what cannot be guarded is refused at the token that makes it so.

use syn::ReturnType;

use crate::recover::Errors;
use crate::target::Target;
use crate::target::future::{self, Look, Returned};

/// How the body runs.
pub(crate) enum Form {
    Sync,
    Async,
    /// The function is not async, and gives a future.
    Future(Box<Returned>),
}

pub(crate) fn check(target: &Target, has_fallback: bool, errors: &mut Errors) -> Form {
    let sig = &target.sig;
    if let Some(constness) = &sig.constness {
        errors.at(
            constness.span,
            "a `const fn` cannot have a circuit breaker, which counts calls at run time; remove the `const`",
        );
    }
    // Variable arguments need another ABI than Rust's, so one message is enough.
    if let Some(variadic) = &sig.variadic {
        errors.under(
            variadic.dots,
            "a variadic function cannot have a circuit breaker; put it on a Rust function that this one calls",
        );
    } else if let Some(abi) = &sig.abi
        && abi.name.as_ref().is_none_or(|name| name.value() != "Rust")
    {
        errors.under(
            abi,
            "an `extern` function cannot have a circuit breaker; put it on a Rust function that this one calls",
        );
    }
    let form = return_type(target, has_fallback, errors);
    caller(target, &form, errors);
    form
}

/// A closure cannot have a `#[track_caller]`, and the body is one. In an `async fn` rustc says itself that it has no effect.
fn caller(target: &Target, form: &Form, errors: &mut Errors) {
    let in_closure = match form {
        Form::Sync => true,
        Form::Async => false,
        Form::Future(future) => future.tail.is_none(),
    };
    if let Some(attr) = target.attrs.iter().find(|attr| attr.path().is_ident("track_caller")).filter(|_| in_closure) {
        let fix = "put it on a function that calls this one, and hand `Location::caller()` over";
        errors.under(attr, format!("`#[track_caller]` has no effect here, for the body runs in a closure; {fix}"));
    }
}

/// What the type itself must be is told by rustc, through the traits of the run-time half.
fn return_type(target: &Target, has_fallback: bool, errors: &mut Errors) -> Form {
    let sig = &target.sig;
    if sig.asyncness.is_some() {
        return Form::Async;
    }
    let ReturnType::Type(_, ty) = &sig.output else {
        return Form::Sync;
    };
    match future::look(ty) {
        None => Form::Sync,
        Some(Look::Future { output, boxed }) => {
            let tail = future::tail(&target.body, has_fallback);
            Form::Future(Box::new(Returned { output: *output, boxed, tail }))
        }
        Some(Look::NoOutput) => {
            let fix = "say what the future gives: `Future<Output = Result<..>>`";
            errors.under(ty, format!("`#[circuit_breaker]` needs a future that gives a `Result`; {fix}"));
            Form::Async
        }
        Some(Look::NotPinned) => {
            errors.under(ty, "a future in a `Box` cannot be awaited; return a `Pin<Box<..>>`, or write an `async fn`");
            Form::Async
        }
    }
}
