//! Writes the rules of the key `stream`, and the wait for the first item.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use syn::Expr;

use super::context::Context;
use crate::identifiers;
use crate::item::locals;
use crate::item::params::{Param, bindings};
use crate::item::return_type;
use crate::spans::{mixed, respan};
use crate::validate::stream::Streaming;
use crate::validate::values::Setting;

impl Context<'_> {
    fn stream(&self) -> Option<&Streaming> {
        self.plan.rules.stream.as_ref()
    }

    // Output: `K::__rt::stream_needs_the_feature_stream_of_breaker_core`
    //
    // Without the feature this name is missing, and rustc reports that at `at`.
    pub(super) fn stream_rt(&self, at: Span) -> TokenStream {
        let rt = self.rt.at(at);
        quote_spanned!(at=> #rt::stream_needs_the_feature_stream_of_breaker_core)
    }

    /// Whether the call waits for the first item.
    pub(super) fn begins(&self) -> bool {
        self.is_async && !self.gives_impl() && self.first_item().is_some()
    }

    fn first_item(&self) -> Option<&Setting> {
        self.stream().and_then(|stream| stream.first_item.as_ref())
    }

    // Output: `let __permit = STREAM_RT::timed(__permit);`, where the first item has a limit
    pub(super) fn timed(&self) -> Option<TokenStream> {
        let stream_rt = self.stream_rt(Span::mixed_site());
        self.first_item().map(|_| quote_spanned!(Span::mixed_site()=> let __permit = #stream_rt::timed(__permit);))
    }

    // Output: `LIMIT`
    // or:     `STREAM_RT::until_first_item(&__permit, SPAN, LIMIT)`, if the first item has a limit
    pub(super) fn until_first_item(&self, limit: TokenStream) -> TokenStream {
        let stream_rt = self.stream_rt(Span::mixed_site());
        match self.first_item().map(|span| self.span_of(span)) {
            Some(span) => quote_spanned!(Span::mixed_site()=> #stream_rt::until_first_item(&__permit, #span, #limit)),
            None => limit,
        }
    }

    // Output: `STREAM_RT::no_rules()`
    // or:     `STREAM_RT::rules(FIRST, EACH, UNTIL, OPEN, LEFT)`
    pub(super) fn stream_rules(&self) -> Option<TokenStream> {
        let (here, stream) = (Span::mixed_site(), self.stream()?);
        let stream_rt = self.stream_rt(here);
        if !stream.is_limited() && stream.until.is_none() {
            return Some(quote_spanned!(here=> #stream_rt::no_rules()));
        }
        let spans = [&stream.first_item, &stream.item_timeout];
        let [first, each] = spans.map(|span| self.maybe(span.as_ref().map(|span| self.span_of(span))));
        let until = self.maybe(stream.until.as_ref().map(ToTokens::to_token_stream));
        let open = self.maybe(stream.is_limited().then(|| self.item_error()));
        let left = if self.is_bounded() { quote_spanned!(here=> __left) } else { self.maybe(None) };
        let at = stream.until.as_ref().map_or(here, mixed);
        let stream_rt = self.stream_rt(at);
        Some(quote_spanned!(at=> #stream_rt::rules(#first, #each, #until, #open, #left)))
    }

    // Output: |__late| STREAM_RT::item_error(__late, |__late, __items| {
    //             use STREAM_RT::OfTwoTypes as _;
    //             __items.MAKE.breaker_item_error(__late)
    //         })
    // or:     STREAM_RT::item_error_alone, where `open` captures something
    //
    // MAKE is `opened::<Ret, _>(OPEN)`, or `unopened::<Ret>()` without the key `open`. At the code
    // that makes the function's own error, where rustc reports another error of the items.
    fn item_error(&self) -> TokenStream {
        let at = self.plan.open.as_ref().map_or(self.at_ret, mixed);
        let stream_rt = self.stream_rt(at);
        let ret = self.output().map(|ty| respan(return_type::with_unit(ty).into_token_stream(), at));
        let make = match &self.plan.open {
            Some(open) if self.captures(open) => return quote_spanned!(at=> #stream_rt::item_error_alone),
            Some(open) => quote_spanned!(at=> opened::<#ret, _>(#open)),
            // rustc infers the type from the signature, which is too late for a choice by type.
            None if self.gives_impl() && self.item().is_none() => return self.open(),
            None => quote_spanned!(at=> unopened::<#ret>()),
        };
        quote_spanned! {at=>
            |__late| #stream_rt::item_error(__late, |__late, __items| {
                use #stream_rt::OfTwoTypes as _;
                __items.#make.breaker_item_error(__late)
            })
        }
    }

    /// Whether an expression uses an argument of the function, or a local before its block. Such an
    /// expression cannot outlive the call.
    fn captures(&self, expr: &Expr) -> bool {
        let (tokens, own) = match expr {
            Expr::Closure(closure) => {
                let own = closure.inputs.iter().flat_map(|input| bindings(&mut input.clone()));
                (closure.body.to_token_stream(), own.map(|binding| binding.ident).collect())
            }
            expr => (expr.to_token_stream(), Vec::new()),
        };
        let arguments = self.plan.params.iter().flat_map(|param| param.names().into_iter().map(|(name, _)| name));
        let bound = self.plan.params.iter().flat_map(Param::bindings).map(|binding| binding.ident.clone());
        let locals = self.tail().into_iter().flat_map(|tail| locals::lets(&tail.head)).map(|one| one.binding.ident);
        let mut names = arguments.chain(bound).chain(locals).filter(|name| !own.contains(name));
        names.any(|name| identifiers::uses_local(&tokens, &name))
    }

    /// Whether a `#[retry]` may bound the wait for the first item.
    fn is_bounded(&self) -> bool {
        self.begins() && self.plan.retry.is_some()
    }

    // Output: {
    //             let __left = RETRY::left(&mut __retry, &__permit);
    //             let __begins = BEGINS;
    //             __begins.await
    //         }
    //
    // So the call holds no borrow of the classifier while it waits. At the return type, so that
    // rustc reports a missing bound once.
    pub(super) fn awaited(&self, begins: &TokenStream) -> TokenStream {
        let left = self.is_bounded().then(|| {
            let named = self.retry_type();
            quote_spanned!(Span::mixed_site()=> let __left = #named::left(&mut __retry, &__permit);)
        });
        quote_spanned!(self.at_ret=> { #left let __begins = #begins; __begins.await })
    }

    // Output: |__item| {
    //             use STREAM_RT::{ByInto as _, ByNoInto as _};
    //             (&STREAM_RT::carrier::<Ret, _>(&__item)).__breaker_carry(__item)
    //         }
    pub(super) fn carry(&self) -> TokenStream {
        let (here, ret) = (Span::mixed_site(), &self.result);
        let (stream_rt, item) = (self.stream_rt(here), Ident::new("__item", here));
        quote_spanned! {here=>
            |#item| {
                use #stream_rt::{ByInto as _, ByNoInto as _};
                (&#stream_rt::carrier::<#ret, _>(&#item)).__breaker_carry(#item)
            }
        }
    }
}
