//! Writes the messages about what is no step, and no word of `on(..)`.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{Error, Expr, Lit, Path, Result};

use super::suggest;

/// The message for a call, a field or a literal in the place of a step.
pub(super) fn no_step(step: &Expr) -> String {
    match step {
        Expr::MethodCall(call) if is_self(&call.receiver) => {
            format!(
                "give the path of the method, which gets the function's arguments: `Self::{}`; for others write a closure `|_| ..`",
                call.method
            )
        }
        Expr::Field(field) if is_self(&field.base) => {
            format!(
                "give the path of the method, which gets the function's arguments: `Self::{}`",
                field.member.to_token_stream()
            )
        }
        Expr::Call(call) => {
            let function = call.func.to_token_stream().to_string().replace(' ', "");
            match (function.as_str(), call.args.first()) {
                ("Ok" | "Some", Some(value)) => {
                    format!("a step that is a plain value is written `value({})`", value.to_token_stream())
                }
                _ => format!(
                    "do not call the step; give its path, which gets the function's arguments: `{function}`; or write a closure `|_| ..`"
                ),
            }
        }
        Expr::Lit(literal) => of_literal(&literal.lit),
        _ => "do not call the step; give its path, which gets the function's arguments, or write a closure `|_| ..`"
            .to_owned(),
    }
}

fn of_literal(literal: &Lit) -> String {
    let value = format!("a step that is a plain value is written `value({})`", literal.to_token_stream());
    match literal {
        Lit::Str(text) if syn::parse_str::<Path>(&text.value()).is_ok() => {
            format!("write a function without quotes: `{}`; {value}", text.value())
        }
        _ => value,
    }
}

fn is_self(receiver: &Expr) -> bool {
    matches!(receiver, Expr::Path(path) if path.path.is_ident("self"))
}

/// A word of `on(..)`.
pub(super) fn on_word(written: &str, at: Span) -> Result<&'static str> {
    let other = match written {
        "rejected" | "rejection" | "reject" | "circuit_open" | "opened" => Some("open"),
        "error" | "errors" | "err" | "fail" | "failed" | "failures" => Some("failure"),
        "timed_out" | "time_out" | "elapsed" => Some("timeout"),
        "full" | "overloaded" | "max_concurrent" => Some("busy"),
        _ => None,
    };
    if let Some(word) = other {
        return Err(Error::new(at, format!("`on` does not know `{written}`; did you mean `{word}`?")));
    }
    suggest::word("on", written, at, &["open", "busy", "timeout", "failure"])
}
