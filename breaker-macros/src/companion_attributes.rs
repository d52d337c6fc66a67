//! Moves `#[fallback(..)]` and `#[retry(..)]` below `#[circuit_breaker]`, which takes them.
//!
//! rustc expands the attributes of an item from the top. Below a `#[circuit_breaker]` it therefore
//! never calls this macro. Above one the macro moves its attribute to the end, once and with a
//! mark. So `#[circuit_breaker]` comes first, whatever the user calls it.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::Attribute;
use syn::parse::Parser as _;

use crate::attributes::{MARK, TAKEN, is_marked, split_attributes};
use crate::diagnostics;

// Input:  STEPS, `#[circuit_breaker(..)] fn f() { BODY }`
// Output: #[circuit_breaker(..)]
//         #[::breaker_core::fallback(__moved_to_the_end; STEPS)]
//         fn f() { BODY }
pub(crate) fn move_to_the_end(name: &str, args: &TokenStream, item: &TokenStream) -> TokenStream {
    if args.to_string() == TAKEN {
        return item.clone();
    }
    let split = split_attributes.parse2(item.clone());
    let Ok((attrs, rest)) = split else {
        return alone(name, item);
    };
    if is_marked(args) || attrs.iter().all(cannot_be_a_breaker) {
        return alone(name, item);
    }
    let mark = proc_macro2::Ident::new(MARK, Span::mixed_site());
    let name = proc_macro2::Ident::new(name, Span::mixed_site());
    quote! {
        #(#attrs)*
        #[::breaker_core::#name(#mark; #args)]
        #rest
    }
}

fn alone(name: &str, item: &TokenStream) -> TokenStream {
    let message = if mentions_the_run_time_half(item) {
        format!(
            "`#[circuit_breaker(..)]` did not find this `#[{name}]`; write `#[{name}(..)]` below it or in its impl block, not under another name and not in a `cfg_attr`"
        )
    } else {
        format!("`#[{name}]` needs `#[circuit_breaker(..)]` on the same function")
    };
    diagnostics::item_and_message(item, &syn::Error::new(Span::call_site(), message))
}

/// True for a function that already has its breaker.
fn mentions_the_run_time_half(item: &TokenStream) -> bool {
    item.clone().into_iter().any(|tree| match tree {
        TokenTree::Ident(name) => name == "__rt",
        TokenTree::Group(group) => mentions_the_run_time_half(&group.stream()),
        _ => false,
    })
}

/// True for attributes of the language, and for other fallbacks. Any other attribute may be a
/// breaker that the user has renamed.
fn cannot_be_a_breaker(attr: &Attribute) -> bool {
    const KNOWN: [&str; 16] = [
        "doc",
        "allow",
        "warn",
        "deny",
        "forbid",
        "expect",
        "must_use",
        "inline",
        "cold",
        "deprecated",
        "cfg",
        "track_caller",
        "no_mangle",
        "test",
        "fallback",
        "retry",
    ];
    attr.path().get_ident().is_some_and(|name| KNOWN.iter().any(|known| name == known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::{arguments, has_moved};

    #[test]
    fn above_a_breaker_it_moves_behind_it_once() {
        let moved = move_to_the_end(
            "fallback",
            &quote!(spare),
            &quote!(
                #[renamed(name = "a")]
                fn f() {}
            ),
        );
        let (attrs, _) = split_attributes.parse2(moved).expect("attributes");
        assert_eq!(attrs.len(), 2);
        assert!(has_moved(&attrs[1]));
        assert_eq!(arguments(&attrs[1]).to_string(), "spare");
    }

    #[test]
    fn alone_it_says_what_is_missing_and_leaves_the_item() {
        let given = move_to_the_end(
            "fallback",
            &quote!(spare),
            &quote!(
                #[inline]
                fn f() {}
            ),
        )
        .to_string();
        assert!(given.contains("needs `#[circuit_breaker(..)]`") && given.contains("fn f ()"), "{given}");
    }
}
