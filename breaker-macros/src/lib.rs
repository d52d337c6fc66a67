//! The attributes of `breaker-core`, which re-exports them: tokens only, no logic.
//!
//! `args` reads the attribute, `target` the function, `check` makes a plan of both or tells all mistakes, `expand`
//! writes the plan as tokens; `recover` puts the messages beside the unchanged function.
#![forbid(unsafe_code)]

mod args;
mod block;
mod check;
mod classify;
mod expand;
mod fallback;
mod recover;
#[cfg(test)]
mod snapshots;
mod target;
#[cfg(test)]
mod untouched;
mod uses;

use proc_macro::TokenStream;

#[doc = include_str!("../docs/circuit_breaker.md")]
#[proc_macro_attribute]
pub fn circuit_breaker(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    if block::is_block(&item) {
        return block::expand(&args.into(), &item).into();
    }
    match check::plan(args.into(), item.clone()) {
        Ok(plan) => expand::expand(&plan).into(),
        Err(error) => recover::item_and_message(&item, &error).into(),
    }
}

#[doc = include_str!("../docs/fallback.md")]
#[proc_macro_attribute]
pub fn fallback(args: TokenStream, item: TokenStream) -> TokenStream {
    fallback::move_to_the_end("fallback", &args.into(), &item.into()).into()
}

#[doc = include_str!("../docs/retry.md")]
#[proc_macro_attribute]
pub fn retry(args: TokenStream, item: TokenStream) -> TokenStream {
    fallback::move_to_the_end("retry", &args.into(), &item.into()).into()
}

#[doc = include_str!("../docs/classify.md")]
#[proc_macro_derive(Classify, attributes(classify))]
pub fn classify(input: TokenStream) -> TokenStream {
    classify::derive(input.into()).into()
}
