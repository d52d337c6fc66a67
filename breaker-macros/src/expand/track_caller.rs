//! Writes a warning at a `#[track_caller]` that has no effect.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use super::context::Context;
use crate::spans::mixed;
use crate::validate::shape::Form;

/// The text of the warning.
const NOTE: &str = "it has no effect here, since the body runs in a closure; put it on a function that calls this one and passes `Location::caller()` to it";

impl Context<'_> {
    // Output: const _: () = { #[deprecated = NOTE] const TRACK_CALLER: () = (); TRACK_CALLER };
    //
    // The use is at the attribute. On a stable compiler a macro has no other way to warn. In an
    // `async fn` rustc itself warns. Statements before the user's own async block see the caller.
    pub(super) fn caller(&self) -> Option<TokenStream> {
        let in_closure = match &self.plan.form {
            Form::Sync => true,
            Form::Async => false,
            Form::Future(future) => future.tail.is_none(),
        };
        let attrs = &self.plan.function.attrs;
        let attr = attrs.iter().find(|attr| attr.path().is_ident("track_caller")).filter(|_| in_closure)?;
        let name = Ident::new("TRACK_CALLER", mixed(attr.path()));
        Some(quote_spanned! {Span::mixed_site()=>
            const _: () = {
                #[deprecated = #NOTE]
                const TRACK_CALLER: () = ();
                #name
            };
        })
    }
}
