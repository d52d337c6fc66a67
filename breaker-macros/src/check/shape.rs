//! The shape of the function: what cannot be guarded is refused at the token that makes it so.

use syn::spanned::Spanned as _;
use syn::{GenericArgument, PathArguments, ReturnType, Signature, Type, TypeParamBound};

use crate::recover::Errors;
use crate::target::ends_in;

pub(crate) fn check(sig: &Signature, errors: &mut Errors) {
    if let Some(constness) = &sig.constness {
        errors.at(
            constness.span,
            "a `const fn` cannot have a circuit breaker, which counts calls at run time; remove the `const`",
        );
    }
    if let Some(abi) = &sig.abi
        && abi.name.as_ref().is_none_or(|name| name.value() != "Rust")
    {
        errors.under(
            abi,
            "an `extern` function cannot have a circuit breaker; put it on a Rust function that this one calls",
        );
    }
    if let Some(variadic) = &sig.variadic {
        errors.at(variadic.dots.span(), "a variadic function cannot have a circuit breaker");
    }
    return_type(sig, errors);
}

/// What the type itself must be is told by rustc, through the traits of the run-time half.
fn return_type(sig: &Signature, errors: &mut Errors) {
    let name = &sig.ident;
    match &sig.output {
        ReturnType::Default => {
            let fix = "`#[circuit_breaker]` needs a function that returns a `Result`";
            errors.at(name.span(), format!("`{name}` has no return type; {fix}"));
        }
        ReturnType::Type(_, ty) if sig.asyncness.is_none() && is_future(ty) => {
            errors.under(ty, "a function that returns a future is not supported by this version; write an `async fn`");
        }
        ReturnType::Type(..) => {}
    }
}

/// Tells `impl Future<..>`, `Pin<Box<dyn Future<..>>>` and `BoxFuture<..>`.
fn is_future(ty: &Type) -> bool {
    let names_future =
        |bound: &TypeParamBound| matches!(bound, TypeParamBound::Trait(bound) if ends_in(&bound.path, "Future"));
    match ty {
        Type::Group(group) => is_future(&group.elem),
        Type::Paren(paren) => is_future(&paren.elem),
        Type::ImplTrait(ty) => ty.bounds.iter().any(names_future),
        Type::TraitObject(ty) => ty.bounds.iter().any(names_future),
        Type::Path(ty) if ends_in(&ty.path, "Pin") || ends_in(&ty.path, "Box") => {
            let last = ty.path.segments.last().map(|last| &last.arguments);
            let Some(PathArguments::AngleBracketed(arguments)) = last else {
                return false;
            };
            arguments.args.iter().any(|argument| matches!(argument, GenericArgument::Type(ty) if is_future(ty)))
        }
        Type::Path(ty) => ends_in(&ty.path, "BoxFuture") || ends_in(&ty.path, "LocalBoxFuture"),
        _ => false,
    }
}
