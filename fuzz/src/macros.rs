//! Fuzzes the entry points of breaker-macros.
//!
//! Every input becomes a message, or tokens that rustc can read.

use crate::{attributes, companion_attributes, derive_classify, diagnostics, expand, impl_block, validate};
use proc_macro2::TokenStream;
use syn::parse::Parser as _;

/// `#[circuit_breaker(FIRST LINE)]` on the other lines.
pub fn attribute(input: &str) {
    let Some((args, item)) = args_and_item(input) else { return };
    if impl_block::is_block(&item) {
        return assert_item(&item, &impl_block::expand(&args, &item));
    }
    match validate::plan(args, item.clone()) {
        Ok(plan) => assert_item(&item, &expand::expand(&plan)),
        Err(error) => assert_told(&item, &diagnostics::item_and_message(&item, &error)),
    }
}

/// `#[fallback(FIRST LINE)]` and `#[retry(FIRST LINE)]` on the other lines.
pub fn helper(input: &str) {
    let Some((args, item)) = args_and_item(input) else { return };
    for name in ["fallback", "retry"] {
        let moved = companion_attributes::move_to_the_end(name, &args, &item);
        assert_item(&item, &moved);
        // It moves once: called again, it reports that it is alone, or leaves the item.
        if let Ok((attrs, rest)) = attributes::split_attributes.parse2(moved)
            && let Some(last) = attrs.last().filter(|last| attributes::has_moved(last))
        {
            assert_eq!(attributes::arguments(last).to_string(), args.to_string());
            assert_item(&rest, &diagnostics::without_fallbacks(&rest));
        }
    }
}

/// `#[derive(Classify)]` on all of it.
pub fn classify(input: &str) {
    let Ok(item) = input.parse::<TokenStream>() else { return };
    let derived = derive_classify::derive(item);
    assert!(syn::parse2::<syn::File>(derived.clone()).is_ok(), "no item: {derived}");
}

fn args_and_item(input: &str) -> Option<(TokenStream, TokenStream)> {
    let (args, item) = input.split_once('\n')?;
    Some((args.parse().ok()?, item.parse().ok()?))
}

/// The expansion of an item is one or several items. The expansion of anything else is not checked.
fn assert_item(item: &TokenStream, given: &TokenStream) {
    if are_items(item) {
        assert!(are_items(given), "no item: {given}");
    }
}

/// The messages come beside the item, which is unchanged.
fn assert_told(item: &TokenStream, given: &TokenStream) {
    assert!(given.to_string().contains("compile_error"), "no message: {given}");
    assert_item(item, given);
}

fn are_items(tokens: &TokenStream) -> bool {
    // Attributes of a whole file may only be at its beginning.
    let file = syn::parse2::<syn::File>(tokens.clone()).is_ok_and(|file| file.attrs.is_empty());
    // A method is parsed as one of a trait, with or without a body.
    file || syn::parse2::<syn::ItemTrait>(quote::quote!(trait T { #tokens })).is_ok_and(|item| item.attrs.is_empty())
}
