//! Reads the parts of a return type, and replaces each `impl Trait` in it.

use proc_macro2::Span;
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::token::Paren;
use syn::{
    AngleBracketedGenericArguments, GenericArgument, Path, PathArguments, Token, Type, TypeInfer, TypeParamBound,
    TypeTuple,
};

// Input:  `Result<impl Iterator<Item = u32>, E>`
// Output: `Result<_, E>`
pub(crate) fn without_impl(ty: &Type) -> Type {
    let underscore_token = Token![_](Span::mixed_site());
    instead_of_impl(ty, &Type::Infer(TypeInfer { attrs: Vec::new(), underscore_token }))
}

// Input:  `Result<impl Stream<Item = Result<Bytes, E>>, E>`
// Output: `Result<(), E>`, which has the same error
pub(crate) fn with_unit(ty: &Type) -> Type {
    let paren_token = Paren(Span::mixed_site());
    instead_of_impl(ty, &Type::Tuple(TypeTuple { attrs: Vec::new(), paren_token, elems: Punctuated::new() }))
}

fn instead_of_impl(ty: &Type, by: &Type) -> Type {
    let mut ty = ty.clone();
    replace(&mut ty, by);
    ty
}

/// Whether the type holds an `impl Trait`.
pub(crate) fn has_impl(ty: &Type) -> bool {
    without_impl(ty).into_token_stream().to_string() != ty.to_token_stream().to_string()
}

// Input:  `Result<impl Stream<Item = Result<Bytes, E>>, F>`
// Output: `Result<Bytes, E>`
pub(crate) fn item(ty: &Type) -> Option<Type> {
    match ty {
        Type::ImplTrait(found) => found.bounds.iter().find_map(|bound| match bound {
            TypeParamBound::Trait(bound) => arguments(&bound.path).find_map(|argument| match argument {
                GenericArgument::AssocType(item) if item.ident == "Item" => Some(without_impl(&item.ty)),
                _ => None,
            }),
            _ => None,
        }),
        Type::Group(group) => item(&group.elem),
        Type::Paren(paren) => item(&paren.elem),
        Type::Path(path) => arguments(&path.path).find_map(|argument| match argument {
            GenericArgument::Type(ty) => item(ty),
            _ => None,
        }),
        _ => None,
    }
}

// Input:  `io::Result<Response>`
// Output: `Response`
pub(crate) fn value(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Group(group) => value(&group.elem),
        Type::Paren(paren) => value(&paren.elem),
        Type::Path(path) => arguments(&path.path).find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        }),
        _ => None,
    }
}

// Input:  `Result<Response, ApiError>`
// Output: `ApiError`
pub(crate) fn error(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Group(group) => error(&group.elem),
        Type::Paren(paren) => error(&paren.elem),
        Type::Path(path) => arguments(&path.path)
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .nth(1),
        _ => None,
    }
}

fn arguments(path: &Path) -> impl Iterator<Item = &GenericArgument> {
    let last = path.segments.last().map(|segment| &segment.arguments);
    last.into_iter().flat_map(|arguments| match arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().collect(),
        _ => Vec::new(),
    })
}

fn replace(ty: &mut Type, by: &Type) {
    match ty {
        Type::ImplTrait(_) => *ty = by.clone(),
        Type::Array(array) => replace(&mut array.elem, by),
        Type::Group(group) => replace(&mut group.elem, by),
        Type::Paren(paren) => replace(&mut paren.elem, by),
        Type::Ptr(pointer) => replace(&mut pointer.elem, by),
        Type::Reference(reference) => replace(&mut reference.elem, by),
        Type::Slice(slice) => replace(&mut slice.elem, by),
        Type::Tuple(tuple) => tuple.elems.iter_mut().for_each(|ty| replace(ty, by)),
        Type::Path(path) => {
            path.qself.iter_mut().for_each(|qself| replace(&mut qself.ty, by));
            path.path.segments.iter_mut().for_each(|segment| replace_arguments(&mut segment.arguments, by));
        }
        _ => {}
    }
}

fn replace_arguments(arguments: &mut PathArguments, by: &Type) {
    let PathArguments::AngleBracketed(AngleBracketedGenericArguments { args, .. }) = arguments else {
        return;
    };
    for argument in args {
        if let GenericArgument::Type(ty) = argument {
            replace(ty, by);
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn each_impl_trait_becomes_inferred() {
        let ty = syn::parse_quote!(Result<(impl Iterator<Item = u32> + use<'a>, &'a [Box<impl Fn(u8) -> u8>]), E>);
        let expected = quote!(Result<(_, &'a [Box<_>]), E>);
        assert_eq!(without_impl(&ty).into_token_stream().to_string(), expected.to_string());
    }

    #[test]
    fn a_streams_item_is_found() {
        for ty in [
            syn::parse_quote!(Result<impl Stream<Item = Result<u8, impl Error>> + use<>, E>),
            syn::parse_quote!(io::Result<impl Send + futures::Stream<Item = Result<u8, impl Error>>>),
        ] {
            let item = item(&ty).map(ToTokens::into_token_stream).unwrap_or_default();
            assert_eq!(item.to_string(), quote!(Result<u8, _>).to_string());
        }
        assert!(item(&syn::parse_quote!(Result<impl Words, E>)).is_none());
    }
}
