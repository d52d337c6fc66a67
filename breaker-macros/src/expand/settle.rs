//! Writes the call of `settle`, which counts the result of a body.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::Type;

use super::context::Context;
use crate::item::return_type;
use crate::validate::classification::lists::Classify;

impl Context<'_> {
    // Output: `K::__rt::settle(__permit, __out, &CLASSIFIER)`
    // or:     `K::__rt::settle_full(..)`, with `failure_if` or `classify = path`
    //
    // With `on` it is `.._or_fall(.., ON)`.
    pub(super) fn settle(&self, on: Option<&TokenStream>) -> TokenStream {
        let (rules, at) = (&self.plan.rules, self.at_ret);
        if let Some(stream_rules) = self.stream_rules() {
            return self.settle_stream(&stream_rules, on);
        }
        let rt = self.rt.at(at);
        let full_result = !rules.failure_if.is_empty()
            || matches!(rules.classify, Some(Classify::By(_)))
            || self.of_value().is_some();
        let classifier = if full_result { self.classifier_of_result() } else { self.classifier(at) };
        let (or_fall, on) = or_fall(on, at);
        let name = Ident::new(&format!("{}{or_fall}", if full_result { "settle_full" } else { "settle" }), at);
        quote_spanned!(at=> #rt::#name (__permit, __out, &#classifier #on))
    }

    // Output: `STREAM_RT::settle_stream(__permit, __out, &CLASSIFIER, CLASSIFIER, RULES)`
    // or:     `STREAM_RT::settle_stream_box(..)`, for a box
    // or:     `AWAITED(STREAM_RT::begin_stream_box(.., CARRY, OPEN))`, where the call waits for the
    //         first item
    //
    // With `on` it is `.._or_fall(.., ON)`.
    fn settle_stream(&self, rules: &TokenStream, on: Option<&TokenStream>) -> TokenStream {
        let at = self.at_ret;
        let (stream_rt, classifier, item) = (self.stream_rt(at), self.classifier(at), self.item());
        let items = self.classifier_of_items(item.is_some(), &classifier);
        let name = match (self.gives_impl(), self.begins()) {
            (true, _) => "settle_stream",
            (false, false) => "settle_stream_box",
            (false, true) => "begin_stream_box",
        };
        let (or_fall, on) = or_fall(on, at);
        let name = Ident::new(&format!("{name}{or_fall}"), at);
        let types = item.map(|item| quote_spanned!(at=> ::<_, #item, _>));
        if !self.begins() {
            return quote_spanned!(at=> #stream_rt::#name #types (__permit, __out, &#classifier, #items, #rules #on));
        }
        let (carry, open) = (self.carry(), self.open());
        self.awaited(
            &quote_spanned!(at=> #stream_rt::#name (__permit, __out, &#classifier, #items, #rules #on, #carry, #open)),
        )
    }

    /// The written type of the items of an `impl Stream`. rustc would infer the type of their
    /// errors too late.
    pub(super) fn item(&self) -> Option<Type> {
        self.output().and_then(return_type::item)
    }

    /// The classifier of the items of a stream. Where the type of their errors is not known, it
    /// uses their text only.
    fn classifier_of_items(&self, known: bool, classifier: &TokenStream) -> TokenStream {
        if known || !self.gives_impl() {
            return classifier.clone();
        }
        let (rt, outcome) = (self.rt, self.outcome());
        quote_spanned! {Span::mixed_site()=>
            |__error| {
                let mut __view = #rt::inspect_text(__error).__breaker_view();
                let __outcome = #outcome;
                (__outcome, __view)
            }
        }
    }
}

// Output: `_or_fall` and `, ON`
fn or_fall(on: Option<&TokenStream>, at: Span) -> (&'static str, Option<TokenStream>) {
    (if on.is_some() { "_or_fall" } else { "" }, on.map(|on| quote_spanned!(at=> , #on)))
}
