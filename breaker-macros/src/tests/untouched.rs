//! Tests that a body stays as it is, token by token, whether it parses or not.
//!
//! So an editor completes in it. The cases `body_*` of `tests/ui/fail` test that rustc reports its
//! mistakes at their places.

use proc_macro2::TokenStream;

use crate::{expand, validate};

/// Bodies; some of them end where a user is typing.
const BODIES: [&str; 6] = [
    "let n = ask ( ) . await ? ; Ok ( n + text . len ( ) )",
    "self . client . ",
    "let length = ; for x in { text . }",
    "if let Some ( x ) = text . parse",
    "match text { \"a\" => return }",
    "fn inner ( text . ) -> ",
];

/// The attribute's arguments, and the tokens around a body.
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

fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_body_is_in_the_expansion_token_by_token() {
    for body in BODIES {
        for (args, before, after) in FUNCTIONS {
            let text = format!("{before} {body} {after}");
            let plan = validate::plan(tokens(args), tokens(&text)).unwrap_or_else(|error| panic!("{text}: {error}"));
            let expanded = expand::expand(&plan).to_string();
            assert!(expanded.contains(&format!("{{ {} }}", tokens(body))), "`{body}` in `{text}`: {expanded}");
        }
    }
}
