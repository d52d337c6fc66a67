//! Holds the options of one attribute, and the plan of an expansion.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::{Expr, Generics, Path};

use super::cache::Bounds;
use super::classification;
use super::classification::lists::{Classify, Rules, otherwise};
use super::retry::Retry;
use super::return_value::ReturnKind;
use super::shape::Form;
use super::stream::Streaming;
use super::values::{self, Setting};
use crate::diagnostics::Errors;
use crate::item::Function;
use crate::item::params::{self, Param};
use crate::parse::fallback::{Chain, Kind};
use crate::parse::keys::Key;
use crate::parse::{Opt, Value};

/// All that `expand` needs.
pub(crate) struct Plan {
    /// The crate of the run-time half, if it is not `::breaker_core`.
    pub(crate) krate: Option<TokenStream>,
    pub(crate) name: Option<Expr>,
    /// `key = EXPR`, evaluated for each call
    pub(crate) key: Option<Expr>,
    /// `config = PATH`
    pub(crate) config: Option<Expr>,
    /// `open = PATH`, which makes the error of a rejection
    pub(crate) open: Option<Expr>,
    /// `None` for a function that returns a `Result`
    pub(crate) returns: Option<ReturnKind>,
    pub(crate) settings: Vec<(&'static Key, Span, Setting)>,
    pub(crate) rules: Rules,
    pub(crate) chain: Option<Chain>,
    /// Of the built-in caches of `cache(..)` steps
    pub(crate) bounds: Vec<Bounds>,
    pub(crate) retry: Option<Retry>,
    pub(crate) params: Vec<Param>,
    pub(crate) form: Form,
    pub(crate) function: Function,
}

/// What the options of the attribute say.
#[derive(Default)]
pub(crate) struct Options {
    pub(super) krate: Option<Path>,
    pub(super) name: Option<Expr>,
    pub(super) key: Option<Expr>,
    pub(super) config: Option<Expr>,
    pub(super) open: Option<Expr>,
    pub(crate) settings: Vec<(&'static Key, Span, Setting)>,
    pub(super) rules: Rules,
    /// Every key on the attribute, and its place.
    pub(super) written: Vec<(&'static str, Span)>,
}

impl Options {
    pub(super) fn add(&mut self, option: Opt, generics: &Generics, errors: &mut Errors) {
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
            ("otherwise", Value::Expr(expr)) => self.rules.otherwise = errors.take(otherwise(&expr)),
            (_, Value::Expr(expr)) => {
                let setting = errors.take(values::setting(key, expr));
                self.settings.extend(setting.map(|setting| (key, at, setting)));
            }
        }
    }

    /// The place of the key, with a right value or a wrong one.
    pub(super) fn at(&self, name: &str) -> Option<Span> {
        self.written.iter().find(|(key, _)| *key == name).map(|(_, at)| *at)
    }

    pub(super) fn finish(self, mut function: Function, form: Form, chain: Option<Chain>, retry: Option<Retry>) -> Plan {
        let Options { krate, name, key, config, open, settings, rules, written: _ } = self;
        let steps = chain.iter().flat_map(|chain| &chain.steps);
        let whole = steps.into_iter().any(|step| matches!(step.kind, Kind::Path(_)));
        let params = match &form {
            Form::Future(future) if future.tail.is_some() => params::leave(&mut function.sig, whole),
            _ => params::take(&mut function.sig, whole),
        };
        let krate = krate.map(Path::into_token_stream);
        let (bounds, returns) = (Vec::new(), None);
        Plan { krate, name, key, config, open, returns, settings, rules, chain, bounds, retry, params, form, function }
    }
}
