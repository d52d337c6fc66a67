//! Recognises the attributes of this crate on an item, and reads their arguments.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Attribute;
use syn::parse::ParseStream;

/// The mark before the arguments of a `#[fallback]` that has moved.
pub(crate) const MARK: &str = "__moved_to_the_end";

/// The argument of the `#[fallback]` that an expansion leaves behind, see [`trace`].
pub(crate) const TAKEN: &str = "__taken_by_circuit_breaker";

/// Splits an item into its outer attributes and everything after them.
pub(crate) fn split_attributes(input: ParseStream<'_>) -> syn::Result<(Vec<Attribute>, TokenStream)> {
    Ok((input.call(Attribute::parse_outer)?, input.parse()?))
}

/// True for `#[fallback]`, also by its full path: a renamed one has that after its move, see
/// `companion_attributes`.
pub(crate) fn is_fallback(attr: &Attribute) -> bool {
    is_named(attr, "fallback")
}

/// The same for `#[circuit_breaker]`.
pub(crate) fn is_breaker(attr: &Attribute) -> bool {
    is_named(attr, "circuit_breaker")
}

/// The same for `#[retry]`.
pub(crate) fn is_retry(attr: &Attribute) -> bool {
    is_named(attr, "retry")
}

fn is_named(attr: &Attribute, name: &str) -> bool {
    attr.path().segments.last().is_some_and(|last| last.ident == name)
}

// Input:  `#[fallback(STEPS)]`
// Output: `#[fallback(__taken_by_circuit_breaker)]`, which leaves its item as it is
//
// A taken attribute is never resolved: without this trace rustc would call the user's import of it
// unused.
pub(crate) fn trace(attr: &Attribute) -> Option<TokenStream> {
    let (path, taken) = (attr.path(), proc_macro2::Ident::new(TAKEN, Span::mixed_site()));
    (!has_moved(attr)).then(|| quote!(#[#path(#taken)]))
}

pub(crate) fn has_moved(attr: &Attribute) -> bool {
    attr.meta.require_list().is_ok_and(|list| is_marked(&list.tokens))
}

pub(crate) fn is_marked(args: &TokenStream) -> bool {
    args.clone().into_iter().next().is_some_and(|first| first.to_string() == MARK)
}

/// The arguments of an attribute, without the mark of a moved one.
pub(crate) fn arguments(attr: &Attribute) -> TokenStream {
    let Ok(list) = attr.meta.require_list() else {
        return TokenStream::new();
    };
    let skipped = if has_moved(attr) { 2 } else { 0 };
    list.tokens.clone().into_iter().skip(skipped).collect()
}
