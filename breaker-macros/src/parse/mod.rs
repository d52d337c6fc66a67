//! Reads the attributes: tokens in, options with their spans out.
//!
//! Nothing here checks a rule; `validate` does. After a mistake the parser goes on at the next
//! comma, so that one build reports all mistakes of an attribute.
//!
//! | file | what it does |
//! | --- | --- |
//! | this one | reads `#[circuit_breaker(..)]` |
//! | `keys` | lists the keys of all attributes |
//! | `aliases` | lists words of other libraries for them |
//! | `suggest` | finds the nearest name, and writes the message about it |
//! | `list`, `value`, `named_values`, `matchers` | read the parts that several keys share |
//! | `retry` | reads `#[retry(..)]` |
//! | `fallback`, `fallback_hints`, `cache` | read `#[fallback(..)]` and its steps |
//!
//! May use: `diagnostics` and what is below it, and no other folder.
//!
//! To add a key:
//!
//! 1. Add a row to `keys`, and to `aliases` what other libraries call it.
//! 2. Read its value in `validate::values`, and its conflicts with others in
//!    `validate::combinations`.
//! 3. Write its setter in `expand::config`. The run-time half needs a setter of that name.
//! 4. Describe it in `docs/settings.toml` of the repository, which fills the attribute's page.
//! 5. Add a case to `tests/ui/fail` for each new message.

mod aliases;
pub(crate) mod cache;
pub(crate) mod fallback;
mod fallback_hints;
pub(crate) mod keys;
mod list;
pub(crate) mod matchers;
pub(crate) mod named_values;
pub(crate) mod retry;
pub(crate) mod suggest;
mod value;

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Expr, Path, Result, Token};

use self::keys::{Key, Shape};
use self::matchers::Item;
use self::named_values::Named;
use crate::diagnostics::{Errors, quoted};

/// One option of the attribute, as written.
pub(crate) struct Opt {
    pub(crate) key: &'static Key,
    pub(crate) at: Ident,
    pub(crate) value: Value,
}

/// What follows a key.
pub(crate) enum Value {
    /// `key = EXPR`
    Expr(Expr),
    /// `crate = PATH`
    Path(Path),
    /// `key(ITEM, ..)`
    Items(Vec<Item>),
    /// `key`, or `key(NAME = EXPR, ..)`
    Named(Vec<Named>),
    /// `key`
    Alone,
}

/// Reads the arguments of `#[circuit_breaker(..)]`.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Vec<Opt> {
    let mut options = Vec::new();
    let read = |input: ParseStream<'_>| {
        options = list::list(input, errors, option);
        Ok(())
    };
    let whole = read.parse2(tokens);
    errors.take(whole);
    options
}

fn option(input: ParseStream<'_>, errors: &mut Errors) -> Result<Opt> {
    if let Ok(text) = input.fork().parse::<syn::LitStr>() {
        return Err(Error::new(text.span(), lone_text(&text, input)));
    }
    let Ok(at) = input.call(Ident::parse_any) else {
        return Err(
            input.error(format!("expected a key and its value, for instance `{}`", keys::CIRCUIT_BREAKER[1].example))
        );
    };
    value::is_key(input, &at)?;
    let key = known(&at)?;
    let value = match key.shape {
        Shape::Value => Value::Expr(value::value(input, key, &at)?),
        Shape::Crate => Value::Path(value::krate(input, key, &at)?),
        Shape::List => Value::Items(list::items(input, errors, key, &at)?),
        Shape::Named => Value::Named(named_values::maybe_list(input, errors, key, &at)?),
        Shape::Maybe if value::at_an_end(input) => Value::Alone,
        Shape::Maybe => Value::Expr(value::value(input, key, &at)?),
    };
    Ok(Opt { key, at, value })
}

/// The message for a text in the place of a key: the name, or a key in quotes.
fn lone_text(text: &syn::LitStr, input: ParseStream<'_>) -> String {
    if input.peek2(Token![=]) || input.peek2(Token![:]) {
        return format!("a key has no quotes: `{} = ..`", text.value());
    }
    if text.value().contains('=') {
        return format!("a key and its value are not in quotes: `{}`", text.value());
    }
    format!("write the name with its key: `name = {}`", quoted(&text.value()))
}

/// The key of this name; a message about the nearest one for any other word.
fn known(written: &Ident) -> Result<&'static Key> {
    let word = written.unraw().to_string();
    let known = keys::CIRCUIT_BREAKER.iter().find(|key| key.name == word);
    known.ok_or_else(|| Error::new(written.span(), suggest::no_key(&word)))
}
