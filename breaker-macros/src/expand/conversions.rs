//! Moves conversions at the start of a body before the first attempt of a `#[retry]`.
//!
//! No attempt can clone an `impl Into<String>`. Where the body begins with `let name =
//! name.into();`, the expansion does that once, and each attempt has a clone of the result.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::{ToTokens as _, quote_spanned};
use syn::{FnArg, Pat, Type, TypeParamBound};

use super::context::Context;
use super::kept_args;
use crate::identifiers;
use crate::item::params::{Ownership, Param};
use crate::validate::cache::caches;
use crate::validate::retry::Retry;

/// One conversion at the start of a body.
pub(super) struct Conversion {
    pub(super) name: Ident,
    /// The statement without `mut`, which the body gets.
    statement: TokenStream,
}

impl Context<'_> {
    // Output: `let name: T = name.into();`
    pub(super) fn converted_once(&self) -> TokenStream {
        self.conversions().0.into_iter().map(|made| made.statement).collect()
    }

    /// Whether the argument is converted before the first attempt.
    pub(super) fn is_converted(&self, name: &Ident) -> bool {
        self.conversions().0.iter().any(|made| made.name == *name)
    }

    /// Whether the argument could be converted at the start of the body: it is an `impl Into<T>` or
    /// the like.
    pub(super) fn could_be_converted(&self, name: &Ident) -> bool {
        let is_it = |pat: &Pat| matches!(pat, Pat::Ident(pat) if pat.ident == *name);
        let converts = self.plan.function.sig.inputs.iter().any(|input| match input {
            FnArg::Typed(typed) if is_it(&typed.pat) => {
                matches!(&*typed.ty, Type::ImplTrait(ty) if ty.bounds.iter().any(is_conversion))
            }
            _ => false,
        });
        converts && self.tail().is_none() && self.plan.params.iter().any(|param| self.is_only_the_bodys(param, name))
    }

    /// The conversions at the start of the body, and its rest.
    pub(super) fn conversions(&self) -> (Vec<Conversion>, TokenStream) {
        let code = self.block().stream();
        if self.plan.retry.is_none() || self.tail().is_some() {
            return (Vec::new(), code);
        }
        split(code, |name| {
            self.is_generic(name) && self.plan.params.iter().any(|param| self.is_only_the_bodys(param, name))
        })
    }

    /// True for an argument by value that nothing but the body uses.
    fn is_only_the_bodys(&self, param: &Param, name: &Ident) -> bool {
        let mut other_code: TokenStream = self.plan.key.iter().map(quote::ToTokens::to_token_stream).collect();
        other_code.extend(caches(self.plan.chain.as_ref()).map(|(_, cache)| cache.key.to_token_stream()));
        other_code.extend(self.plan.rules.code());
        other_code.extend(self.plan.retry.iter().map(Retry::code));
        other_code.extend(self.plan.open.iter().map(quote::ToTokens::to_token_stream));
        let mut steps = self.plan.chain.iter().flat_map(|chain| &chain.steps);
        let is_it =
            param.ownership == Ownership::Owned && param.plain_name().is_some_and(|binding| binding.ident == *name);
        is_it && !identifiers::mentions(&other_code, name) && !steps.any(|step| kept_args::uses(step, param, name))
    }
}

fn is_conversion(bound: &TypeParamBound) -> bool {
    const CONVERSIONS: [&str; 5] = ["Into", "TryInto", "AsRef", "Borrow", "ToString"];
    let name = match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    };
    name.is_some_and(|name| CONVERSIONS.contains(&name.as_str()))
}

// Input:  `let mut a = a.into(); let b: T = b.as_ref().to_owned(); REST`
// Output: `let a = a.into();`, `let b: T = b.as_ref().to_owned();`, and `let mut a = a; REST`
fn split(code: TokenStream, may_be: impl Fn(&Ident) -> bool) -> (Vec<Conversion>, TokenStream) {
    let trees: Vec<TokenTree> = code.into_iter().collect();
    let (mut made, mut redeclared, mut rest) = (Vec::new(), TokenStream::new(), &trees[..]);
    while let Some((one, mutable, behind)) = first(rest).filter(|(one, ..)| may_be(&one.name)) {
        if let Some(mutable) = mutable {
            let name = &one.name;
            redeclared.extend(quote_spanned!(name.span()=> let #mutable #name = #name;));
        }
        made.push(one);
        rest = behind;
    }
    redeclared.extend(rest.iter().cloned());
    (made, redeclared)
}

type First<'t> = (Conversion, Option<Ident>, &'t [TokenTree]);

/// The first statement, if it is a conversion, with its `mut` and the rest.
fn first(trees: &[TokenTree]) -> Option<First<'_>> {
    let [TokenTree::Ident(keyword), behind @ ..] = trees else { return None };
    let (mutable, behind) = match behind {
        [TokenTree::Ident(mutable), behind @ ..] if mutable == "mut" => (Some(mutable.clone()), behind),
        _ => (None, behind),
    };
    let [TokenTree::Ident(name), typed @ ..] = behind else { return None };
    let end = typed.iter().position(|tree| is_punct(tree, ';'))?;
    let (statement, behind) = typed.split_at(end + 1);
    let equals = statement.iter().rposition(|tree| is_punct(tree, '='))?;
    let (ty, value) = statement.split_at(equals);
    let is_typed = ty.is_empty() || is_punct(&ty[0], ':');
    if keyword != "let" || !is_typed || !is_chain(&value[1..value.len() - 1], name) {
        return None;
    }
    let mut tokens: TokenStream = [keyword.clone(), name.clone()].into_iter().map(TokenTree::Ident).collect();
    tokens.extend(statement.iter().cloned());
    Some((Conversion { name: name.clone(), statement: tokens }, mutable, behind))
}

/// Whether these are `name.into()`, `name.as_ref().to_owned()`, and the like.
fn is_chain(trees: &[TokenTree], name: &Ident) -> bool {
    let [TokenTree::Ident(first), calls @ ..] = trees else { return false };
    let is_call = |call: &[TokenTree]| match call {
        [dot, TokenTree::Ident(_), TokenTree::Group(arguments)] => {
            is_punct(dot, '.') && arguments.delimiter() == Delimiter::Parenthesis && arguments.stream().is_empty()
        }
        _ => false,
    };
    first == name && !calls.is_empty() && calls.chunks(3).all(is_call)
}

fn is_punct(tree: &TokenTree, sign: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == sign)
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn read(code: TokenStream) -> (Vec<String>, String) {
        let (made, rest) = split(code, |name| name != "other");
        (made.iter().map(|made| made.statement.to_string()).collect(), rest.to_string())
    }

    #[test]
    fn leading_conversions_are_taken_off_and_nothing_else() {
        let (made, rest) = read(quote!(let mut a = a.into(); let b: Vec<u8> = b.as_ref().to_owned(); f(a, b)));
        assert_eq!(made, ["let a = a . into () ;", "let b : Vec < u8 > = b . as_ref () . to_owned () ;"]);
        assert_eq!(rest, "let mut a = a ; f (a , b)");
        for code in [
            quote!(let a = b.into();),
            quote!(let other = other.into();),
            quote!(let a = a.into()?;),
            quote!(let a = a.parse().await;),
            quote!(let a = a.get(1);),
            quote!(let a = a;),
            quote!(let (a, b) = a.into();),
            quote!(f(); let a = a.into();),
            quote!(let a = a.into()),
            quote!(),
        ] {
            assert!(read(code.clone()).0.is_empty(), "{code}");
        }
    }
}
