//! Reads the annotated impl block: it parses the signatures, and bodies stay raw tokens.

use std::borrow::Cow;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Error, ItemImpl, PathArguments, Result, ReturnType, Signature, Token, Type, Visibility};

use super::future::{self, FutureType};
use super::{ungrouped, unsupported};
use crate::identifiers::ends_in;

pub(crate) struct Block {
    /// The impl without its items.
    pub(crate) head: ItemImpl,
    /// The same as written.
    pub(crate) written: TokenStream,
    pub(crate) braces: Group,
    /// `#![..]`
    pub(crate) inner: Vec<Attribute>,
    pub(crate) members: Vec<Member>,
}

pub(crate) enum Member {
    Method(Box<Method>),
    /// A constant, a type, a macro.
    Other(TokenStream),
}

pub(crate) struct Method {
    /// `#[circuit_breaker(..)]`
    pub(crate) own: Vec<Attribute>,
    pub(crate) sig: Signature,
    /// The method without these.
    pub(crate) tokens: TokenStream,
}

/// True for an impl block. It looks at the first words only, since it runs for every annotated
/// item.
pub(crate) fn is_block(item: &TokenStream) -> bool {
    let mut trees = ungrouped(item.clone()).into_iter();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(pound) if pound.as_char() == '#' => drop(trees.next()),
            TokenTree::Ident(word) if word == "unsafe" || word == "default" => {}
            TokenTree::Ident(word) => return word == "impl",
            _ => return false,
        }
    }
    false
}

pub(crate) fn parse(item: TokenStream) -> Result<Block> {
    let mut written: Vec<TokenTree> = ungrouped(item).into_iter().collect();
    let braces = match written.pop() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => group,
        other => return Err(Error::new_spanned(other, "expected the items of the impl block in braces")),
    };
    let written: TokenStream = written.into_iter().collect();
    let head = syn::parse2(quote!(#written {}))?;
    let (inner, members) = members.parse2(braces.stream())?;
    Ok(Block { head, written, braces, inner, members })
}

fn members(input: ParseStream<'_>) -> Result<(Vec<Attribute>, Vec<Member>)> {
    let inner = input.call(Attribute::parse_inner)?;
    let mut members = Vec::new();
    while !input.is_empty() {
        members.push(member(input)?);
    }
    Ok((inner, members))
}

fn member(input: ParseStream<'_>) -> Result<Member> {
    let attrs = input.call(Attribute::parse_outer)?;
    if unsupported::refuse(&input.fork()).is_err() {
        let tokens = other_member(input)?;
        return Ok(Member::Other(quote!(#(#attrs)* #tokens)));
    }
    let (own, attrs): (Vec<_>, Vec<_>) = attrs.into_iter().partition(|attr| ends_in(attr.path(), "circuit_breaker"));
    let (vis, defaultness, sig): (Visibility, Option<Token![default]>, Signature) =
        (input.parse()?, input.parse()?, input.parse()?);
    let body: TokenTree = input.parse()?;
    let tokens = quote!(#(#attrs)* #vis #defaultness #sig #body);
    Ok(Member::Method(Box::new(Method { own, sig, tokens })))
}

/// Takes all up to a `;`, or the braces of a macro.
fn other_member(input: ParseStream<'_>) -> Result<TokenStream> {
    let mut taken = TokenStream::new();
    let mut is_macro = false;
    while !input.is_empty() {
        let tree: TokenTree = input.parse()?;
        let ends = match &tree {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => is_macro && group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        is_macro |= matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '!');
        taken.extend([tree]);
        if ends {
            break;
        }
    }
    Ok(taken)
}

impl Block {
    pub(crate) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.members.iter().filter_map(|member| match member {
            Member::Method(method) => Some(&**method),
            Member::Other(_) => None,
        })
    }

    /// What the breaker of the block is named after.
    pub(crate) fn type_name(&self) -> String {
        let ty = &*self.head.self_ty;
        let last = if let Type::Path(ty) = ty { ty.path.segments.last() } else { None };
        last.map_or_else(|| ty.to_token_stream().to_string().replace(' ', ""), |last| last.ident.unraw().to_string())
    }
}

impl Method {
    /// True where the written return type, or that of the returned future, ends in `Result` and has
    /// arguments.
    pub(crate) fn returns_result(&self) -> bool {
        self.output().is_some_and(|ty| is_result(&ty))
    }

    /// The written return type, or that of the returned future.
    pub(crate) fn output(&self) -> Option<Cow<'_, Type>> {
        match (&self.sig.output, self.future()) {
            (_, Some(FutureType::Future { output, .. })) => Some(Cow::Owned(*output)),
            (ReturnType::Type(_, ty), _) => Some(Cow::Borrowed(ty)),
            (ReturnType::Default, _) => None,
        }
    }

    pub(crate) fn is_async(&self) -> bool {
        self.sig.asyncness.is_some() || self.future().is_some()
    }

    fn future(&self) -> Option<FutureType> {
        match &self.sig.output {
            ReturnType::Type(_, ty) if self.sig.asyncness.is_none() => future::future_type(ty),
            _ => None,
        }
    }
}

fn is_result(ty: &Type) -> bool {
    match ty {
        Type::Group(group) => is_result(&group.elem),
        Type::Paren(paren) => is_result(&paren.elem),
        Type::Path(ty) => ty.path.segments.last().is_some_and(|last| {
            let has_arguments = matches!(last.arguments, PathArguments::AngleBracketed(_));
            has_arguments && last.ident.unraw().to_string().ends_with("Result")
        }),
        _ => false,
    }
}
