//! The body passes through: the same tokens at the same places, whether they parse or not. So an editor completes in it, and
//! rustc tells its mistakes where they are.

use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};

use crate::{check, expand};

/// Bodies, of which some break off where somebody is typing.
const BODIES: [&str; 6] = [
    "let n = ask ( ) . await ? ; Ok ( n + text . len ( ) )",
    "self . client . ",
    "let length = ; for x in { text . }",
    "if let Some ( x ) = text . parse",
    "match text { \"a\" => return }",
    "fn inner ( text . ) -> ",
];

/// What stands around a body, and the attribute's arguments.
const FUNCTIONS: [(&str, &str, &str); 6] = [
    ("", "async fn f(&self, mut text: String) -> Reply {", "}"),
    ("", "fn f(&self, (text, n): (String, u8)) -> Result<impl Fn(), E> {", "}"),
    ("", "fn f(&self, text: &str) -> impl Future<Output = Reply> { async move {", "} }"),
    ("", "fn f(&self, text: &str) -> Pin<Box<dyn Future<Output = Reply>>> { let a = 1; Box::pin(async move {", "}) }"),
    (
        "timeout = \"1s\", exclude(A, B::C)",
        "#[fallback(Self::spare, |_| Some(text), on(open, failure))] async fn f(self, text: String) -> Reply {",
        "}",
    ),
    ("key = text", "#[retry] #[fallback(value(1))] async fn f(&mut self, text: &str) -> Reply {", "}"),
];

/// Tokens and where they stand, with the groups taken apart.
fn flat(tokens: TokenStream, all: &mut Vec<(String, Range<usize>)>) {
    for tree in tokens {
        let place = tree.span().byte_range();
        match tree {
            TokenTree::Group(group) => {
                all.push((format!("{:?}", group.delimiter()), place));
                flat(group.stream(), all);
            }
            tree => all.push((tree.to_string(), place)),
        }
    }
}

fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_body_is_in_the_expansion_with_its_places() {
    for body in BODIES {
        for (args, before, after) in FUNCTIONS {
            let text = format!("{before} {body} {after}");
            let (mut written, mut expanded) = (Vec::new(), Vec::new());
            let item = tokens(&text);
            flat(item.clone(), &mut written);
            written.retain(|(_, place)| place.start > before.len() && place.end <= before.len() + 1 + body.len());
            let plan = check::plan(tokens(args), item).unwrap_or_else(|error| panic!("{text}: {error}"));
            flat(expand::expand(&plan), &mut expanded);
            assert!(expanded.windows(written.len()).any(|part| part == written), "`{body}` in `{text}`");
        }
    }
}
