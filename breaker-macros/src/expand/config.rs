//! Writes the settings: as a text, or as a const expression of type `Config`.

use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::Expr;

use super::context::Context;
use crate::parse::keys::Key;
use crate::spans::{mixed, respan};
use crate::validate::values::{Backoff, Number, Setting};

// Output: written "fail_max=5; recovery_timeout=30s"
// or:     typed { const __CONFIG: K::__rt::Config = CONFIG; &__CONFIG }
//
// Values that the attribute has checked are a text, which costs rustc nothing. Where one value is
// an expression, rustc evaluates and checks all of them.
pub(super) fn settings(context: &Context<'_>) -> TokenStream {
    let (rt, here) = (context.rt, Span::mixed_site());
    if let Some(text) = written(context) {
        return quote_spanned!(here=> written #text);
    }
    let config = config(context);
    quote_spanned!(here=> typed { const __CONFIG: #rt::Config = #rt::declare::checked(#config); &__CONFIG })
}

/// The settings as a text, if all are known.
fn written(context: &Context<'_>) -> Option<String> {
    let shared = context.plan.config.is_some();
    let settings = context.plan.settings.iter();
    let settings: Option<Vec<_>> =
        settings.map(|(key, _, value)| value.written().map(|value| format!("{}={value}", key.name))).collect();
    settings.filter(|_| !shared).map(|settings| settings.join("; "))
}

// Output: `K::__rt::declare::new().fail_max(LIMIT).recovery_timeout(K::__rt::duration(30, 0))`
//
// With `config = SHARED` it starts from that one, in a `let` that rustc checks at the user's path.
fn config(context: &Context<'_>) -> TokenStream {
    let rt = context.rt;
    let setters = context.plan.settings.iter().map(|(key, _, value)| setter(context, key, value));
    match &context.plan.config {
        Some(shared) => {
            let (at, rt) = (mixed(shared), context.rt.at(mixed(shared)));
            let typed = quote_spanned!(at=> let __shared: #rt::Config = #shared;);
            quote_spanned!(Span::mixed_site()=> { #typed __shared #(#setters)* })
        }
        None => quote_spanned!(Span::mixed_site()=> #rt::declare::new() #(#setters)*),
    }
}

// Output: `K::__rt::timeout_needs_the_feature_tokio_of_breaker_core();`
//
// Without the feature this name is missing, and rustc reports that at the key.
pub(super) fn needs(context: &Context<'_>) -> Option<TokenStream> {
    let timeout = context.plan.settings.iter().find(|(key, ..)| key.name == "timeout").map(|(_, at, _)| *at);
    let items = context.plan.rules.stream.as_ref().filter(|stream| stream.is_limited()).map(|stream| stream.at);
    let at = timeout.or(items)?;
    let at = at.resolved_at(Span::mixed_site());
    let rt = context.rt.at(at);
    Some(quote_spanned!(at=> #rt::timeout_needs_the_feature_tokio_of_breaker_core();))
}

// Output: "payments"
// or:     { let __name: &'static K::__rt::str = NAME; K::__rt::declare::named(__name) }
// or:     ""
//
// rustc reports a wrong type in the `let`, at the user's constant. A literal needs none.
pub(super) fn name(context: &Context<'_>) -> TokenStream {
    let here = Span::mixed_site();
    match &context.plan.name {
        None => Literal::string("").into_token_stream(),
        Some(Expr::Lit(name)) => name.to_token_stream(),
        Some(Expr::Verbatim(name)) => quote_spanned!(here=> { #name }),
        Some(name) => {
            let (at, rt) = (mixed(name), context.rt.at(mixed(name)));
            let typed = quote_spanned!(at=> let __name: &'static #rt::str = #name;);
            quote_spanned!(here=> { #typed #rt::declare::named(__name) })
        }
    }
}

// Output: `.fail_max(5u32)`, `.fail_window_off()` or `.on_panic(K::__rt::OnPanic::Ignore)`
fn setter(context: &Context<'_>, key: &Key, value: &Setting) -> TokenStream {
    let here = Span::mixed_site();
    // At the value, where rustc reports one of another type.
    let of_value = if let Setting::LengthOf(expr) | Setting::Flag(expr) = value { mixed(expr) } else { here };
    let setter = match value {
        Setting::Count(..) | Setting::CountOf(_) if key.name == "window" => "window_calls",
        _ => key.name,
    };
    let setter = Ident::new(setter, of_value);
    let value = match value {
        Setting::Off => {
            let off = Ident::new(&format!("{}_off", key.name), here);
            return quote_spanned!(here=> .#off());
        }
        Setting::Count(count, span) => respan(Literal::u32_suffixed(*count).into_token_stream(), *span),
        Setting::CountOf(expr) => checked(context, "at_least_one", expr, &format!("`{}` must be 1 or more", key.name)),
        Setting::Length(_) | Setting::LengthOf(_) => length(context, key.name, value),
        Setting::Flag(expr) => expr.to_token_stream(),
        Setting::Text(text) => text.to_token_stream(),
        Setting::Number(share) => {
            number(context, share, "rate", &format!("`{}` must be more than 0 and at most 1", key.name))
        }
        Setting::Backoff(values) => backoff(context, values),
        Setting::Word(_) | Setting::After(_) => what_it_counts_as(context, key, value),
    };
    quote_spanned!(of_value=> .#setter(#value))
}

// Output: `K::__rt::OnCancel::Failure`
// or:     `K::__rt::OnCancel::After(K::__rt::duration(5, 0))`
fn what_it_counts_as(context: &Context<'_>, key: &Key, value: &Setting) -> TokenStream {
    let (rt, here) = (context.rt, Span::mixed_site());
    let kind = if key.name == "on_cancel" { "OnCancel" } else { "OnPanic" };
    let kind = Ident::new(kind, here);
    match value {
        Setting::After(after) => {
            let after = length(context, key.name, after);
            quote_spanned!(here=> #rt::#kind::After(#after))
        }
        Setting::Word("ignore") => quote_spanned!(here=> #rt::#kind::Ignore),
        _ => quote_spanned!(here=> #rt::#kind::Failure),
    }
}

// Output: `K::__rt::duration(30u64, 0u32)`, or the user's expression, checked
fn length(context: &Context<'_>, key: &str, value: &Setting) -> TokenStream {
    let rt = context.rt;
    match value {
        Setting::Length(length) => {
            let (secs, nanos) = parts(*length);
            quote_spanned!(Span::mixed_site()=> #rt::duration(#secs, #nanos))
        }
        Setting::LengthOf(expr) if key == "recovery_timeout" => expr.to_token_stream(),
        Setting::LengthOf(expr) => checked(context, "above_zero", expr, &format!("`{key}` must be more than zero")),
        _ => TokenStream::new(),
    }
}

// Output: `0.5f64`, or the user's expression, checked
fn number(context: &Context<'_>, value: &Number, check: &str, message: &str) -> TokenStream {
    match value {
        Number::Literal(number) => Literal::f64_suffixed(*number).into_token_stream(),
        Number::Of(expr) => checked(context, check, expr, message),
    }
}

// Output: `K::__rt::Backoff::new().factor(2f64).max(K::__rt::duration(600, 0)).jitter(0.1f64)`
fn backoff(context: &Context<'_>, values: &Backoff) -> TokenStream {
    let (rt, here) = (context.rt, Span::mixed_site());
    let factor = values.factor.iter().map(|factor| {
        let factor = number(context, factor, "growth", "`factor` must be 1 or more");
        quote_spanned!(here=> .factor(#factor))
    });
    let max = values.max.iter().map(|(_, max)| {
        let max = length(context, "max", max);
        quote_spanned!(here=> .max(#max))
    });
    let jitter = values.jitter.iter().map(|jitter| {
        let jitter = number(context, jitter, "jitter", "`jitter` must be from 0 to 1");
        quote_spanned!(here=> .jitter(#jitter))
    });
    quote_spanned!(here=> #rt::Backoff::new() #(#factor)* #(#max)* #(#jitter)*)
}

fn parts(length: Duration) -> (u64, u32) {
    (length.as_secs(), length.subsec_nanos())
}

// Output: `K::__rt::at_least_one(LIMIT, "`fail_max` must be 1 or more")`, at the user's `LIMIT`
fn checked(context: &Context<'_>, check: &str, expr: &Expr, message: &str) -> TokenStream {
    let at = mixed(expr);
    let (rt, check) = (context.rt.at(at), Ident::new(check, at));
    quote_spanned!(at=> #rt::#check(#expr, #message))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;
    use crate::{diagnostics::Errors, parse, validate};

    fn settings_of(args: TokenStream) -> String {
        let item = quote!(
            async fn f() -> Reply {}
        );
        let mut plan = validate::plan(quote!(crate = k), item).unwrap_or_else(|error| panic!("{error}"));
        let mut errors = Errors::default();
        let options = parse::parse(args, &mut errors);
        plan.settings = validate::values_of(options, &syn::Generics::default(), &mut errors).settings;
        errors.finish().unwrap_or_else(|error| panic!("{error}"));
        settings(&Context::new(&plan)).to_string()
    }

    #[test]
    fn known_values_are_a_text_as_in_a_file() {
        for (args, expected) in [
            (quote!(failure_rate = 0.5), "failure_rate=0.5"),
            (quote!(failure_rate = 1), "failure_rate=1"),
            (quote!(slow_call_duration = "2s"), "slow_call_duration=2s"),
            (quote!(window = 200), "window=200"),
            (quote!(window = "1m", min_calls = 20), "window=1m; min_calls=20"),
            (quote!(fail_window = "off", critical = true), "fail_window=off; critical=true"),
            (quote!(timeout = "1m 500ms", on_cancel = "7us"), "timeout=1m 500ms; on_cancel=7us"),
            (quote!(on_cancel = failure, on_panic = ignore), "on_cancel=failure; on_panic=ignore"),
            (quote!(fail_max = "off", failure_rate = 0.5), "fail_max=off; failure_rate=0.5"),
            (quote!(env_prefix = "SHOP"), "env_prefix=SHOP"),
            (quote!(backoff), "backoff=on"),
            (quote!(backoff(factor = 3)), "backoff=factor=3"),
            (quote!(backoff(jitter = 0, max = "1h")), "backoff=max=1h, jitter=0"),
        ] {
            assert_eq!(settings_of(args), format!("written {expected:?}"));
        }
    }

    #[test]
    fn rustc_checks_all_values_beside_an_expression() {
        for (args, expected) in [
            (
                quote!(fail_max = MAX, ramp = "30s"),
                ".fail_max(k::__rt::at_least_one(MAX,\"`fail_max`mustbe1ormore\")).ramp(k::__rt::duration(30u64,0u32))",
            ),
            (
                quote!(slow_call_rate = SHARE),
                ".slow_call_rate(k::__rt::rate(SHARE,\"`slow_call_rate`mustbemorethan0andatmost1\"))",
            ),
            (
                quote!(fail_max = "off", failure_rate = SHARE),
                ".fail_max_off().failure_rate(k::__rt::rate(SHARE,\"`failure_rate`mustbemorethan0andatmost1\"))",
            ),
            (quote!(window = SPAN), ".window(k::__rt::above_zero(SPAN,\"`window`mustbemorethanzero\"))"),
            (quote!(window = 200, critical = VITAL), ".window_calls(200u32).critical(VITAL)"),
            (
                quote!(backoff(factor = F, max = "1h", jitter = 0)),
                ".backoff(k::__rt::Backoff::new().factor(k::__rt::growth(F,\"`factor`mustbe1ormore\")).max(k::__rt::duration(3600u64,0u32)).jitter(0f64))",
            ),
        ] {
            let checked = format!("k::__rt::declare::checked(k::__rt::declare::new(){expected})");
            let whole = format!("typed{{const__CONFIG:k::__rt::Config={checked};&__CONFIG}}");
            assert_eq!(settings_of(args).replace(' ', ""), whole);
        }
    }
}
