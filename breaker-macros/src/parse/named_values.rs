//! Reads lists of named values, such as those of `#[retry(..)]` and of `backoff(..)`.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Error, Expr, Result, Token, parenthesized, token};

use super::aliases;
use super::keys::{self, Key, Shape};
use super::list;
use super::matchers::Item;
use super::suggest;
use super::value;
use crate::diagnostics::Errors;

/// The names of one list.
pub(crate) struct Names {
    /// What messages call the attribute or key of the list.
    pub(crate) of: &'static str,
    pub(crate) keys: &'static [Key],
    /// Words of other libraries, with the name that has that meaning.
    pub(crate) aliases: &'static [(&'static str, &'static str)],
}

/// Those of `backoff` and of `stream`.
const BACKOFF: Names = Names { of: "`backoff`", keys: &keys::BACKOFF, aliases: &aliases::BACKOFF };
const STREAM: Names = Names { of: "`stream`", keys: &keys::STREAM, aliases: &aliases::STREAM };

/// One value, as written; a name alone has none.
pub(crate) struct Named {
    pub(crate) key: &'static Key,
    pub(crate) at: Span,
    pub(crate) value: Option<Expr>,
    /// The items of a key with a list.
    pub(crate) items: Vec<Item>,
}

/// Reads what follows a key that is alone, or has its values in parentheses.
pub(super) fn maybe_list(input: ParseStream<'_>, errors: &mut Errors, key: &Key, at: &Ident) -> Result<Vec<Named>> {
    let (name, example) = (key.name, key.example);
    let names = if name == "stream" { &STREAM } else { &BACKOFF };
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Vec::new());
    }
    if !input.peek(token::Paren) {
        let fix = format!("`{name}` takes no value, or its values in parentheses: `{example}`");
        return Err(Error::new(input.span(), fix));
    }
    let content;
    parenthesized!(content in input);
    if content.is_empty() {
        let fix = format!("`{name}()` is empty; write `{name}` alone for its defaults, or give values: `{example}`");
        return Err(Error::new(at.span(), fix));
    }
    Ok(named_values(&content, errors, names))
}

/// Reads `NAME = EXPR, ..` to its end, and refuses a name that is written twice.
pub(crate) fn named_values(input: ParseStream<'_>, errors: &mut Errors, names: &Names) -> Vec<Named> {
    let mut first: Vec<Named> = Vec::new();
    for named in list::list(input, errors, |input, errors| one(input, errors, names)) {
        let name = named.key.name;
        if first.iter().all(|earlier| earlier.key.name != name) {
            first.push(named);
        } else {
            errors.at(named.at, format!("`{name}` is written twice; remove one"));
        }
    }
    first
}

fn one(input: ParseStream<'_>, errors: &mut Errors, names: &Names) -> Result<Named> {
    if input.fork().call(Ident::parse_any).is_err() {
        let example = names.keys.first().map_or("", |key| key.example);
        return Err(input.error(format!("{} takes names and their values, for instance `{example}`", names.of)));
    }
    let at = input.call(Ident::parse_any)?;
    let word = at.unraw().to_string();
    let known = names.keys.iter().find(|key| key.name == word);
    let key =
        known.ok_or_else(|| Error::new(at.span(), suggest::no_name(names.of, &word, names.keys, names.aliases)))?;
    if key.shape == Shape::List {
        let items = list::items(input, errors, key, &at)?;
        return Ok(Named { key, at: at.span(), value: None, items });
    }
    let alone = key.shape == Shape::Maybe && (input.is_empty() || input.peek(Token![,]));
    let value = if alone { None } else { Some(value::value(input, key, &at)?) };
    Ok(Named { key, at: at.span(), value, items: Vec::new() })
}
