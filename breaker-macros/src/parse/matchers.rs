//! Reads the items of lists such as `exclude(..)`. `validate` decides what a path among them means.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{Error, Expr, Pat, Path, Result, Token, Type, TypePath, parenthesized, token};

/// One item of a list, as written.
pub(crate) enum Item {
    /// A path alone. Its spelling decides whether it is a type, a variant or a predicate.
    Path(TypePath),
    /// `type(T)`
    Type(Type),
    /// A pattern, with or without a guard, or `pat(PATTERN)`.
    Pattern(Pat, Option<Guard>),
    /// A closure, or `fn(F)`.
    Predicate(Expr),
}

/// `if EXPR` behind a pattern.
pub(crate) struct Guard {
    pub(crate) keyword: Token![if],
    pub(crate) condition: Expr,
}

pub(crate) fn item(input: ParseStream<'_>) -> Result<Item> {
    if input.peek(Token![type]) && input.peek2(token::Paren) {
        input.parse::<Token![type]>()?;
        return inside(input, |input| Ok(Item::Type(input.parse()?)));
    }
    if input.peek(Token![fn]) && input.peek2(token::Paren) {
        input.parse::<Token![fn]>()?;
        return inside(input, |input| Ok(Item::Predicate(input.parse()?)));
    }
    if input.fork().parse::<Ident>().is_ok_and(|word| word == "pat") && input.peek2(token::Paren) {
        input.parse::<Ident>()?;
        return inside(input, pattern);
    }
    if input.peek(Token![|]) || input.peek(Token![||]) || input.peek(Token![move]) {
        return Ok(Item::Predicate(input.parse()?));
    }
    not_an_expression(input)?;
    let ahead = input.fork();
    if ahead.parse::<TypePath>().is_ok() && (ahead.is_empty() || ahead.peek(Token![,])) {
        return Ok(Item::Path(input.parse()?));
    }
    pattern(input)
}

/// Refuses `error.is_empty()` and `status == 404`, which begin like items.
fn not_an_expression(input: ParseStream<'_>) -> Result<()> {
    let never_begins = input.peek(Token![!])
        || input.peek(Token![if])
        || input.peek(Token![dyn])
        || input.peek(Token![async])
        || input.peek(Token![*])
        || input.peek(token::Brace);
    if never_begins {
        let fix = "an item is a type, a pattern or a predicate: `NotFound`, `ApiError::Http(404)`, `|error| ..`";
        return Err(input.error(fix));
    }
    let ahead = input.fork();
    if ahead.parse::<Path>().is_err() {
        return Ok(());
    }
    if ahead.peek(Token![=]) && !ahead.peek(Token![==]) && !ahead.peek(Token![=>]) {
        return Err(Error::new(input.span(), "an item has no value; keys belong beside the list, not in it"));
    }
    let is_operator = ahead.peek(Token![.]) && !ahead.peek(Token![..])
        || ahead.peek(Token![==])
        || ahead.peek(Token![!=])
        || ahead.peek(Token![&&]);
    if is_operator {
        return Err(Error::new(input.span(), "an expression is written as a predicate: `|error| ..`"));
    }
    Ok(())
}

/// Reads the one thing in the parentheses of `type(..)`, `pat(..)` or `fn(..)`.
fn inside(input: ParseStream<'_>, read: fn(ParseStream<'_>) -> Result<Item>) -> Result<Item> {
    let content;
    let parens = parenthesized!(content in input);
    if content.is_empty() {
        return Err(Error::new(parens.span.join(), "these parentheses need something to match"));
    }
    let item = read(&content)?;
    let _: Option<Token![,]> = content.parse()?;
    if content.is_empty() {
        Ok(item)
    } else {
        Err(content.error("only one item goes in here; write a second one beside it"))
    }
}

fn pattern(input: ParseStream<'_>) -> Result<Item> {
    if !input.peek(token::Paren) && input.peek(Token![=]) {
        return Err(input.error("an item is a type, a pattern or a predicate"));
    }
    let pattern = Pat::parse_multi_with_leading_vert(input)?;
    let keyword: Option<Token![if]> = input.parse()?;
    let guard = keyword.map(|keyword| Ok::<_, Error>(Guard { keyword, condition: input.parse()? }));
    Ok(Item::Pattern(pattern, guard.transpose()?))
}
