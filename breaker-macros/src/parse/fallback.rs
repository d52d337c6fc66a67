//! Reads `#[fallback(..)]`: steps in their order, and then `on(..)`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprCall, ExprClosure, ExprPath, Result, Token};

use super::cache::{self, Cache};
use super::fallback_hints;
use super::list;
use crate::diagnostics::Errors;

/// One fallback of the chain.
pub(crate) struct Step {
    /// The name that metadata and metrics show.
    pub(crate) source: String,
    pub(crate) kind: Kind,
    /// Its own time limit, as written in `within(LIMIT, STEP)`.
    pub(crate) limit: Option<Box<Expr>>,
}

pub(crate) enum Kind {
    /// Called with the function's own arguments.
    Path(ExprPath),
    /// Gets the rejection.
    Closure(ExprClosure),
    /// `value(EXPR)`
    Value(Expr),
    /// `cache(key = EXPR, ..)`
    Cache(Box<Cache>),
}

/// When the steps are tried.
#[derive(Clone, Copy, Default)]
pub(crate) struct On {
    /// Every rejection.
    pub(crate) open: bool,
    /// Rejections because of `max_concurrent`.
    pub(crate) busy: bool,
    pub(crate) timeout: Option<Span>,
    pub(crate) failure: bool,
}

impl On {
    /// True where a step may run after the body, which has had the arguments.
    pub(crate) fn after_body(self) -> bool {
        self.failure || self.timeout.is_some()
    }
}

pub(crate) struct Chain {
    pub(crate) steps: Vec<Step>,
    pub(crate) on: On,
}

enum Part {
    Step(Step),
    On(On, Span),
}

pub(crate) fn parse(tokens: TokenStream, at: Span, errors: &mut Errors) -> Chain {
    let mut parts = Vec::new();
    let read = |input: ParseStream<'_>| {
        parts = list::list(input, errors, part);
        Ok(())
    };
    let none = tokens.is_empty();
    let whole = read.parse2(tokens);
    errors.take(whole);
    if none || matches!(parts[..], [Part::On(..)]) {
        let fix = "`#[fallback(Self::from_cache)]`, `#[fallback(|rejection| ..)]` or `#[fallback(value(..))]`";
        errors.at(at, format!("`#[fallback]` needs a step: {fix}"));
    }
    chain(parts, errors)
}

fn chain(parts: Vec<Part>, errors: &mut Errors) -> Chain {
    let mut chain = Chain { steps: Vec::new(), on: On { open: true, ..On::default() } };
    let mut seen = None;
    for part in parts {
        match (part, seen) {
            (Part::On(on, at), None) => {
                chain.on = on;
                seen = Some(at);
            }
            (Part::On(_, at), Some(_)) => errors.at(at, "`on(..)` is written twice; put all words into one"),
            (Part::Step(step), None) => chain.steps.push(step),
            (Part::Step(step), Some(at)) => {
                errors.at(at, "`on(..)` goes after the last step");
                chain.steps.push(step);
                // Reported once, for the first step that follows.
                seen = None;
            }
        }
    }
    chain
}

fn part(input: ParseStream<'_>, errors: &mut Errors) -> Result<Part> {
    let named = input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]);
    let source = if named {
        let name = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        if name == "on" && !input.peek(syn::token::Paren) {
            return Err(Error::new(name.span(), "`on` takes its words in parentheses: `on(open, failure)`"));
        }
        Some(name.unraw().to_string())
    } else {
        None
    };
    if source.is_some() && (input.is_empty() || input.peek(Token![,])) {
        return Err(input.error("a source's name is followed by its step: `l1_cache = Self::cached_answer`"));
    }
    match (input.parse::<Expr>()?, source) {
        (Expr::Call(call), None) if is_word(&call, "on") => Ok(Part::On(on(&call)?, call.span())),
        (step, source) => Ok(Part::Step(self::step(step, source, errors)?)),
    }
}

fn step(step: Expr, source: Option<String>, errors: &mut Errors) -> Result<Step> {
    let (kind, default) = match step {
        Expr::Group(group) => return self::step(*group.expr, source, errors),
        Expr::Path(path) if path.path.is_ident("None") => {
            return Err(Error::new_spanned(
                path,
                "a step needs an answer; remove this one, or write `value(None)` to serve `None`",
            ));
        }
        Expr::Path(path) => {
            let last = path.path.segments.last().map(|last| last.ident.unraw().to_string());
            (Kind::Path(path), last.unwrap_or_default())
        }
        Expr::Closure(closure) => (Kind::Closure(one_argument(closure)?), "closure".to_owned()),
        Expr::Call(call) if is_word(&call, "value") => (Kind::Value(only_argument(call)?), "value".to_owned()),
        Expr::Call(call) if is_word(&call, "cache") => {
            (Kind::Cache(Box::new(cache::cache(call, errors))), "cache".to_owned())
        }
        Expr::Call(call) if is_word(&call, "within") => return within(call, source, errors),
        other => return Err(no_step(&other)),
    };
    Ok(Step { source: source.unwrap_or(default), kind, limit: None })
}

// Input: `within("500ms", STEP)`
fn within(call: ExprCall, source: Option<String>, errors: &mut Errors) -> Result<Step> {
    let span = call.span();
    let mut arguments = call.args.into_iter();
    let (Some(limit), Some(inner), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        let fix = "`within(..)` takes a time limit and a step: `within(\"500ms\", Self::cached)`";
        return Err(Error::new(span, fix));
    };
    let at = inner.span();
    let step = step(inner, source, errors)?;
    let refused = match (&step.kind, &step.limit) {
        (_, Some(_)) => "a step has one time limit; remove one `within(..)`",
        (Kind::Value(_), None) => "`value(..)` does not wait, so it needs no time limit",
        (Kind::Cache(_), None) => "a `cache(..)` has a time limit already: 250 ms for its store",
        _ => return Ok(Step { limit: Some(Box::new(limit)), ..step }),
    };
    Err(Error::new(at, refused))
}

fn no_step(step: &Expr) -> Error {
    let message = match step {
        Expr::Call(call) if is_word(call, "on") => "`on(..)` has no source name".to_owned(),
        Expr::Call(_) | Expr::MethodCall(_) | Expr::Field(_) | Expr::Lit(_) => fallback_hints::no_step(step),
        _ => "a step is a path, a closure `|rejection| ..`, `value(..)` or `cache(..)`".to_owned(),
    };
    Error::new_spanned(step, message)
}

fn is_word(call: &ExprCall, word: &str) -> bool {
    matches!(&*call.func, Expr::Path(path) if path.path.is_ident(word))
}

fn one_argument(closure: ExprClosure) -> Result<ExprClosure> {
    if closure.inputs.len() == 1 {
        return Ok(closure);
    }
    let (begin, inputs, end) = (&closure.inputs_begin, &closure.inputs, &closure.inputs_end);
    let bars = quote::quote!(#begin #inputs #end);
    Err(Error::new_spanned(
        bars,
        "a fallback's closure takes one argument, the rejection: `|rejection| ..` or `|_| ..`",
    ))
}

fn only_argument(call: ExprCall) -> Result<Expr> {
    let span = call.span();
    let mut arguments = call.args.into_iter();
    match (arguments.next(), arguments.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(Error::new(span, "`value(..)` needs the value to serve: `value(Vec::new())`")),
        (Some(_), Some(_)) => Err(Error::new(span, "`value(..)` takes one value; a tuple has parentheses of its own")),
    }
}

fn on(call: &ExprCall) -> Result<On> {
    let mut on = On::default();
    let mut seen = Vec::new();
    let mut errors = Errors::default();
    for word in &call.args {
        let written = quote::ToTokens::to_token_stream(word).to_string();
        let Some(known) = errors.take(fallback_hints::on_word(&written, word.span())) else { continue };
        if seen.contains(&known) {
            errors.at(word.span(), format!("`{known}` is written twice"));
        }
        seen.push(known);
        match known {
            "open" => on.open = true,
            "busy" => on.busy = true,
            "timeout" => on.timeout = Some(word.span()),
            _ => on.failure = true,
        }
    }
    if call.args.is_empty() {
        errors.at(call.span(), "`on()` is empty: it takes `open`, `busy`, `timeout`, `failure`");
    }
    errors.finish().map(|()| on)
}
