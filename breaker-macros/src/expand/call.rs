//! Writes the usual async call: the gate, the body and the time limit as one future.
//!
//! rustc has to check each expression in every function, so this one has few.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use super::context::Context;
use crate::identifiers;
use crate::item::params::Param;
use crate::spans::respan;
use crate::validate::classification::lists::Classify;
use crate::validate::shape::Form;

impl Context<'_> {
    /// True where there is one attempt, and an error alone decides how it counts.
    pub(super) fn is_one_call(&self) -> bool {
        let (plan, rules) = (self.plan, &self.plan.rules);
        let by_error = rules.failure_if.is_empty() && !matches!(rules.classify, Some(Classify::By(_)));
        let has_body = match &plan.form {
            Form::Sync => false,
            Form::Async => true,
            Form::Future(future) => future.tail.is_some(),
        };
        let plain = plan.retry.is_none() && plan.chain.is_none() && plan.key.is_none() && rules.stream.is_none();
        has_body && plain && by_error && !self.classifies_by_arguments()
    }

    /// Whether the classifier captures arguments, so that it is no plain function.
    fn classifies_by_arguments(&self) -> bool {
        let code = self.plan.rules.code();
        if code.is_empty() {
            return false;
        }
        // It may also capture the locals before the block.
        if self.tail().is_some() {
            return true;
        }
        let mut names = self.plan.params.iter().flat_map(Param::bindings).map(|binding| &binding.ident);
        names.any(|name| identifiers::mentions(&code, name))
            || identifiers::mentions(&code, &Ident::new("self", Span::mixed_site()))
    }

    // Output: `K::__rt::Callable::call(ENTRY, BODY, CLASSIFIER).await`,
    // where ENTRY is `K::__rt::declare_callsite!(entry SITE)`
    // or:     `K::__rt::call_with(.., OPEN).await`, with the key `open`
    // or:     `K::__rt::call_with_value(.., VALUES).await`, where the value in the `Ok` counts
    //
    // At the return type, which it bounds.
    pub(super) fn one_call(&self) -> TokenStream {
        let (rt, at) = (self.rt.at(self.at_ret), self.at_ret);
        let (site, body, classifier) = (self.site("entry", None), self.async_body(true), self.classifier(self.at_ret));
        let values = self.of_value().map(|of_value| quote_spanned!(Span::mixed_site()=> |__value| { #of_value }));
        let call = match (&self.plan.open, values) {
            (None, None) => quote_spanned!(at=> #rt::Callable::call(#site, #body, #classifier)),
            (None, Some(values)) => {
                quote_spanned!(at=> #rt::call_with_value::<_, _, _>(#site, #body, #classifier, #values))
            }
            (Some(open), None) => quote_spanned!(at=> #rt::call_with(#site, #body, #classifier, #rt::None, #open)),
            (Some(open), Some(values)) => {
                let ret = respan(self.ret.clone(), at);
                let values = quote_spanned!(at=> #rt::classify_value::<#ret>(#values));
                quote_spanned!(at=> #rt::call_with(#site, #body, #classifier, #rt::Some(#values), #open))
            }
        };
        quote_spanned!(at=> #[allow(clippy::implicit_return)] return { #call }.await;)
    }
}
