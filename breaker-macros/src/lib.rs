//! Expands the attributes of `breaker-core`, which re-exports them: tokens only, no logic.
//!
//! An expansion goes through four folders, and each uses only those before it:
//!
//! 1. `parse` reads the attribute.
//! 2. `item` reads the function or the impl block.
//! 3. `validate` makes a plan of both, or reports all mistakes at once.
//! 4. `expand` writes the plan as tokens.
//!
//! All of them may use `diagnostics`, `attributes`, `identifiers` and `spans`. `diagnostics` puts
//! the messages beside the unchanged item. `impl_block`, `companion_attributes` and
//! `derive_classify` come above the four: they are the other attributes.
#![forbid(unsafe_code)]

mod attributes;
mod companion_attributes;
mod derive_classify;
mod diagnostics;
mod expand;
mod identifiers;
mod impl_block;
mod item;
mod parse;
mod spans;
#[cfg(test)]
mod tests;
mod validate;

use proc_macro::TokenStream;

#[doc = include_str!("../docs/circuit_breaker.md")]
#[proc_macro_attribute]
pub fn circuit_breaker(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    if impl_block::is_block(&item) {
        return impl_block::expand(&args.into(), &item).into();
    }
    match validate::plan(args.into(), item.clone()) {
        Ok(plan) => expand::expand(&plan).into(),
        Err(error) => diagnostics::item_and_message(&item, &error).into(),
    }
}

#[doc = include_str!("../docs/fallback.md")]
#[proc_macro_attribute]
pub fn fallback(args: TokenStream, item: TokenStream) -> TokenStream {
    companion_attributes::move_to_the_end("fallback", &args.into(), &item.into()).into()
}

#[doc = include_str!("../docs/retry.md")]
#[proc_macro_attribute]
pub fn retry(args: TokenStream, item: TokenStream) -> TokenStream {
    companion_attributes::move_to_the_end("retry", &args.into(), &item.into()).into()
}

#[doc = include_str!("../docs/classify.md")]
#[proc_macro_derive(Classify, attributes(classify))]
pub fn classify(input: TokenStream) -> TokenStream {
    derive_classify::derive(input.into()).into()
}
