//! What a retry cannot give: a value that borrows from an argument that each attempt needs for itself.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{FnArg, Lifetime, Receiver, ReceiverKind, Signature, Type, TypeReference};

use crate::recover::Errors;

/// Refuses `-> Result<&'a T, E>` beside an argument that is `&'a mut`: the first attempt's value might go to the caller, so rustc
/// has the argument borrowed for good.
pub(super) fn check(sig: &Signature, output: &Type, errors: &mut Errors) {
    let lifetimes = lifetimes(output.to_token_stream());
    let lent = |lifetime: Option<&Lifetime>, is_elided: bool| match lifetime {
        None => is_elided && lifetimes.iter().any(|name| name == "_"),
        Some(lifetime) => lifetimes.iter().any(|name| lifetime.ident == name),
    };
    let has_receiver = matches!(sig.inputs.first(), Some(FnArg::Receiver(receiver)) if reference(receiver).is_some());
    for input in &sig.inputs {
        let (name, reference) = match input {
            FnArg::Receiver(receiver) => ("self".to_owned(), reference(receiver)),
            FnArg::Typed(typed) => (typed.pat.to_token_stream().to_string(), of_type(&typed.ty)),
        };
        // Without a name a returned lifetime is that of `self`, or of the only reference that there is.
        let is_elided = !has_receiver || matches!(input, FnArg::Receiver(_));
        if let Some((lifetime, true)) = reference
            && lent(lifetime, is_elided)
        {
            let fix = "give an owned value, or take a shared reference";
            let why = format!("which each attempt needs for itself; {fix}");
            errors
                .under(output, format!("with `#[retry]` a function cannot give what it borrows from `{name}`, {why}"));
            return;
        }
    }
}

/// The lifetime of a reference, and whether it is `&mut`.
type Reference<'a> = Option<(Option<&'a Lifetime>, bool)>;

fn reference(receiver: &Receiver) -> Reference<'_> {
    match &receiver.kind {
        ReceiverKind::Reference(_, lifetime, mutability) => Some((lifetime.as_ref(), mutability.is_some())),
        ReceiverKind::Typed(_, ty) => of_type(ty),
        _ => None,
    }
}

fn of_type(ty: &Type) -> Reference<'_> {
    match ty {
        Type::Group(group) => of_type(&group.elem),
        Type::Paren(paren) => of_type(&paren.elem),
        Type::Reference(TypeReference { lifetime, mutability, .. }) => Some((lifetime.as_ref(), mutability.is_some())),
        _ => None,
    }
}

/// The lifetimes that a type names, and `_` for one that is left out. Those in `fn(&u8)` and `Fn(&u8)` are their own.
fn lifetimes(tokens: TokenStream) -> Vec<String> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        match (tree, trees.get(at + 1)) {
            (TokenTree::Punct(tick), Some(TokenTree::Ident(name))) if tick.as_char() == '\'' => {
                found.push(name.to_string());
            }
            (TokenTree::Punct(and), next) if and.as_char() == '&' => {
                let is_named = matches!(next, Some(TokenTree::Punct(tick)) if tick.as_char() == '\'');
                found.extend((!is_named).then(|| "_".to_owned()));
            }
            (TokenTree::Group(group), _) => {
                let is_call = at > 0 && matches!(trees[at - 1], TokenTree::Ident(_));
                if group.delimiter() != Delimiter::Parenthesis || !is_call {
                    found.extend(lifetimes(group.stream()));
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn lifetimes_of_a_type_are_found() {
        for (ty, expected) in [
            (quote!(Result<&u8, E>), &["_"][..]),
            (quote!(Result<(u8, Cow<'_, str>), E<'a>>), &["_", "a"]),
            (quote!(Result<&'static mut [&'b u8], E>), &["static", "b"]),
            (quote!(Result<Box<dyn Fn(&u8) -> u8>, fn(&u8)>), &[]),
        ] {
            assert_eq!(lifetimes(ty), expected);
        }
    }
}
