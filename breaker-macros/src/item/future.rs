//! Recognises functions that return a future without being `async`.
//!
//! `#[async_trait]` and `#[async_recursion]` write such functions, and users do.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::{GenericArgument, PathArguments, Token, Type, TypeParamBound};

use crate::identifiers;
use crate::identifiers::ends_in;

/// A future in a return type.
pub(crate) struct Returned {
    /// `R` of `impl Future<Output = R>`.
    pub(crate) output: Type,
    /// True for `Pin<Box<..>>` and for `impl Future + Unpin`, false for any other `impl Future`.
    pub(crate) boxed: bool,
    /// The async block at the end of the body, if the gate can go into it. Else a generated block
    /// awaits the future of the body.
    pub(crate) tail: Option<Tail>,
}

/// `Box::pin(async move { .. })` in its parts.
pub(crate) struct Tail {
    /// The tokens before the async block, on its level.
    pub(crate) head: TokenStream,
    /// `async move`
    pub(crate) keywords: TokenStream,
    pub(crate) block: Group,
    /// The parentheses of `Box::pin(..)`.
    pub(crate) parens: Option<Group>,
    /// `.boxed()`
    pub(crate) rest: TokenStream,
}

/// A return type that looks like a future.
pub(crate) enum FutureType {
    Future {
        output: Box<Type>,
        boxed: bool,
    },
    /// `impl Future` without `Output = ..`.
    NoOutput,
    /// `Box<dyn Future>`, which cannot be polled.
    NotPinned,
}

/// Recognises `impl Future<..>`, `Pin<Box<dyn Future<..>>>` and `BoxFuture<..>`.
pub(crate) fn future_type(ty: &Type) -> Option<FutureType> {
    match ty {
        Type::Group(group) => future_type(&group.elem),
        Type::Paren(paren) => future_type(&paren.elem),
        Type::ImplTrait(ty) => bounds(&ty.bounds),
        Type::TraitObject(ty) => bounds(&ty.bounds),
        Type::Path(ty) if ends_in(&ty.path, "Pin") => match future_type_in_box(argument(ty)?)? {
            FutureType::Future { output, .. } => Some(FutureType::Future { output, boxed: true }),
            other => Some(other),
        },
        Type::Path(ty) if ends_in(&ty.path, "BoxFuture") || ends_in(&ty.path, "LocalBoxFuture") => {
            argument(ty).map(|output| FutureType::Future { output: Box::new(output.clone()), boxed: true })
        }
        Type::Path(_) => match future_type_in_box(ty)? {
            FutureType::Future { .. } => Some(FutureType::NotPinned),
            other => Some(other),
        },
        _ => None,
    }
}

/// The same for what is in a `Box`.
fn future_type_in_box(ty: &Type) -> Option<FutureType> {
    match ty {
        Type::Group(group) => future_type_in_box(&group.elem),
        Type::Path(ty) if ends_in(&ty.path, "Box") => match argument(ty)? {
            found @ (Type::ImplTrait(_) | Type::TraitObject(_) | Type::Group(_) | Type::Paren(_)) => future_type(found),
            _ => None,
        },
        _ => None,
    }
}

/// The first type in the angle brackets of a path.
pub(crate) fn argument(ty: &syn::TypePath) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &ty.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|one| if let GenericArgument::Type(ty) = one { Some(ty) } else { None })
}

fn bounds(bounds: &Punctuated<TypeParamBound, Token![+]>) -> Option<FutureType> {
    let named = |name| {
        bounds.iter().find_map(|bound| match bound {
            TypeParamBound::Trait(bound) if ends_in(&bound.path, name) => bound.path.segments.last(),
            _ => None,
        })
    };
    let future = named("Future")?;
    // No async block is `Unpin`, but a box with one is.
    let boxed = named("Unpin").is_some();
    let PathArguments::AngleBracketed(arguments) = &future.arguments else {
        return Some(FutureType::NoOutput);
    };
    let output = arguments.args.iter().find_map(|one| match one {
        GenericArgument::AssocType(one) if one.ident == "Output" => Some(Box::new(one.ty.clone())),
        _ => None,
    });
    Some(output.map_or(FutureType::NoOutput, |output| FutureType::Future { output, boxed }))
}

/// Finds the async block at the end of a body. The statements before it must not be able to return
/// another future.
///
/// `alone`: there must be no statements, since a fallback needs the arguments as they came in.
pub(crate) fn tail(body: &Group, alone: bool) -> Option<Tail> {
    let mut trees: Vec<TokenTree> = body.stream().into_iter().collect();
    let rest = take_boxed(&mut trees);
    let mut tail = match trees.pop()? {
        TokenTree::Group(parens) if rest.is_empty() && parens.delimiter() == Delimiter::Parenthesis => {
            let mut inner: Vec<TokenTree> = parens.stream().into_iter().collect();
            if matches!(inner.last(), Some(TokenTree::Punct(comma)) if comma.as_char() == ',') {
                inner.pop();
            }
            let (keywords, block) = async_block(&mut inner)?;
            if !inner.is_empty() || !matches!(trees.last(), Some(TokenTree::Ident(name)) if name == "pin") {
                return None;
            }
            Tail { head: TokenStream::new(), keywords, block, parens: Some(parens), rest }
        }
        last => {
            trees.push(last);
            let (keywords, block) = async_block(&mut trees)?;
            Tail { head: TokenStream::new(), keywords, block, parens: None, rest }
        }
    };
    let statements = statements(&trees, tail.parens.is_some())?;
    let eager: TokenStream = trees[..statements].iter().cloned().collect();
    if !eager.is_empty() && (alone || identifiers::may_leave(&eager) || declares(&eager)) {
        return None;
    }
    tail.head = trees.into_iter().collect();
    Some(tail)
}

/// Takes `.boxed()` and `.boxed_local()` off the end.
fn take_boxed(trees: &mut Vec<TokenTree>) -> TokenStream {
    let is_boxed = match &trees[..] {
        [.., TokenTree::Punct(dot), TokenTree::Ident(name), TokenTree::Group(call)] => {
            dot.as_char() == '.' && (name == "boxed" || name == "boxed_local") && call.stream().is_empty()
        }
        _ => false,
    };
    if is_boxed { trees.split_off(trees.len() - 3).into_iter().collect() } else { TokenStream::new() }
}

/// Takes `async { .. }` or `async move { .. }` off the end.
fn async_block(trees: &mut Vec<TokenTree>) -> Option<(TokenStream, Group)> {
    let TokenTree::Group(block) = trees.pop()? else {
        return None;
    };
    let is = |tree: Option<&TokenTree>, word: &str| matches!(tree, Some(TokenTree::Ident(name)) if name == word);
    let moves = if is(trees.last(), "move") { trees.pop() } else { None };
    if block.delimiter() != Delimiter::Brace || !is(trees.last(), "async") {
        return None;
    }
    let keywords = trees.pop().into_iter().chain(moves).collect();
    Some((keywords, block))
}

/// The number of token trees before the last expression, whose path `Box::pin` may still be there.
/// `None` where that expression begins with something else.
fn statements(trees: &[TokenTree], path: bool) -> Option<usize> {
    let is_path = |tree: &&TokenTree| match tree {
        TokenTree::Ident(name) => name != "return" && name != "break",
        TokenTree::Punct(punct) => punct.as_char() == ':' || punct.as_char() == '$',
        _ => false,
    };
    let left = if path { trees.len() - trees.iter().rev().take_while(is_path).count() } else { trees.len() };
    match trees[..left].last() {
        None => Some(0),
        Some(TokenTree::Punct(end)) if end.as_char() == ';' => Some(left),
        Some(TokenTree::Group(block)) if block.delimiter() == Delimiter::Brace => Some(left),
        _ => None,
    }
}

/// True for items among the statements: they could shadow names that the expansion uses.
fn declares(eager: &TokenStream) -> bool {
    const ITEMS: [&str; 8] = ["use", "type", "struct", "enum", "union", "mod", "const", "static"];
    let is_item = |tree| matches!(tree, TokenTree::Ident(word) if ITEMS.iter().any(|item| word == *item));
    eager.clone().into_iter().any(is_item)
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens as _, quote};

    use super::*;

    fn tail_of(body: TokenStream, alone: bool) -> Option<String> {
        let body = Group::new(Delimiter::Brace, body);
        tail(&body, alone).map(|tail| format!("{} | {} | {}", tail.head, tail.keywords, tail.block.stream()))
    }

    #[test]
    fn the_async_block_at_the_end_is_found() {
        for (body, expected) in [
            (quote!(async move { x }), " | async move | x"),
            (quote!(Box::pin(async move { x })), "Box :: pin | async move | x"),
            (
                quote!(let y = 1; ::std::boxed::Box::pin(async { x },)),
                "let y = 1 ; :: std :: boxed :: Box :: pin | async | x",
            ),
            (quote!(if y { z(); } async { x }.boxed()), "if y { z () ; } | async | x"),
        ] {
            assert_eq!(tail_of(body, false).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_body_that_may_give_another_future_has_none() {
        for body in [
            quote!(if y { return Box::pin(z()); } Box::pin(async { x })),
            quote!(let y = z?; async { x }),
            quote!(use z::*;, async { x }),
            quote!(return Box::pin(async { x })),
            quote!(wrap(async { x })),
            quote!(Box::pin(wrap(async { x }))),
            quote!(wrap(y)),
            quote!(async { x }.map(y)),
            quote!(a = async { x }),
        ] {
            assert_eq!(tail_of(body.clone(), false), None, "{body}");
        }
        assert_eq!(tail_of(quote!(let y = 1; async { x }), true), None);
    }

    #[test]
    fn a_future_is_told_by_its_type() {
        let output = |ty: TokenStream| match future_type(&syn::parse_quote!(#ty)) {
            Some(FutureType::Future { output, boxed }) => format!("{} {boxed}", output.into_token_stream()),
            Some(FutureType::NoOutput) => "no output".to_owned(),
            Some(FutureType::NotPinned) => "not pinned".to_owned(),
            None => "none".to_owned(),
        };
        for (ty, expected) in [
            (quote!(impl Future<Output = R> + Send + use<'a>), "R false"),
            (quote!(Pin<Box<dyn std::future::Future<Output = R> + Send + 'a>>), "R true"),
            (quote!(::core::pin::Pin<Box<impl Future<Output = R>>>), "R true"),
            (quote!(BoxFuture<'a, R>), "R true"),
            (quote!(LocalBoxFuture<'static, R>), "R true"),
            (quote!(impl Future<Output = R> + Unpin + Send), "R true"),
            (quote!(impl Future), "no output"),
            (quote!(Box<dyn Future<Output = R>>), "not pinned"),
            (quote!(Result<Box<u8>, E>), "none"),
            (quote!(Pin<&mut u8>), "none"),
        ] {
            assert_eq!(output(ty), expected);
        }
    }
}
