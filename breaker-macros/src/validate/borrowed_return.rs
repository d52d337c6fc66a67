//! Checks results that borrow from a `&mut` argument.
//!
//! The first code that uses such an argument may have put the borrow into a result. So no other
//! code can use it. Without this check, the borrow checker would report the expansion.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::{
    AngleBracketedGenericArguments, FnArg, GenericArgument, Lifetime, PathArguments, ReceiverKind, Signature, Type,
    TypeParamBound,
};

use super::fallback::uses_it;
use super::shape::{Form, output};
use crate::diagnostics::Errors;
use crate::item::Function;
use crate::parse::fallback::{Chain, Kind, Step};

pub(super) fn check(function: &Function, form: &Form, chain: Option<&Chain>, has_retry: bool, errors: &mut Errors) {
    if let Some(chain) = chain {
        check_steps(function, form, chain, errors);
    }
    if has_retry {
        check_retry(function, form, errors);
    }
}

/// Refuses the second user of such an argument. The first is the body under `on(failure)`, or else
/// a step that is a path.
fn check_steps(function: &Function, form: &Form, chain: &Chain, errors: &mut Errors) {
    for name in output(function, form).map(|output| borrowed_args(&function.sig, output)).unwrap_or_default() {
        let mut users = chain.steps.iter().filter(|step| uses_it(step, &name));
        let (first, fix) = if chain.on.after_body() {
            ("the body", "remove `on(..)`")
        } else {
            // The signature of a path may borrow; a closure may return something else.
            let _ = users.find(|step| matches!(step.kind, Kind::Path(_)));
            ("a step before this one", "use it in one step only")
        };
        if let Some(step) = users.next() {
            let what = format!("the result borrows from `{name}`, which {first} has used");
            errors.under(written(step), format!("{what}, so this step cannot use it; {fix}"));
        }
    }
}

/// Refuses such a result beside a `#[retry]`, whose next attempt would need the argument.
fn check_retry(function: &Function, form: &Form, errors: &mut Errors) {
    let Some(output) = output(function, form) else {
        return;
    };
    if let Some(name) = borrowed_args(&function.sig, output).first() {
        let fix = "return an owned value, or put `#[retry]` on a function that returns one";
        errors.under(output, format!("the result borrows from `{name}`, which the next attempt needs; {fix}"));
    }
}

fn written(step: &Step) -> TokenStream {
    match &step.kind {
        Kind::Path(path) => path.to_token_stream(),
        Kind::Closure(closure) => closure.to_token_stream(),
        Kind::Value(value) => value.to_token_stream(),
        Kind::Cache(cache) => cache.store.as_ref().unwrap_or(&cache.key).to_token_stream(),
    }
}

/// The `&mut` arguments that the result borrows from, by its lifetimes.
fn borrowed_args(sig: &Signature, output: &Type) -> Vec<Ident> {
    // `None` is the elided lifetime.
    let mut lifetimes = Vec::new();
    collect(output, &mut lifetimes);
    let references = sig.inputs.iter().filter(|input| match input {
        FnArg::Receiver(receiver) => matches!(receiver.kind, ReceiverKind::Reference(..)),
        FnArg::Typed(typed) => matches!(*typed.ty, Type::Reference(_)),
    });
    let by_elision = match (sig.receiver(), references.count()) {
        (Some(receiver), _) => matches!(receiver.kind, ReceiverKind::Reference(..)),
        (None, count) => count == 1,
    };
    let borrowed = |input: &FnArg| {
        let (name, lifetime) = match input {
            FnArg::Receiver(receiver) => match &receiver.kind {
                ReceiverKind::Reference(_, lifetime, Some(_)) => {
                    (Ident::new("self", receiver.self_token.span), lifetime.clone())
                }
                _ => return None,
            },
            FnArg::Typed(typed) => match (&*typed.pat, &*typed.ty) {
                (syn::Pat::Ident(name), Type::Reference(ty)) if ty.mutability.is_some() => {
                    (name.ident.clone(), ty.lifetime.clone())
                }
                _ => return None,
            },
        };
        let is_elided = by_elision && lifetimes.contains(&None) && (sig.receiver().is_none() || name == "self");
        (is_elided || (lifetime.is_some() && lifetimes.contains(&lifetime))).then_some(name)
    };
    sig.inputs.iter().filter_map(borrowed).collect()
}

/// Collects the lifetimes in a type, without those in the signatures of functions.
fn collect(ty: &Type, found: &mut Vec<Option<Lifetime>>) {
    match ty {
        Type::Array(array) => collect(&array.elem, found),
        Type::Group(group) => collect(&group.elem, found),
        Type::Paren(paren) => collect(&paren.elem, found),
        Type::Slice(slice) => collect(&slice.elem, found),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|elem| collect(elem, found)),
        Type::Reference(reference) => {
            found.push(reference.lifetime.clone());
            collect(&reference.elem, found);
        }
        Type::Path(path) => path.path.segments.iter().for_each(|segment| collect_arguments(&segment.arguments, found)),
        Type::ImplTrait(ty) => ty.bounds.iter().for_each(|bound| collect_bound(bound, found)),
        Type::TraitObject(ty) => ty.bounds.iter().for_each(|bound| collect_bound(bound, found)),
        _ => {}
    }
}

fn collect_arguments(arguments: &PathArguments, found: &mut Vec<Option<Lifetime>>) {
    let PathArguments::AngleBracketed(AngleBracketedGenericArguments { args, .. }) = arguments else {
        return;
    };
    for argument in args {
        match argument {
            GenericArgument::Lifetime(lifetime) => found.push(named(lifetime)),
            GenericArgument::Type(ty) => collect(ty, found),
            GenericArgument::AssocType(ty) => collect(&ty.ty, found),
            _ => {}
        }
    }
}

fn collect_bound(bound: &TypeParamBound, found: &mut Vec<Option<Lifetime>>) {
    match bound {
        TypeParamBound::Lifetime(lifetime) => found.push(named(lifetime)),
        TypeParamBound::Trait(bound) => {
            bound.path.segments.iter().for_each(|segment| collect_arguments(&segment.arguments, found));
        }
        _ => {}
    }
}

fn named(lifetime: &Lifetime) -> Option<Lifetime> {
    (lifetime.ident != "_").then(|| lifetime.clone())
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use crate::validate;

    fn message(item: proc_macro2::TokenStream) -> Option<String> {
        validate::plan(quote!(), item).err().map(|error| error.to_string())
    }

    #[test]
    fn a_second_use_of_a_borrowed_argument_is_refused() {
        for item in [
            quote!(
                #[fallback(a, on(failure))]
                fn f(&mut self) -> Result<&mut u8, E> {}
            ),
            quote!(
                #[fallback(a, b)]
                async fn f(&mut self) -> Result<Guard<'_>, E> {}
            ),
            quote!(
                #[fallback(a, on(timeout))]
                async fn f<'a>(list: &'a mut L, n: &u8) -> Result<Box<dyn T + 'a>, E> {}
            ),
            quote!(
                #[fallback(|_| None, a, |_| self.b())]
                fn f(&mut self) -> Result<u8, Fault<'_>> {}
            ),
            quote!(
                #[fallback(a, on(open, failure))]
                fn f(list: &mut L) -> Result<Option<&u8>, E> {}
            ),
        ] {
            let text = item.to_string();
            assert!(message(item).is_some_and(|message| message.starts_with("the result borrows from")), "{text}");
        }
    }

    #[test]
    fn a_result_without_a_borrow_or_with_one_use_passes() {
        for item in [
            quote!(
                #[fallback(a)]
                fn f(&mut self) -> Result<&mut u8, E> {}
            ),
            quote!(
                #[fallback(a, on(failure))]
                fn f(&mut self) -> Result<&'static u8, E> {}
            ),
            quote!(
                #[fallback(a, on(failure))]
                fn f(&mut self) -> Result<Box<dyn Fn(&u8) -> &u8>, E> {}
            ),
            quote!(
                #[fallback(a, on(failure))]
                fn f(&self, list: &mut L) -> Result<&u8, E> {}
            ),
            quote!(
                #[fallback(a, on(failure))]
                fn f<'a>(text: &'a str, list: &mut L) -> Result<&'a str, E> {}
            ),
            quote!(
                #[fallback(|_| None, value(x), on(failure))]
                fn f(&mut self) -> Result<&u8, E> {}
            ),
            quote!(
                #[fallback(|_| self.b(), |_| self.a())]
                fn f(&mut self) -> Result<&u8, E> {}
            ),
        ] {
            let text = item.to_string();
            assert_eq!(message(item), None, "{text}");
        }
    }
}
