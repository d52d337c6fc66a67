//! The rules: options, signature and fallbacks in; a plan that cannot fail any more out, or all mistakes at once.

mod borrowed_return;
pub(crate) mod cache;
pub(crate) mod classification;
mod combinations;
mod const_only;
mod error_bounds;
pub(crate) mod fallback;
pub(crate) mod retry;
pub(crate) mod return_value;
pub(crate) mod shape;
pub(crate) mod stream;
pub(crate) mod values;

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::spanned::Spanned as _;
use syn::{Expr, Path};

use self::cache::Bounds;
use self::classification::matcher::{Classify, Rules};
use self::retry::Retry;
use self::return_value::Given;
use self::shape::Form;
use self::stream::Streaming;
use self::values::Setting;
use crate::attributes;
use crate::diagnostics::Errors;
use crate::item::params::{self, Param};
use crate::item::{self, Target};
use crate::parse::fallback::{Chain, Kind};
use crate::parse::keys::Key;
use crate::parse::{self, Opt, Value};

/// Everything that the expansion says.
pub(crate) struct Plan {
    /// The crate of the run-time half, where it is not `::breaker_core`.
    pub(crate) krate: Option<TokenStream>,
    pub(crate) name: Option<Expr>,
    /// `key = EXPR`, evaluated for each call
    pub(crate) key: Option<Expr>,
    /// `config = PATH`
    pub(crate) config: Option<Expr>,
    /// `open = PATH`, which makes the error of a rejection
    pub(crate) open: Option<Expr>,
    /// What the function gives, where that may be no `Result`
    pub(crate) given: Option<Given>,
    pub(crate) settings: Vec<(&'static Key, proc_macro2::Span, Setting)>,
    pub(crate) rules: Rules,
    pub(crate) chain: Option<Chain>,
    /// Of the built-in caches of `cache(..)` steps
    pub(crate) bounds: Vec<Bounds>,
    pub(crate) retry: Option<Retry>,
    pub(crate) params: Vec<Param>,
    pub(crate) form: Form,
    pub(crate) target: Target,
}

pub(crate) fn plan(args: TokenStream, item: TokenStream) -> syn::Result<Plan> {
    let mut errors = Errors::default();
    let options = distinct(parse::parse(args, &mut errors), &mut errors);
    let plan = with_options(options, item, None, &mut errors);
    errors.finish()?;
    // Without an error there is a plan.
    plan.ok_or_else(|| syn::Error::new(proc_macro2::Span::call_site(), "no function"))
}

/// Reads the function and checks it and the options, each of which is there once. `outer`: the generics of its impl block, where they
/// are known.
pub(crate) fn with_options(
    options: Vec<Opt>,
    item: TokenStream,
    outer: Option<&syn::Generics>,
    errors: &mut Errors,
) -> Option<Plan> {
    let target = errors.take(item::parse(item));
    let generics = target.as_ref().map(|target| target.sig.generics.clone()).unwrap_or_default();
    let plan = values_of(options, &generics, errors);
    let target = target?;
    let chain = chain(&target, errors);
    let form = shape::check(&target, chain.is_some(), errors);
    if plan.open.is_none() && !chain.as_ref().is_some_and(return_value::ends_in_value) {
        error_bounds::check(&target, &form, outer, errors);
    }
    let retry = retry::retry(&target, &form, errors);
    let given = return_value::check(&target, (&form, outer), &plan.rules, chain.as_ref(), errors);
    if let Some((true, at)) = plan.open_at().map(|at| (matches!(given, Some(Given::Value)), at)) {
        errors.at(at, "`open` makes an error, and this function returns no `Result`; leave it out");
    }
    if let (Some(Given::Value), Some(at)) = (given, retry.as_ref().and_then(|retry| retry.when_at)) {
        errors.at(at, "`when(..)` looks at errors, and this function returns no `Result`; leave it out");
    }
    plan.check_against(&target, &form, (chain.as_ref(), retry.as_ref()), errors);
    fallback::limits(&form, chain.as_ref(), errors);
    fallback::check(&target, &form, (chain.as_ref(), retry.as_ref()), errors);
    borrowed_return::check(&target, &form, (chain.as_ref(), retry.as_ref()), errors);
    let bounds = cache::check(chain.as_ref(), plan.rules.stream.as_ref().map(|stream| stream.at), errors);
    Some(Plan { bounds, given, ..plan.finish(target, form, chain, retry) })
}

/// Checks the options by themselves.
pub(crate) fn values_of(options: Vec<Opt>, generics: &syn::Generics, errors: &mut Errors) -> Unfinished {
    let mut plan = Unfinished::default();
    for option in options {
        plan.add(option, generics, errors);
    }
    plan
}

/// What goes around the breaker.
pub(crate) type Around<'a> = (Option<&'a Chain>, Option<&'a Retry>);

/// What the options say so far.
#[derive(Default)]
pub(crate) struct Unfinished {
    krate: Option<Path>,
    name: Option<Expr>,
    key: Option<Expr>,
    config: Option<Expr>,
    open: Option<Expr>,
    pub(crate) settings: Vec<(&'static Key, proc_macro2::Span, Setting)>,
    rules: Rules,
    /// Every key that is there, and where.
    written: Vec<(&'static str, proc_macro2::Span)>,
}

impl Unfinished {
    fn add(&mut self, option: Opt, generics: &syn::Generics, errors: &mut Errors) {
        let (key, at) = (option.key, option.at.span());
        self.written.push((key.name, at));
        match (key.name, option.value) {
            (_, Value::Alone) => self.rules.classify = Some(Classify::Itself(at)),
            ("classify", Value::Expr(expr)) => {
                self.rules.classify = errors.take(classification::function(expr)).map(Classify::By);
            }
            (_, Value::Path(path)) => self.krate = Some(path),
            (list, Value::Items(items)) => self.rules.add(list, items, generics, errors),
            ("stream", Value::Named(values)) => self.rules.stream = Some(Streaming::new(at, values, errors)),
            (_, Value::Named(values)) => {
                let setting = values::backoff(values, errors);
                self.settings.push((key, at, setting));
            }
            ("name", Value::Expr(expr)) => self.name = errors.take(values::name(expr)),
            ("key", Value::Expr(expr)) => self.key = errors.take(values::key(expr)),
            ("open", Value::Expr(expr)) => self.open = errors.take(values::open(expr)),
            ("config", Value::Expr(expr)) => self.config = errors.take(values::config(expr)),
            ("otherwise", Value::Expr(expr)) => {
                self.rules.otherwise = errors.take(classification::lists::otherwise(&expr))
            }
            (_, Value::Expr(expr)) => {
                let setting = errors.take(values::setting(key, expr));
                self.settings.extend(setting.map(|setting| (key, at, setting)));
            }
        }
    }

    /// The rules that need both the options and the function.
    fn check_against(&self, target: &Target, form: &Form, (chain, retry): Around<'_>, errors: &mut Errors) {
        classification::check(&self.written, &self.rules, (form, &target.sig), (chain, retry), errors);
        combinations::check(self, errors);
        classification::lists::check(&self.rules, &self.written, errors);
        const_only::check(self, target, errors);
        if let Some(key) = &self.key {
            fallback::check_key(key, target, form, errors);
        }
        if !matches!(form, Form::Sync) {
            return;
        }
        let is_limit =
            |(key, _, setting): &&(&Key, _, Setting)| key.name == "timeout" && !matches!(setting, Setting::Off);
        if let Some((_, at, _)) = self.settings.iter().find(is_limit) {
            errors.at(*at, "`timeout` needs an `async fn`: a function that is not async cannot be stopped midway");
        }
        if let Some(at) = chain.and_then(|chain| chain.on.timeout) {
            errors.at(at, "`timeout` needs an `async fn`: a function that is not async has no time limit");
        }
    }

    /// Where the key `open` stands.
    fn open_at(&self) -> Option<proc_macro2::Span> {
        self.written.iter().find(|(key, _)| *key == "open").map(|(_, at)| *at)
    }

    fn finish(self, mut target: Target, form: Form, chain: Option<Chain>, retry: Option<Retry>) -> Plan {
        let Unfinished { krate, name, key, config, open, settings, rules, written: _ } = self;
        let steps = chain.iter().flat_map(|chain| &chain.steps);
        let whole = steps.into_iter().any(|step| matches!(step.kind, Kind::Path(_)));
        let params = match &form {
            Form::Future(future) if future.tail.is_some() => params::leave(&mut target.sig, whole),
            _ => params::take(&mut target.sig, whole),
        };
        let krate = krate.map(Path::into_token_stream);
        let (bounds, given) = (Vec::new(), None);
        Plan { krate, name, key, config, open, given, settings, rules, chain, bounds, retry, params, form, target }
    }
}

/// Leaves out the options that are written a second time.
pub(crate) fn distinct(options: Vec<Opt>, errors: &mut Errors) -> Vec<Opt> {
    let mut first: Vec<Opt> = Vec::new();
    for option in options {
        let name = option.key.name;
        if first.iter().all(|earlier| earlier.key.name != name) {
            first.push(option);
            continue;
        }
        let fix = if matches!(option.value, Value::Items(_)) { "put all items into one list" } else { "leave one out" };
        errors.at(option.at.span(), format!("`{name}` is written twice; {fix}"));
    }
    first
}

fn chain(target: &Target, errors: &mut Errors) -> Option<Chain> {
    let (first, more) = target.fallbacks.split_first()?;
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
    fn all_mistakes_are_told_at_once() {
        let args = quote!(fail_max = 0, colour = f(1, 2), recovery_timeout = 30, exclude(_, is(1)), critical);
        let item = quote!(
            #[fallback(5, on(closed))]
            const fn f() {}
        );
        let error = plan(args, item).err().expect("mistakes");
        let told: Vec<String> = error.into_iter().map(|one| one.to_string()).collect();
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
        assert!(words.iter().all(|word| told.iter().any(|message| message.contains(word))), "{told:#?}");
        assert_eq!(told.len(), words.len(), "{told:#?}");
    }
}
