//! Makes a matcher of each item, and refuses patterns that match by accident.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprPath, Generics, Pat, PatIdent, PatRest, PatStruct, Path, Result, Token, Type, TypePath};

use crate::parse::matchers::{Guard, Item};
use crate::spans::mixed;

/// A test of one error or value.
pub(crate) enum Matcher {
    Type(Type),
    Pattern(Pat, Option<Guard>),
    Predicate(Expr),
}

/// The guards and predicates of these matchers.
pub(crate) fn code_of<'t>(tests: impl Iterator<Item = &'t Matcher>) -> TokenStream {
    let code = tests.filter_map(|test| match test {
        Matcher::Pattern(_, guard) => guard.as_ref().map(|guard| guard.condition.to_token_stream()),
        Matcher::Predicate(predicate) => Some(predicate.to_token_stream()),
        Matcher::Type(_) => None,
    });
    code.collect()
}

pub(super) fn matcher(item: Item, generics: &Generics) -> Result<Matcher> {
    match item {
        Item::Path(path) => Ok(by_spelling(path, generics)),
        Item::Type(ty) => Ok(Matcher::Type(ty)),
        Item::Predicate(predicate) => Ok(Matcher::Predicate(predicate)),
        Item::Pattern(mut pattern, guard) => {
            if guard.is_none() {
                refuse_catch_all(&pattern)?;
            }
            refuse_call(&pattern)?;
            never_bind(&mut pattern);
            Ok(Matcher::Pattern(pattern, guard))
        }
    }
}

/// `is_client_error` is a predicate, `GenError::Http` a pattern, `errors::HttpError` a type.
fn by_spelling(path: TypePath, generics: &Generics) -> Matcher {
    let names: Vec<&Ident> = path.path.segments.iter().map(|segment| &segment.ident).collect();
    let (last, before) = match names[..] {
        [.., before, last] => (last, Some(before)),
        [last] => (last, None),
        [] => return Matcher::Type(Type::Path(path)),
    };
    let of_a_type = before.is_some_and(|before| before == "Self" || is_type_parameter(before, generics));
    if is_lower(last) {
        Matcher::Predicate(Expr::Path(ExprPath { attrs: Vec::new(), qself: path.qself, path: path.path }))
    } else if path.qself.is_some() || before.is_none_or(is_lower) || (last == "Error" && of_a_type) {
        Matcher::Type(Type::Path(path))
    } else {
        Matcher::Pattern(unit(path.path), None)
    }
}

/// True for a type parameter of the function, and for a name that is spelt like one. Those of an
/// impl block are not known here.
fn is_type_parameter(name: &Ident, generics: &Generics) -> bool {
    let word = name.to_string();
    let mut letters = word.chars();
    let short = letters.next().is_some_and(char::is_uppercase) && letters.all(|c| c.is_ascii_digit());
    short || generics.type_params().any(|param| param.ident == *name)
}

fn first_letter(name: &Ident) -> Option<char> {
    name.unraw().to_string().chars().find(|c| *c != '_')
}

fn is_lower(name: &Ident) -> bool {
    first_letter(name).is_some_and(char::is_lowercase)
}

/// True for SCREAMING_CASE: a constant, or a variant such as `IO`, which works as well.
fn is_screaming(name: &Ident) -> bool {
    let word = name.unraw().to_string();
    word.contains(char::is_alphabetic) && !word.contains(char::is_lowercase)
}

// Input:  `GenError::Validation`
// Output: `GenError::Validation { .. }`
//
// This pattern matches every kind of variant. It is never a binding, which would match every error.
fn unit(path: Path) -> Pat {
    if path.segments.last().is_some_and(|last| is_screaming(&last.ident)) {
        return Pat::Path(ExprPath { attrs: Vec::new(), qself: None, path });
    }
    // At the path, where rustc reports one of another type.
    let braces = syn::token::Brace(path.segments.last().map_or_else(Span::mixed_site, |last| mixed(&last.ident)));
    let rest = PatRest { attrs: Vec::new(), dot2_token: Token![..](Span::mixed_site()) };
    let (attrs, fields) = (Vec::new(), Punctuated::new());
    Pat::Struct(PatStruct { attrs, qself: None, path, brace_token: braces, fields, rest: Some(rest) })
}

/// Refuses a pattern that matches every error.
fn refuse_catch_all(pattern: &Pat) -> Result<()> {
    match pattern {
        Pat::Or(or) => or.cases.iter().try_for_each(refuse_catch_all),
        Pat::Paren(paren) => refuse_catch_all(&paren.pat),
        Pat::Wild(_) => Err(Error::new_spanned(
            pattern,
            "`_` matches every error; say what all other errors are with `otherwise = ..`",
        )),
        Pat::Ident(name) if name.subpat.is_none() && !is_screaming(&name.ident) => {
            let word = &name.ident;
            let fix = format!(
                "as a pattern, `{word}` would match every error; write a variant with its enum (`Enum::{word}`), \
                 or a type as a separate item"
            );
            Err(Error::new_spanned(pattern, fix))
        }
        _ => Ok(()),
    }
}

/// Refuses `is_status(503)`, which reads as a pattern.
fn refuse_call(pattern: &Pat) -> Result<()> {
    match pattern {
        Pat::TupleStruct(call) if call.path.segments.last().is_some_and(|last| is_lower(&last.ident)) => {
            let fix = "this reads as a pattern; write `fn(..)` around a call that returns a predicate, or write a predicate without arguments";
            Err(Error::new_spanned(call, fix))
        }
        Pat::Or(or) => or.cases.iter().try_for_each(refuse_call),
        Pat::Paren(paren) => refuse_call(&paren.pat),
        _ => Ok(()),
    }
}

/// True for a variant or a unit struct, by its spelling, and not for a binding or a constant.
fn is_unit(name: &PatIdent) -> bool {
    let bare = name.by_ref.is_none() && name.mutability.is_none() && name.subpat.is_none();
    bare && !is_lower(&name.ident) && !is_screaming(&name.ident)
}

/// Makes each unit pattern inside a pattern one that cannot be a binding.
fn never_bind(pattern: &mut Pat) {
    match pattern {
        Pat::Ident(name) if is_unit(name) => *pattern = unit(name.ident.clone().into()),
        Pat::Path(path)
            if path.qself.is_none() && path.path.segments.last().is_some_and(|last| !is_lower(&last.ident)) =>
        {
            *pattern = unit(path.path.clone());
        }
        Pat::Ident(name) => name.subpat.iter_mut().for_each(|(_, inner)| never_bind(inner)),
        Pat::Or(or) => or.cases.iter_mut().for_each(never_bind),
        Pat::Paren(paren) => never_bind(&mut paren.pat),
        Pat::Reference(reference) => never_bind(&mut reference.pat),
        Pat::Slice(slice) => slice.elems.iter_mut().for_each(never_bind),
        Pat::Tuple(tuple) => tuple.elems.iter_mut().for_each(never_bind),
        Pat::TupleStruct(tuple) => tuple.elems.iter_mut().for_each(never_bind),
        Pat::Struct(fields) => fields.fields.iter_mut().for_each(|field| never_bind(&mut field.pat)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse::Parser as _;

    use super::*;
    use crate::parse::matchers::item;

    fn read(tokens: TokenStream) -> String {
        let item = item.parse2(tokens).expect("an item");
        let generics: Generics = syn::parse_quote!(<Backend>);
        match matcher(item, &generics).expect("a test") {
            Matcher::Type(ty) => format!("type {}", ty.to_token_stream()),
            Matcher::Pattern(pat, guard) => format!("pat {} {}", pat.to_token_stream(), guard.map_or("", |_| "if")),
            Matcher::Predicate(predicate) => format!("fn {}", predicate.to_token_stream()),
        }
    }

    #[test]
    fn a_path_is_read_by_its_spelling() {
        for (tokens, expected) in [
            (quote!(ValidationError), "type ValidationError"),
            (quote!(errors::ValidationError), "type errors :: ValidationError"),
            (quote!(Box<dyn Error>), "type Box < dyn Error >"),
            (quote!(GenError::Validation), "pat GenError :: Validation { .. } "),
            (quote!(errors::GenError::LIMIT), "pat errors :: GenError :: LIMIT "),
            (quote!(GenError::is_client), "fn GenError :: is_client"),
            (quote!(is_client), "fn is_client"),
            (quote!(Self::Error), "type Self :: Error"),
            (quote!(T::Error), "type T :: Error"),
            (quote!(Backend::Error), "type Backend :: Error"),
            (quote!(<S as Service>::Error), "type < S as Service > :: Error"),
        ] {
            assert_eq!(read(tokens), expected);
        }
    }

    #[test]
    fn the_other_forms() {
        for (tokens, expected) in [
            (quote!(type(u32)), "type u32"),
            (quote!(pat(Kind::A | Kind::Bee)), "pat Kind :: A | Kind :: Bee { .. } "),
            (quote!(fn(is(503))), "fn is (503)"),
            (quote!(|e| e.is_decode()), "fn | e | e . is_decode ()"),
            (quote!(E::Http(s) if s.ok()), "pat E :: Http (s) if"),
            (quote!(E::Http { status: 400..=499, .. }), "pat E :: Http { status : 400 ..= 499 , .. } "),
            (quote!(E::Io(NotFound)), "pat E :: Io (NotFound { .. }) "),
        ] {
            assert_eq!(read(tokens), expected);
        }
    }
}
