//! Checks the options and the function, and returns a plan or all mistakes.
//!
//! `expand` cannot fail on a plan.
//!
//! | file | what it does |
//! | --- | --- |
//! | this one | runs all checks in their order |
//! | `plan` | holds the options and the plan |
//! | `values` | checks the value of each key |
//! | `combinations` | checks keys that need or contradict each other |
//! | `classification` | checks what decides how a result counts |
//! | `const_only` | refuses arguments of a call in values that belong to the function |
//! | `shape` | says how the body runs, and refuses what cannot be guarded |
//! | `return_value`, `error_bounds`, `borrowed_return` | check the return type |
//! | `fallback`, `cache`, `retry`, `stream` | check the attributes and keys of these names |
//!
//! May use: `parse`, `item` and the files at the root of the crate that all may use.
//!
//! To add a rule: write it in the file of its subject, call it here, and add a case to
//! `tests/ui/fail`. It adds to `Errors` and goes on; it returns nothing early.

mod borrowed_return;
pub(crate) mod cache;
pub(crate) mod classification;
mod combinations;
mod const_only;
mod error_bounds;
pub(crate) mod fallback;
mod plan;
pub(crate) mod retry;
pub(crate) mod return_value;
pub(crate) mod shape;
pub(crate) mod stream;
pub(crate) mod values;

use proc_macro2::TokenStream;
use syn::spanned::Spanned as _;

use self::plan::Options;
pub(crate) use self::plan::Plan;
use self::return_value::ReturnKind;
use self::shape::Form;
use self::values::Setting;
use crate::attributes;
use crate::diagnostics::Errors;
use crate::item::return_type::has_impl;
use crate::item::{self, Function};
use crate::parse::fallback::Chain;
use crate::parse::keys::Key;
use crate::parse::{self, Opt, Value};

/// Reads and checks one annotated function.
pub(crate) fn plan(args: TokenStream, item: TokenStream) -> syn::Result<Plan> {
    let mut errors = Errors::default();
    let options = distinct(parse::parse(args, &mut errors), &mut errors);
    let plan = with_options(options, item, None, &mut errors);
    errors.finish()?;
    // Without an error there is a plan.
    plan.ok_or_else(|| syn::Error::new(proc_macro2::Span::call_site(), "no function"))
}

/// Reads the function, and checks it and the options. `outer`: the generics of its impl block,
/// where they are known.
pub(crate) fn with_options(
    options: Vec<Opt>,
    item: TokenStream,
    outer: Option<&syn::Generics>,
    errors: &mut Errors,
) -> Option<Plan> {
    let function = errors.take(item::parse(item));
    let generics = function.as_ref().map(|function| function.sig.generics.clone()).unwrap_or_default();
    let options = values_of(options, &generics, errors);
    let function = function?;
    let chain = chain(&function, errors);
    let form = shape::check(&function, outer.is_some(), chain.is_some(), errors);
    if options.open.is_none() && !chain.as_ref().is_some_and(return_value::ends_in_value) {
        error_bounds::check(&function, &form, outer, errors);
    }
    let retry = retry::retry(&function, &form, errors);
    let returns =
        return_value::check(&function, (&form, outer), !options.rules.failure_if.is_empty(), chain.as_ref(), errors);
    if let Some((true, at)) = options.at("open").map(|at| (matches!(returns, Some(ReturnKind::Value)), at)) {
        errors.at(at, "`open` makes an error, but this function returns no `Result`; remove it");
    }
    if let (Some(ReturnKind::Value), Some(at)) = (returns, retry.as_ref().and_then(|retry| retry.when_at)) {
        errors.at(at, "`when(..)` matches errors, but this function returns no `Result`; remove it");
    }
    check_against(&options, (&function, &form), (chain.as_ref(), retry.is_some()), errors);
    fallback::limits(&form, chain.as_ref(), errors);
    fallback::check(&function, &form, chain.as_ref(), retry.is_some(), errors);
    borrowed_return::check(&function, &form, chain.as_ref(), retry.is_some(), errors);
    let bounds = cache::check(chain.as_ref(), options.rules.stream.as_ref().map(|stream| stream.at), errors);
    Some(Plan { bounds, returns, ..options.finish(function, form, chain, retry) })
}

/// Checks each option alone.
pub(crate) fn values_of(options: Vec<Opt>, generics: &syn::Generics, errors: &mut Errors) -> Options {
    let mut read = Options::default();
    for option in options {
        read.add(option, generics, errors);
    }
    read
}

/// Checks the options beside each other and beside the function.
fn check_against(
    options: &Options,
    (function, form): (&Function, &Form),
    (chain, has_retry): (Option<&Chain>, bool),
    errors: &mut Errors,
) {
    classification::check(&options.written, &options.rules, errors);
    if let Some(stream) = &options.rules.stream {
        let gives_impl = shape::output(function, form).is_some_and(has_impl);
        stream.check(gives_impl, chain.is_some(), has_retry, errors);
    }
    combinations::check(options, errors);
    classification::lists::check(&options.rules, &options.written, errors);
    const_only::check(options, function, errors);
    if let Some(key) = &options.key {
        fallback::check_key(key, function, form, errors);
    }
    if !matches!(form, Form::Sync) {
        return;
    }
    let is_limit = |(key, _, setting): &&(&Key, _, Setting)| key.name == "timeout" && !matches!(setting, Setting::Off);
    if let Some((_, at, _)) = options.settings.iter().find(is_limit) {
        errors.at(*at, "`timeout` needs an `async fn`: a function that is not async cannot be stopped midway");
    }
    if let Some(at) = chain.and_then(|chain| chain.on.timeout) {
        errors.at(at, "`timeout` needs an `async fn`: a function that is not async has no time limit");
    }
}

/// Refuses options that are written twice, and returns the others.
pub(crate) fn distinct(options: Vec<Opt>, errors: &mut Errors) -> Vec<Opt> {
    let mut first: Vec<Opt> = Vec::new();
    for option in options {
        let name = option.key.name;
        if first.iter().all(|earlier| earlier.key.name != name) {
            first.push(option);
            continue;
        }
        let fix = if matches!(option.value, Value::Items(_)) { "put all items into one list" } else { "remove one" };
        errors.at(option.at.span(), format!("`{name}` is written twice; {fix}"));
    }
    first
}

fn chain(function: &Function, errors: &mut Errors) -> Option<Chain> {
    let (first, more) = function.fallbacks.split_first()?;
    for attr in more {
        errors.under(attr, "a function has one `#[fallback]`; write all steps into it: `#[fallback(FIRST, SECOND)]`");
    }
    if let syn::Meta::NameValue(_) = first.meta {
        errors.under(first, "the steps of a fallback go in parentheses: `#[fallback(Self::from_cache)]`");
        return None;
    }
    Some(parse::fallback::parse(attributes::arguments(first), first.path().span(), errors))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn one_build_reports_all_mistakes() {
        let args = quote!(fail_max = 0, colour = f(1, 2), recovery_timeout = 30, exclude(_, is(1)), critical);
        let item = quote!(
            #[fallback(5, on(closed))]
            const fn f() {}
        );
        let error = plan(args, item).err().expect("mistakes");
        let messages: Vec<String> = error.into_iter().map(|one| one.to_string()).collect();
        let words = [
            "colour",
            "critical",
            "fail_max",
            "recovery_timeout",
            "`_`",
            "fn(..)",
            "value(5)",
            "closed",
            "const",
            "return",
        ];
        assert!(words.iter().all(|word| messages.iter().any(|message| message.contains(word))), "{messages:#?}");
        assert_eq!(messages.len(), words.len(), "{messages:#?}");
    }
}
