//! Decides how the body runs, and refuses functions that cannot be guarded.

use syn::{Abi, ReturnType, Type};

use crate::diagnostics::Errors;
use crate::item::Function;
use crate::item::future::{self, FutureType, Returned};

/// How the body runs.
pub(crate) enum Form {
    Sync,
    Async,
    /// The function is not async, and returns a future.
    Future(Box<Returned>),
}

/// `in_block`: the attribute is on the impl block of the function.
pub(crate) fn check(function: &Function, in_block: bool, has_fallback: bool, errors: &mut Errors) -> Form {
    let sig = &function.sig;
    if let Some(constness) = &sig.constness {
        let leave_out = if in_block { ", or leave it out with `#[circuit_breaker(skip)]`" } else { "" };
        let message = "a `const fn` cannot have a circuit breaker, which counts calls at run time; remove the `const`";
        errors.at(constness.span, format!("{message}{leave_out}"));
    }
    // Variable arguments need another ABI than Rust's, so one message is enough.
    if let Some(variadic) = &sig.variadic {
        errors.under(
            variadic.dots,
            "a variadic function cannot have a circuit breaker; put it on a Rust function that this one calls",
        );
    } else if let Some(abi) = sig.abi.as_ref().filter(|abi| is_foreign(abi)) {
        errors.under(
            abi,
            "an `extern` function cannot have a circuit breaker; put it on a Rust function that this one calls",
        );
    }
    return_type(function, has_fallback, errors)
}

fn is_foreign(abi: &Abi) -> bool {
    abi.name.as_ref().is_none_or(|name| name.value() != "Rust")
}

/// Reads the return type. rustc checks the type itself, by traits of the run-time half.
fn return_type(function: &Function, has_fallback: bool, errors: &mut Errors) -> Form {
    let sig = &function.sig;
    if sig.asyncness.is_some() {
        return Form::Async;
    }
    let ReturnType::Type(_, ty) = &sig.output else {
        return Form::Sync;
    };
    match future::future_type(ty) {
        None => Form::Sync,
        Some(FutureType::Future { output, boxed }) => {
            let tail = future::tail(&function.body, has_fallback);
            Form::Future(Box::new(Returned { output: *output, boxed, tail }))
        }
        Some(FutureType::NoOutput) => {
            let fix = "write its output: `Future<Output = Result<..>>`";
            errors.under(ty, format!("`#[circuit_breaker]` needs a future that returns a `Result`; {fix}"));
            Form::Async
        }
        Some(FutureType::NotPinned) => {
            errors.under(ty, "a future in a `Box` cannot be awaited; return a `Pin<Box<..>>`, or write an `async fn`");
            Form::Async
        }
    }
}

/// The written return type, or the output of the returned future. `None`: there is no type.
pub(crate) fn output<'t>(function: &'t Function, form: &'t Form) -> Option<&'t Type> {
    match (form, &function.sig.output) {
        (Form::Future(future), _) => Some(&future.output),
        (_, ReturnType::Type(_, ty)) => Some(ty),
        (_, ReturnType::Default) => None,
    }
}
