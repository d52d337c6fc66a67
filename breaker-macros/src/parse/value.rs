//! Reads `key = VALUE`, and recognises what users write in its place.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, Lit, LitInt, Path, Result, Token, token};

use super::keys::Key;

/// True where nothing follows that could still belong to the element before.
pub(super) fn at_an_end(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

/// Refuses what begins like a key: `fail-max`, `Config::new()`, `SHARED`.
pub(super) fn is_key(input: ParseStream<'_>, at: &Ident) -> Result<()> {
    let word = at.unraw().to_string();
    if input.peek(Token![-]) && input.peek2(Ident::peek_any) {
        let ahead = input.fork();
        ahead.parse::<Token![-]>()?;
        let rest = ahead.call(Ident::parse_any)?;
        return Err(Error::new(at.span(), format!("a key is written with `_`: `{word}_{rest}`")));
    }
    let is_path = input.peek(Token![::]) || input.peek(token::Brace) || at_an_end(input);
    if is_path && word.starts_with(char::is_uppercase) {
        let fix = "to share settings between functions, write them as a const: `config = SHARED`";
        return Err(Error::new(at.span(), format!("`{word}` is not a key; {fix}")));
    }
    Ok(())
}

pub(super) fn value(input: ParseStream<'_>, key: &Key, at: &Ident) -> Result<Expr> {
    equals(input, key, at)?;
    let (name, example) = (key.name, key.example);
    if let Some((percent, sign)) = percent(input) {
        let share = percent / 100.0;
        return Err(Error::new(sign, format!("`{name}` is not written in per cent; did you mean `{share:?}`?")));
    }
    if input.peek(Token![.]) && input.peek2(Lit) {
        return Err(input.error("a number begins with a digit: `0.5`"));
    }
    if let Some((number, length)) = lone_unit(input).filter(|_| example.contains('"')) {
        return Err(Error::new(
            number,
            format!("`{name}` takes its value and unit in quotes: `{name} = \"{length}\"`"),
        ));
    }
    input.parse()
}

/// `50%`, which is no expression.
fn percent(input: ParseStream<'_>) -> Option<(f64, Span)> {
    let ahead = input.fork();
    let number = match ahead.parse::<Lit>().ok()? {
        Lit::Int(int) => int.base10_parse().ok()?,
        Lit::Float(float) => float.base10_parse().ok()?,
        _ => return None,
    };
    let sign: Token![%] = ahead.parse().ok()?;
    at_an_end(&ahead).then(|| (number, sign.span()))
}

/// `30 s`, which is no expression.
fn lone_unit(input: ParseStream<'_>) -> Option<(Span, String)> {
    let ahead = input.fork();
    let number: LitInt = ahead.parse().ok()?;
    let unit: Ident = ahead.parse().ok()?;
    at_an_end(&ahead).then(|| (number.span(), format!("{number}{unit}")))
}

/// Reads the `=` of `key = VALUE`, and refuses it where no value follows.
fn equals(input: ParseStream<'_>, key: &Key, at: &Ident) -> Result<()> {
    let (name, example) = (key.name, key.example);
    if at_an_end(input) {
        return Err(Error::new(at.span(), format!("`{name}` needs a value, for instance `{example}`")));
    }
    if !input.peek(Token![=]) || input.peek(Token![==]) || input.peek(Token![=>]) {
        let fix = suggestion(input).map(|value| format!(": `{name} = {value}`"));
        let fix = fix.unwrap_or_else(|| format!(", for instance `{example}`"));
        return Err(input.error(format!("`{name}` takes its value after `=`{fix}")));
    }
    input.parse::<Token![=]>()?;
    if at_an_end(input) {
        return Err(Error::new(at.span(), format!("`{name}` needs a value, for instance `{example}`")));
    }
    Ok(())
}

/// The value after a wrong sign or in wrong brackets: `5` of `: 5`, `=> 5`, `(5)` and `[5]`.
pub(super) fn suggestion(input: ParseStream<'_>) -> Option<String> {
    let ahead = input.fork();
    let mut value = TokenStream::new();
    while !at_an_end(&ahead) {
        match ahead.parse::<TokenTree>().ok()? {
            TokenTree::Punct(sign) if value.is_empty() && ":=>+".contains(sign.as_char()) => {}
            TokenTree::Group(group)
                if value.is_empty() && at_an_end(&ahead) && group.delimiter() != Delimiter::Brace =>
            {
                value.extend(group.stream());
            }
            tree => value.extend([tree]),
        }
    }
    let plain = value.to_string().replace(" :: ", "::").replace(" ,", ",").replace(" (", "(");
    (!plain.is_empty()).then_some(plain)
}

pub(super) fn krate(input: ParseStream<'_>, key: &Key, at: &Ident) -> Result<Path> {
    equals(input, key, at)?;
    if let Ok(text) = input.fork().parse::<syn::LitStr>() {
        let fix = format!("`crate` takes a path without quotes: `crate = {}`", text.value());
        return Err(Error::new(text.span(), fix));
    }
    input.call(Path::parse_mod_style)
}
