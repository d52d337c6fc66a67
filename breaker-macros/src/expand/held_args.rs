//! Finds the arguments that an async body uses where its block holds them, without a local of their
//! own.
//!
//! A local would be one more copy in the future. It stays where rustc would report a mistake in
//! other words, and where the arguments would drop in another order.

use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};
use syn::ext::IdentExt as _;

use super::context::Context;
use crate::identifiers;
use crate::item::params::{Kind, Ownership, Param, starts_with_underscore};

/// What a body does with an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// It has no such name, or first as that of a new local. rustc reports that of a local only.
    Unused,
    /// It reads, borrows or moves the argument.
    InPlace,
    /// It assigns to the argument. rustc reports that of a local in other words.
    Assigned,
}

impl Context<'_> {
    /// The names of the arguments that the block holds.
    ///
    /// Locals drop before what the block holds, and a later argument before an earlier one. So the
    /// block holds an argument only if it holds all before it that may drop.
    pub(super) fn held_args(&self) -> Vec<Ident> {
        let may_drop = |param: &&Param| {
            param.ownership == Ownership::Owned && !param.is_scalar && !matches!(param.kind, Kind::Receiver(_))
        };
        let first = self.plan.params.iter().filter(may_drop).take_while(|param| param.may_be_held());
        let named = first.flat_map(|param| param.names().into_iter().map(move |(name, _)| (param, name)));
        let named: Vec<_> = named.collect();
        if named.is_empty() || self.tail().is_some() {
            return Vec::new();
        }
        let in_attributes = self.used_by_attributes();
        let mut body = Uses::of(named.iter().map(|(_, name)| name));
        body.read(self.body_of_attempt().stream(), true);
        let is_held = |((param, name), used): &((&Param, Ident), Use)| match used {
            Use::Unused => starts_with_underscore(name) || in_attributes(param, name),
            Use::InPlace => true,
            Use::Assigned => false,
        };
        named.into_iter().zip(body.uses()).take_while(is_held).map(|((_, name), _)| name).collect()
    }
}

/// What the body does with each of these names.
struct Uses(Vec<(String, Option<Use>)>);

impl Uses {
    fn of<'n>(names: impl Iterator<Item = &'n Ident>) -> Self {
        Uses(names.map(|name| (name.unraw().to_string(), None)).collect())
    }

    fn uses(self) -> impl Iterator<Item = Use> {
        self.0.into_iter().map(|(_, used)| used.unwrap_or(Use::Unused))
    }

    /// Reads code, which is statements where it is in braces.
    fn read(&mut self, code: TokenStream, in_braces: bool) {
        let trees: Vec<TokenTree> = code.into_iter().collect();
        for (at, tree) in trees.iter().enumerate() {
            match tree {
                TokenTree::Group(group) => match group.delimiter() {
                    Delimiter::None => self.read(group.stream(), in_braces),
                    delimiter => self.read(group.stream(), delimiter == Delimiter::Brace),
                },
                TokenTree::Ident(word) => {
                    let word = word.unraw().to_string();
                    if let Some((_, used)) = self.0.iter_mut().find(|(name, _)| *name == word) {
                        *used = used_at(&trees, at, in_braces, *used);
                    }
                }
                TokenTree::Literal(_) => {
                    for (name, used) in self.0.iter_mut().filter(|(_, used)| used.is_none()) {
                        *used = identifiers::formats(tree, name).then_some(Use::InPlace);
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }
}

/// What follows from the name at this place, after what is known from the code before it.
fn used_at(trees: &[TokenTree], at: usize, in_braces: bool, before: Option<Use>) -> Option<Use> {
    let is_word = |back: usize, word: &str| {
        at.checked_sub(back).is_some_and(|at| matches!(&trees[at], TokenTree::Ident(it) if it == word))
    };
    let is_pointee = at.checked_sub(1).is_some_and(|at| is_punct(&trees[at], '*'));
    match before {
        Some(Use::Unused | Use::Assigned) => before,
        // A new local has the name from here on.
        _ if is_word(1, "let") || (is_word(1, "mut") && is_word(2, "let")) => before.or_else(|| {
            let statement = trees[at + 1..].iter().take_while(|tree| !is_punct(tree, ';'));
            let TokenTree::Ident(name) = &trees[at] else { return None };
            let value: TokenStream = statement.cloned().collect();
            Some(if identifiers::mentions(&value, name) { Use::InPlace } else { Use::Unused })
        }),
        _ if !identifiers::is_local(trees, at) => before,
        _ if in_braces && !is_pointee && assigns(&trees[at + 1..]) => Some(Use::Assigned),
        _ => Some(Use::InPlace),
    }
}

/// Whether an assignment follows, such as `= 1` or `+= 1`.
fn assigns(trees: &[TokenTree]) -> bool {
    let signs: Vec<_> = trees.iter().take(3).map_while(sign).collect();
    match signs[..] {
        [('=', Spacing::Alone), ..] => true,
        [('=', Spacing::Joint), (next, _), ..] => !matches!(next, '=' | '>'),
        [('+' | '-' | '*' | '/' | '%' | '^' | '&' | '|', Spacing::Joint), ('=', _), ..] => true,
        [('<', Spacing::Joint), ('<', Spacing::Joint), ('=', _)] => true,
        [('>', Spacing::Joint), ('>', Spacing::Joint), ('=', _)] => true,
        _ => false,
    }
}

fn sign(tree: &TokenTree) -> Option<(char, Spacing)> {
    match tree {
        TokenTree::Punct(punct) => Some((punct.as_char(), punct.spacing())),
        _ => None,
    }
}

fn is_punct(tree: &TokenTree, wanted: char) -> bool {
    sign(tree).is_some_and(|(sign, _)| sign == wanted)
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn use_of_url(code: TokenStream) -> Use {
        let name = Ident::new("url", proc_macro2::Span::call_site());
        let mut uses = Uses::of([&name].into_iter());
        uses.read(code, true);
        uses.uses().next().expect("one name")
    }

    #[test]
    fn a_body_that_reads_borrows_or_moves_an_argument_uses_it_in_place() {
        for code in [
            quote!(get(url)),
            quote!(url == 1 && url <= 2),
            quote!(let url = url.trim(); url.len()),
            quote!(let mut url: Url = f(|| { url }); get(url)),
            quote!(if let Some(url) = url {
                get(url)
            }),
            quote!(match a {
                url => url,
            }),
            quote!(info!(url = url)),
            quote!(println!("{url:?}")),
            quote!(r#url.len()),
            quote!(url.host = 1; url[0] = 2; *url = 3;),
        ] {
            assert_eq!(use_of_url(code.clone()), Use::InPlace, "{code}");
        }
    }

    #[test]
    fn one_that_rustc_may_report_as_unused_is_told() {
        for code in [
            quote!(Ok(1)),
            quote!(self.url.len()),
            quote!(let url = load().await; url.len()),
            quote!(let mut url: Url = load().await; url = next();),
            quote!(println!("{urls}")),
        ] {
            assert_eq!(use_of_url(code.clone()), Use::Unused, "{code}");
        }
    }

    #[test]
    fn an_assignment_is_told() {
        for code in [
            quote!(url = 2;),
            quote!(if a {
                url += 2;
            }),
            quote!(get(url); url <<= 1),
            quote!(url ^= 1),
            quote!(match a {
                1 => url = 2,
                _ => {}
            }),
        ] {
            assert_eq!(use_of_url(code.clone()), Use::Assigned, "{code}");
        }
    }
}
