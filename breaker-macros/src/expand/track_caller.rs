//! The warning that a `#[track_caller]` has no effect.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use super::context::Context;
use crate::spans::mixed;
use crate::validate::shape::Form;

/// What the constant says, of which rustc warns.
const NOTE: &str = "it has no effect here, for the body runs in a closure, which cannot have it; put it on a function that calls this \
                    one, and hand `Location::caller()` over";

impl Context<'_> {
    // Output: `const _: () = { #[deprecated = NOTE] const TRACK_CALLER: () = (); TRACK_CALLER };`, used at the attribute
    //
    // A stable compiler has no other way to a warning of one's own. In an `async fn` rustc itself warns; the statements before an
    // async block of the user's see the caller.
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
