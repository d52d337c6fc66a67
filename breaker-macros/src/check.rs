//! The rules: options, signature and fallbacks in; a plan that cannot fail any more out, or all mistakes at once.

pub(crate) mod retry;
pub(crate) mod rules;
mod shape;
pub(crate) mod values;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::spanned::Spanned as _;
use syn::{Expr, Path};

use self::retry::Retry;
use self::rules::Rules;
use self::values::Setting;
use crate::args::keys::Key;
use crate::args::steps::{Chain, Kind};
use crate::args::{self, Opt, Value};
use crate::fallback;
use crate::recover::Errors;
use crate::target::params::{self, Param};
use crate::target::{self, Target};

/// Everything that the expansion says.
pub(crate) struct Plan {
    /// The crate of the run-time half.
    pub(crate) krate: TokenStream,
    pub(crate) name: Option<Expr>,
    /// `key = EXPR`, evaluated for each call
    pub(crate) key: Option<Expr>,
    /// `config = PATH`
    pub(crate) config: Option<Expr>,
    pub(crate) settings: Vec<(&'static Key, proc_macro2::Span, Setting)>,
    pub(crate) rules: Rules,
    pub(crate) chain: Option<Chain>,
    pub(crate) retry: Option<Retry>,
    pub(crate) params: Vec<Param>,
    pub(crate) target: Target,
}

pub(crate) fn plan(args: TokenStream, item: TokenStream) -> syn::Result<Plan> {
    let mut errors = Errors::default();
    let options = args::parse(args, &mut errors);
    let target = errors.take(target::parse(item));
    let generics = target.as_ref().map(|target| target.sig.generics.clone()).unwrap_or_default();
    let mut plan = Unfinished::default();
    for option in distinct(options, &mut errors) {
        plan.add(option, &generics, &mut errors);
    }
    let chain = target.as_ref().and_then(|target| chain(target, &mut errors));
    let retry = target.as_ref().and_then(|target| retry::retry(target, &mut errors));
    if let Some(target) = &target {
        shape::check(&target.sig, &mut errors);
        plan.check_against(target, chain.as_ref(), &mut errors);
    }
    errors.finish()?;
    // Without an error there is a target.
    target
        .map(|target| plan.finish(target, chain, retry))
        .ok_or_else(|| syn::Error::new(proc_macro2::Span::call_site(), "no function"))
}

/// What the options say so far.
#[derive(Default)]
struct Unfinished {
    krate: Option<Path>,
    name: Option<Expr>,
    key: Option<Expr>,
    config: Option<Expr>,
    settings: Vec<(&'static Key, proc_macro2::Span, Setting)>,
    rules: Rules,
}

impl Unfinished {
    fn add(&mut self, option: Opt, generics: &syn::Generics, errors: &mut Errors) {
        let (key, at) = (option.key, option.at.span());
        match (key.name, option.value) {
            (_, Value::Path(path)) => self.krate = Some(path),
            (list, Value::Items(items)) => self.rules.add(list, items, generics, errors),
            ("name", Value::Expr(expr)) => self.name = errors.take(values::name(expr)),
            ("key", Value::Expr(expr)) => self.key = errors.take(values::key(expr)),
            ("config", Value::Expr(expr)) => self.config = errors.take(values::config(expr)),
            ("otherwise", Value::Expr(expr)) => self.rules.otherwise = errors.take(rules::otherwise(&expr)),
            (_, Value::Expr(expr)) => {
                let setting = errors.take(values::setting(key, expr));
                self.settings.extend(setting.map(|setting| (key, at, setting)));
            }
        }
    }

    /// The rules that need both the options and the function.
    fn check_against(&self, target: &Target, chain: Option<&Chain>, errors: &mut Errors) {
        let max_keys = self.settings.iter().find(|(key, ..)| key.name == "max_keys");
        if let (None, Some((_, at, _))) = (&self.key, max_keys) {
            errors.at(*at, "`max_keys` bounds the values of `key`, which is missing: `key = host`, with an argument's name for `host`");
        }
        if target.sig.asyncness.is_some() {
            return;
        }
        let timeout = self.settings.iter().find(|(key, ..)| key.name == "timeout");
        if let Some((_, at, _)) = timeout {
            errors.at(*at, "`timeout` needs an `async fn`: a function that is not async cannot be stopped midway");
        }
        if let Some(at) = chain.and_then(|chain| chain.on.timeout) {
            errors.at(at, "`timeout` needs an `async fn`: a function that is not async has no time limit");
        }
    }

    fn finish(self, mut target: Target, chain: Option<Chain>, retry: Option<Retry>) -> Plan {
        let Unfinished { krate, name, key, config, settings, rules } = self;
        let steps = chain.iter().flat_map(|chain| &chain.steps);
        let whole = steps.into_iter().any(|step| matches!(step.kind, Kind::Path(_)));
        let params = params::take(&mut target.sig, whole);
        let krate = krate.map_or_else(|| quote!(::breaker_core), Path::into_token_stream);
        Plan { krate, name, key, config, settings, rules, chain, retry, params, target }
    }
}

/// Leaves out the options that are written a second time.
fn distinct(options: Vec<Opt>, errors: &mut Errors) -> Vec<Opt> {
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
    Some(args::steps::parse(fallback::steps(first), first.path().span(), errors))
}

#[cfg(test)]
mod tests {
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
