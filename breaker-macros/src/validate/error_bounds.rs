//! Checks that an error type that is a type parameter can hold a rejection.
//!
//! Without this, rustc would propose private traits of the run-time half as bounds.

use syn::{GenericArgument, Generics, PathArguments, Type, TypeParam, TypeParamBound, WherePredicate};

use super::shape::{Form, output};
use crate::diagnostics::Errors;
use crate::item::Function;

/// Traits of std that imply no conversion. Any other trait may imply a `From`.
const UNRELATED: [&str; 15] = [
    "Send",
    "Sync",
    "Unpin",
    "Sized",
    "Debug",
    "Display",
    "Error",
    "Clone",
    "Copy",
    "Default",
    "PartialEq",
    "Eq",
    "PartialOrd",
    "Ord",
    "Hash",
];

/// Checks the parameters of the function, and of the impl block, if that has the attribute.
pub(super) fn check(function: &Function, form: &Form, outer: Option<&Generics>, errors: &mut Errors) {
    let Some(returned) = output(function, form) else { return };
    let all: Vec<&Generics> = outer.into_iter().chain([&function.sig.generics]).collect();
    let error = error_of(returned).and_then(|error| Some((error, param(error, &all)?)));
    if let Some((error, param)) = error.filter(|(_, param)| bounds(param, &all).all(is_unrelated)) {
        let name = &param.ident;
        let fix = format!(
            "give it the bound `{name}: From<breaker_core::CircuitBreakerError>`, or make the error with `open = ..`"
        );
        errors.under(error, format!("the error type `{name}` cannot represent a rejected call; {fix}"));
    }
}

/// `E` of `Result<T, E>`. Of an alias it is not known which argument is the error.
fn error_of(ty: &Type) -> Option<&Type> {
    let Type::Path(ty) = ty else { return None };
    let last = ty.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.iter().collect::<Vec<_>>()[..] {
        [GenericArgument::Type(_), GenericArgument::Type(error)] => Some(error),
        _ => None,
    }
}

fn param<'a>(ty: &Type, all: &[&'a Generics]) -> Option<&'a TypeParam> {
    let Type::Path(ty) = ty else { return None };
    let mut params = all.iter().flat_map(|generics| generics.type_params());
    params.find(|param| ty.qself.is_none() && ty.path.is_ident(&param.ident))
}

fn bounds<'a>(param: &'a TypeParam, all: &[&'a Generics]) -> impl Iterator<Item = &'a TypeParamBound> {
    let clauses = all.iter().filter_map(|generics| generics.where_clause.as_ref());
    let predicates = clauses.flat_map(|clause| &clause.predicates).filter_map(|predicate| match predicate {
        WherePredicate::Type(predicate) => Some(predicate),
        _ => None,
    });
    let of_param = predicates
        .filter(|predicate| matches!(&predicate.bounded_ty, Type::Path(ty) if ty.path.is_ident(&param.ident)));
    let in_clauses: Vec<_> = of_param.flat_map(|predicate| &predicate.bounds).collect();
    param.bounds.iter().chain(in_clauses)
}

fn is_unrelated(bound: &TypeParamBound) -> bool {
    match bound {
        TypeParamBound::Lifetime(_) => true,
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| UNRELATED.iter().any(|other| last.ident == other))
        }
        _ => false,
    }
}
