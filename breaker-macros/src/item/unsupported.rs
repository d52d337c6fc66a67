//! Refuses items that are neither functions nor impl blocks, by their name and at their keyword.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Error, Result, Token, Visibility, token};

const ITEMS: [(&str, &str); 8] = [
    ("struct", "a struct"),
    ("enum", "an enum"),
    ("union", "a union"),
    ("trait", "a trait"),
    ("mod", "a module"),
    ("static", "a static"),
    ("type", "a type alias"),
    ("use", "an import"),
];

/// Looks ahead, past the visibility, and fails unless a `fn` follows.
pub(super) fn refuse(input: ParseStream<'_>) -> Result<()> {
    let ahead = input.fork();
    ahead.parse::<Visibility>()?;
    while !ahead.peek(Token![fn]) {
        let span = ahead.span();
        if let Some(name) = next(&ahead) {
            return Err(Error::new(span, refusal(name)));
        }
    }
    Ok(())
}

/// Takes one word that may come before `fn`. Else it returns the name of the item.
fn next(ahead: ParseStream<'_>) -> Option<&'static str> {
    if ahead.peek(token::Brace) {
        return Some("a foreign block");
    }
    // The ABI of `extern "Rust"`.
    if ahead.peek(syn::LitStr) {
        return ahead.parse::<syn::LitStr>().err().map(|_| "");
    }
    let Ok(word) = ahead.call(Ident::parse_any) else {
        return Some("");
    };
    match word.to_string().as_str() {
        "const" if ahead.peek2(Token![:]) => Some("a constant"),
        "const" | "async" | "unsafe" | "extern" | "default" | "auto" => None,
        "safe" => Some("a foreign function"),
        word => Some(ITEMS.iter().find(|(keyword, _)| word == *keyword).map_or("", |(_, name)| name)),
    }
}

fn refusal(name: &str) -> String {
    match name {
        "a trait" => "`#[circuit_breaker]` goes on a function or an impl block, not on a trait; put it on the methods of its impls".to_owned(),
        "" => "`#[circuit_breaker]` goes on a function or an impl block".to_owned(),
        name => format!("`#[circuit_breaker]` goes on a function or an impl block, not on {name}"),
    }
}
