//! Finds and replaces names in tokens, in nested groups and in format strings too.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::Path;
use syn::ext::IdentExt as _;

pub(crate) fn mentions(tokens: &TokenStream, name: &Ident) -> bool {
    let name = name.unraw().to_string();
    any(tokens.clone(), &name)
}

fn any(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(word) => word.unraw() == name,
        TokenTree::Group(group) => any(group.stream(), name),
        TokenTree::Literal(_) => formats(&tree, name),
        TokenTree::Punct(_) => false,
    })
}

/// True for a text that formats the name.
pub(crate) fn formats(literal: &TokenTree, name: &str) -> bool {
    is_in_braces(&literal.to_string(), name)
}

/// True for `"{name}"` and `"{name:?}"`, and false for `"{name_of_another}"`. A false hit costs no
/// more than a copy.
fn is_in_braces(text: &str, name: &str) -> bool {
    let begin = format!("{{{name}");
    let mut after = text.match_indices(&begin).map(|(at, _)| &text[at + begin.len()..]);
    after.any(|after| !after.starts_with(|next: char| next == '_' || next.is_alphanumeric()))
}

/// True for the last segment of a path, for instance `Pin` of `std::pin::Pin`.
pub(crate) fn ends_in(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// True where a type may hold a `dyn Error` with a lifetime, such as `Box<dyn Error + 'a>`.
pub(crate) fn borrows_error(ty: &TokenStream) -> bool {
    let (mut is_dyn, mut is_error, mut borrows, mut is_lifetime) = (false, false, false, false);
    ty.clone().into_iter().any(|tree| {
        let after_quote = std::mem::take(&mut is_lifetime);
        match tree {
            TokenTree::Group(group) => return borrows_error(&group.stream()),
            TokenTree::Ident(word) if word == "dyn" => (is_dyn, is_error, borrows) = (true, false, false),
            TokenTree::Ident(word) if after_quote => borrows |= word != "static",
            TokenTree::Ident(word) => is_error |= word == "Error",
            TokenTree::Punct(punct) if punct.as_char() == '\'' => is_lifetime = true,
            TokenTree::Punct(punct) if matches!(punct.as_char(), '<' | '>' | ',') => is_dyn = false,
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        is_dyn && is_error && borrows
    })
}

/// True where code may hold a `?`, `return` or `.await`. A macro may hide one, except those of std
/// that make a value.
pub(crate) fn may_leave(tokens: &TokenStream) -> bool {
    const PLAIN: [&str; 2] = ["format", "vec"];
    let (mut is_plain, mut after_bang) = (false, false);
    tokens.clone().into_iter().any(|tree| match tree {
        TokenTree::Ident(word) => {
            after_bang = false;
            is_plain = PLAIN.iter().any(|name| word == name);
            word == "return" || word == "await"
        }
        TokenTree::Punct(punct) => {
            after_bang = punct.as_char() == '!' && !is_plain;
            punct.as_char() == '?'
        }
        TokenTree::Group(group) => std::mem::take(&mut after_bang) || may_leave(&group.stream()),
        TokenTree::Literal(_) => false,
    })
}

// Input:  `self.cached(&self.key)`, `self`, `__this`
// Output: `__this.cached(&__this.key)`
pub(crate) fn replace(tokens: TokenStream, name: &str, by: &Ident) -> TokenStream {
    let one = |tree| match tree {
        TokenTree::Ident(word) if word == name => TokenTree::Ident(by.clone()),
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), replace(group.stream(), name, by));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        other => other,
    };
    tokens.into_iter().map(one).collect()
}

/// True where code may use the local `name`. A field, a method or a part of a path with that name
/// does not count.
pub(crate) fn uses_local(tokens: &TokenStream, name: &Ident) -> bool {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    trees.iter().enumerate().any(|(at, tree)| match tree {
        TokenTree::Group(group) => uses_local(&group.stream(), name),
        TokenTree::Ident(_) => is_local(&trees, at) && mentions(&tree.clone().into(), name),
        other => mentions(&other.clone().into(), name),
    })
}

/// True where the word at this place may be a local. A field, a method or a part of a path is not.
pub(crate) fn is_local(trees: &[TokenTree], at: usize) -> bool {
    let punct = |at: Option<usize>, wanted: char| matches!(at.and_then(|at| trees.get(at)), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    let is_field = punct(at.checked_sub(1), '.') && !punct(at.checked_sub(2), '.');
    let is_path = punct(at.checked_sub(1), ':') && punct(at.checked_sub(2), ':');
    let is_named = punct(Some(at + 1), ':');
    !is_field && !is_path && !is_named
}

// Input:  `self.get(self::LIMIT); impl X { fn f(&self) {} }`, `__this`
// Output: `__this.get(self::LIMIT); impl X { fn f(&self) {} }`
//
// A whole body may hold paths that begin with `self`, and items with a `self` of their own: both
// stay. Each token keeps its span, at which rustc reports errors.
pub(crate) fn replace_self(tokens: TokenStream, by: &str) -> TokenStream {
    let mut trees = tokens.into_iter().peekable();
    let mut replaced = TokenStream::new();
    let (mut in_item, mut in_use, mut after_pub) = (false, false, false);
    while let Some(tree) = trees.next() {
        let next = trees.peek();
        let is_next = |wanted| matches!(next, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
        let tree = match tree {
            TokenTree::Ident(word) if word == "self" && !in_use && !is_next(':') => {
                TokenTree::Ident(Ident::new(by, word.span()))
            }
            TokenTree::Group(group) if !in_item && !in_use && !after_pub => {
                let mut inner = Group::new(group.delimiter(), replace_self(group.stream(), by));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        };
        match &tree {
            TokenTree::Ident(word) => {
                in_item |=
                    word == "impl" || word == "trait" || (word == "fn" && matches!(next, Some(TokenTree::Ident(_))));
                in_use |= word == "use" && !is_next('<');
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => in_item = false,
            TokenTree::Punct(end) if end.as_char() == ';' => (in_item, in_use) = (false, false),
            _ => {}
        }
        after_pub = matches!(&tree, TokenTree::Ident(word) if word == "pub");
        replaced.extend([tree]);
    }
    replaced
}

/// The span of a macro's string with `{self}`, which [`replace_self`] does not see.
pub(crate) fn self_in_a_string(tokens: &TokenStream) -> Option<Span> {
    let mut after_bang = false;
    tokens.clone().into_iter().find_map(|tree| match tree {
        TokenTree::Group(group) if std::mem::take(&mut after_bang) => {
            group.stream().into_iter().find_map(|tree| match tree {
                TokenTree::Literal(text) => {
                    let words = text.to_string().replace("{{", "");
                    (words.contains("{self}") || words.contains("{self:")).then(|| text.span())
                }
                other => self_in_a_string(&other.into()),
            })
        }
        TokenTree::Group(group) => self_in_a_string(&group.stream()),
        TokenTree::Punct(punct) => {
            after_bang = punct.as_char() == '!';
            None
        }
        _ => {
            after_bang = false;
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn a_local_is_told_from_fields_paths_and_names_of_fields() {
        let name = Ident::new("url", Span::call_site());
        for used in [quote!(get(url)), quote!(url.len()), quote!(0..url), quote!(S { url }), quote!(println!("{url}"))]
        {
            assert!(uses_local(&used, &name), "{used}");
        }
        for unused in [
            quote!(self.url),
            quote!(request.url()),
            quote!(S { url: 1 }),
            quote!(url::parse(a::url)),
            quote!(println!("{urls}")),
        ] {
            assert!(!uses_local(&unused, &name), "{unused}");
        }
    }

    #[test]
    fn a_macro_may_hide_a_return_unless_it_is_known() {
        for (code, leaves) in [
            (quote!(let a = format!("{b}"); let c = vec![d]; a != (c)), false),
            (quote!(let a = vec![b?];), true),
            (quote!(bail!("no")), true),
        ] {
            assert_eq!(may_leave(&code), leaves, "{code}");
        }
    }

    #[test]
    fn a_self_in_a_string_is_found_where_a_macro_has_it() {
        for (code, found) in [
            (
                quote!(a(|| {
                    println!("{n} {self:?}");
                })),
                true,
            ),
            (quote!(write!(f, "{self}")?), true),
            (quote!(let a = "{self}"; b!("{{self}} {}", self)), false),
        ] {
            assert_eq!(self_in_a_string(&code).is_some(), found, "{code}");
        }
    }

    #[test]
    fn a_self_is_replaced_where_it_is_the_receiver() {
        let body = quote! {
            use self::a::{self, B};
            impl C { fn f(&self) { self.g() } }
            pub(self) fn h(x: impl Fn()) -> impl D + use<> { self::i() }
            let j = |k| self.l(self.m, self::N, o!(self));
        };
        let expected = quote! {
            use self::a::{self, B};
            impl C { fn f(&self) { self.g() } }
            pub(self) fn h(x: impl Fn()) -> impl D + use<> { self::i() }
            let j = |k| this.l(this.m, self::N, o!(this));
        };
        assert_eq!(replace_self(body, "this").to_string(), expected.to_string());
    }
}
