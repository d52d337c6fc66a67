//! Checks `#[retry(..)]`: its values, and whether the function can run again.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, FnArg, Generics, Lit, Meta, Pat, Receiver, ReceiverKind, Result, Type};

use super::classification::lists;
use super::classification::matcher::{self, Matcher};
use super::shape::Form;
use super::values::{self, Number, Setting};
use crate::attributes;
use crate::diagnostics::Errors;
use crate::identifiers;
use crate::identifiers::ends_in;
use crate::item::{Function, params};
use crate::parse::keys::Key;
use crate::parse::matchers::Item;
use crate::parse::retry::{self, Opt};

/// The values of a `#[retry(..)]`; `None` is the default.
#[derive(Default)]
pub(crate) struct Retry {
    pub(crate) attempts: Option<Setting>,
    pub(crate) min: Option<Setting>,
    pub(crate) max: Option<Setting>,
    pub(crate) factor: Option<Number>,
    pub(crate) jitter: Option<Number>,
    pub(crate) wait: Wait,
    pub(crate) total: Option<Setting>,
    /// The failures that are retried; `None`: all.
    pub(crate) when: Option<Vec<Matcher>>,
    pub(crate) when_at: Option<Span>,
}

/// Whether a rejected attempt waits for the breaker.
#[derive(Default)]
pub(crate) enum Wait {
    #[default]
    No,
    /// As long as `max`.
    Max,
    For(Setting),
}

/// The defaults of `min` and `max`.
const MIN: Duration = Duration::from_secs(2);
const MAX: Duration = Duration::from_secs(10);

pub(super) fn retry(function: &Function, form: &Form, errors: &mut Errors) -> Option<Retry> {
    let (first, more) = function.retries.split_first()?;
    for attr in more {
        errors.under(attr, "a function has one `#[retry]`; remove one");
    }
    if let Meta::NameValue(_) = first.meta {
        errors.under(first, "the keys of a retry go in parentheses: `#[retry(attempts = 3)]`");
        return None;
    }
    let mut read = Retry::default();
    let mut at = first.path().span();
    for option in retry::parse(attributes::arguments(first), errors) {
        let name = option.key.name;
        if name == "when" {
            let generics = &function.sig.generics;
            let tests = option.items.into_iter().filter_map(|item| errors.take(named(item, generics)));
            read.when = Some(tests.collect());
            read.when_at = Some(option.at);
            continue;
        }
        at = if matches!(name, "min" | "max") { option.at } else { at };
        let added = read.add(option);
        errors.take(added);
    }
    check_function(function, form, first.path().span(), errors);
    read.order(errors, at);
    Some(read)
}

impl Retry {
    fn add(&mut self, Opt { key, value, .. }: Opt) -> Result<()> {
        let Some(value) = value else {
            self.wait = Wait::Max;
            return Ok(());
        };
        match key.name {
            "attempts" => self.attempts = Some(attempts(key, value)?),
            "min" => self.min = Some(values::in_place(key, value)?),
            "max" => self.max = Some(values::in_place(key, value)?),
            "total" => self.total = Some(values::in_place(key, value)?),
            "factor" => self.factor = Some(values::factor(key, value)?),
            "jitter" => self.jitter = Some(values::jitter(key, value)?),
            _ if matches!(&value, Expr::Lit(lit) if matches!(lit.lit, Lit::Bool(_))) => {
                let fix = "`wait` takes no value, or the longest wait: `wait`, `wait = \"30s\"`";
                return Err(Error::new_spanned(value, fix));
            }
            _ => self.wait = Wait::For(values::in_place(key, value)?),
        }
        Ok(())
    }

    /// The values, and the guards and predicates of `when(..)`: they may use arguments of the
    /// function.
    pub(crate) fn code(&self) -> TokenStream {
        let Self { attempts, min, max, total, factor, jitter, wait, when, .. } = self;
        let wait = if let Wait::For(wait) = wait { Some(wait) } else { None };
        let when = matcher::code_of(when.iter().flatten());
        quote!(#attempts #min #max #total #wait #factor #jitter #when)
    }

    /// Whether `when(..)` names timeouts, by their error before the function's own is made of it.
    pub(crate) fn names_timeouts(&self) -> bool {
        let is_named =
            |test: &Matcher| matches!(test, Matcher::Type(Type::Path(ty)) if ends_in(&ty.path, "CircuitBreakerError"));
        self.when.iter().flatten().any(is_named)
    }

    /// Refuses a `max` or `total` that is too short for `min`.
    fn order(&self, errors: &mut Errors, at: Span) {
        let length = |setting: &Setting| match setting {
            Setting::Length(length) => Some(*length),
            _ => None,
        };
        let written = |setting: &Option<Setting>, default| setting.as_ref().map_or(Some(default), length);
        let lengths = written(&self.min, MIN).zip(written(&self.max, MAX));
        if let Some((min, max)) = lengths.filter(|(min, max)| max < min) {
            let (min, max) = (values::shown(min), values::shown(max));
            errors.at(at, format!("`max` ({max}) is shorter than `min` ({min}); write the longer one as `max`"));
            return;
        }
        let lengths = written(&self.min, MIN).zip(self.total.as_ref().and_then(length));
        if let Some((min, total)) = lengths.filter(|(min, total)| total <= min) {
            let (min, total) = (values::shown(min), values::shown(total));
            errors.at(at, format!("no second attempt begins within `total` ({total}), since it is not longer than `min` ({min}); make `min` shorter"));
        }
    }
}

/// An item of `when(..)`.
fn named(item: Item, generics: &Generics) -> Result<Matcher> {
    match item {
        Item::Pattern(Pat::Wild(all), None) => {
            Err(Error::new_spanned(all, "without `when(..)` every failure is retried; remove it"))
        }
        item => lists::of_error(item, generics),
    }
}

fn attempts(key: &Key, value: Expr) -> Result<Setting> {
    if values::number(&value).is_some_and(|digits| digits.starts_with('-') || matches!(digits.as_str(), "0" | "1")) {
        let fix =
            "`attempts` counts the first call too, so a retry has 2 or more; to have no retries, remove `#[retry]`";
        return Err(Error::new_spanned(value, fix));
    }
    values::in_place(key, value)
}

/// Refuses functions that cannot be called a second time.
fn check_function(function: &Function, form: &Form, at: Span, errors: &mut Errors) {
    match form {
        Form::Async => {}
        Form::Future(future) if future.tail.is_some() => {}
        Form::Sync => errors.at(at, "`#[retry]` needs an `async fn`: a function that is not async would block its thread for seconds between two attempts; make it `async`, or remove `#[retry]` and call it again where the caller may wait"),
        Form::Future(_) => errors.at(
            at,
            "`#[retry]` runs the body for each attempt, but this body runs once, when the function is called; write an `async fn`, or end the body with `async move { .. }` or `Box::pin(async move { .. })`, and write only `let` statements without `?` and `return` before it",
        ),
    }
    no_self_in_a_string(function, form, errors);
    if let Some(receiver) = function.sig.receiver().filter(|receiver| by_value(receiver)) {
        let fix =
            "`#[retry]` needs `self` for each attempt, but the first one would use it up; take `&self` or `&mut self`";
        errors.under(receiver, fix);
    }
}

/// Refuses `{self}` in a string: in an async block of the user's, `&mut self` gets another name.
fn no_self_in_a_string(function: &Function, form: &Form, errors: &mut Errors) {
    let Form::Future(future) = form else { return };
    let (Some(FnArg::Receiver(receiver)), Some(tail)) = (function.sig.inputs.first(), &future.tail) else { return };
    let is_unique = match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_some(),
        ReceiverKind::Typed(_, ty) => params::ownership(ty) == params::Ownership::Unique,
        _ => false,
    };
    if let (true, Some(at)) = (is_unique, identifiers::self_in_a_string(&tail.block.stream())) {
        errors.at(
            at,
            "with `#[retry]` a format string cannot name a `&mut self`; pass it as an argument: `\"{:?}\", self`",
        );
    }
}

fn by_value(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(..) => false,
        ReceiverKind::Typed(_, ty) => params::ownership(ty) == params::Ownership::Owned,
        _ => true,
    }
}
