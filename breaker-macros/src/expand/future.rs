//! Writes functions that return a future without being `async`.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote_spanned};
use syn::{ReturnType, Type};

use super::context::Context;
use crate::item::future::{Returned, Tail};
use crate::item::return_type::without_impl;

impl Context<'_> {
    // Input:  `Box::pin(async move { BODY })`
    // Output: `Box::pin(async move { if false { return K::__rt::never::<Ret>(); } GUARDED })`
    // or:     let __body = FUTURE;
    //         return K::__rt::Box::pin(async move { GUARDED });
    pub(super) fn in_future(&self, future: &Returned, guarded: &TokenStream) -> TokenStream {
        let (rt, ret) = (self.rt, &self.ret);
        if let Some(tail) = &future.tail {
            // `one_call` has the type of its body.
            let typed = (!self.is_one_call())
                .then(|| quote_spanned!(Span::mixed_site()=> if false { return #rt::never::<#ret>(); }));
            let keywords = self.tail_keywords(tail);
            return in_tail(tail, keywords, quote_spanned!(Span::mixed_site()=> #typed #guarded));
        }
        let eager = self.eager();
        let block = quote_spanned!(Span::mixed_site()=> async move { #guarded });
        let block = if future.boxed { quote_spanned!(Span::mixed_site()=> #rt::Box::pin(#block)) } else { block };
        quote_spanned! {Span::mixed_site()=>
            #[allow(clippy::implicit_return)]
            let __body = #eager;
            return #block;
        }
    }

    // Output: K::__rt::future_of::<Ret, _>(
    //             K::__rt::eager(move || -> RET { let x = x; { BODY } })
    //         )
    fn eager(&self) -> TokenStream {
        let (rt, ret, body) = (self.rt.at(self.at_ret), &self.ret, self.in_closure(&self.returned_type()));
        quote_spanned!(self.at_ret=> #rt::future_of::<#ret, _>(#rt::eager(#body)))
    }

    /// The type of the future itself, as far as it can be written.
    fn returned_type(&self) -> TokenStream {
        match &self.plan.function.sig.output {
            ReturnType::Type(_, ty) if !matches!(**ty, Type::ImplTrait(_)) => without_impl(ty).into_token_stream(),
            _ => quote_spanned!(Span::mixed_site()=> _),
        }
    }
}

fn in_tail(tail: &Tail, mut future: TokenStream, guarded: TokenStream) -> TokenStream {
    let Tail { head, block, parens, rest, .. } = tail;
    let mut guarded = Group::new(block.delimiter(), guarded);
    guarded.set_span(block.span());
    future.extend([TokenTree::Group(guarded)]);
    if let Some(parens) = parens {
        let mut group = Group::new(parens.delimiter(), future);
        group.set_span(parens.span());
        future = TokenTree::Group(group).into();
    }
    quote_spanned!(Span::mixed_site()=> #head #future #rest)
}
