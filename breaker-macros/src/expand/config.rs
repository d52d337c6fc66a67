//! The options as one const expression of type `Config`.

use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};

use super::{Kit, respan};
use crate::args::keys::Key;
use crate::check::values::Setting;
use crate::recover::mixed;

// Output: `K::__rt::Config::new().fail_max(5u32).recovery_timeout(K::__rt::duration(30, 0))`
//
// With `config = SHARED` it starts from that one; the `let` tells a wrong type at the user's path.
pub(super) fn config(kit: &Kit<'_>) -> TokenStream {
    let rt = &kit.rt;
    let setters = kit.plan.settings.iter().map(|(key, at, value)| setter(kit, key, *at, value));
    match &kit.plan.config {
        None => quote_spanned!(Span::mixed_site()=> #rt::Config::new() #(#setters)*),
        Some(shared) => {
            let (at, rt) = (mixed(shared), kit.rt_at(mixed(shared)));
            let typed = quote_spanned!(at=> let __shared: #rt::Config = #shared;);
            quote_spanned!(Span::mixed_site()=> { #typed __shared #(#setters)* })
        }
    }
}

// Output: `.fail_max(5u32)`, `.fail_window_off()`, `.on_panic(K::__rt::OnPanic::Ignore)`
fn setter(kit: &Kit<'_>, key: &Key, at: Span, value: &Setting) -> TokenStream {
    let here = Span::mixed_site();
    // A value of another type is told at the value.
    let of_value = if let Setting::LengthOf(expr) | Setting::Flag(expr) = value { mixed(expr) } else { here };
    let setter = Ident::new(key.name, of_value);
    let value = match value {
        Setting::Off => return quote_spanned!(here=> .fail_window_off()),
        Setting::Count(count, span) => respan(Literal::u32_suffixed(*count).into_token_stream(), *span),
        Setting::CountOf(expr) => checked(kit, "at_least_one", expr, &format!("`{}` must be 1 or more", key.name)),
        Setting::Length(_) | Setting::LengthOf(_) => length(kit, key, value),
        Setting::Flag(expr) => expr.to_token_stream(),
        Setting::Text(text) => text.to_token_stream(),
        Setting::Word(_) | Setting::After(_) => what_it_counts_as(kit, key, value),
    };
    if key.name != "timeout" {
        return quote_spanned!(of_value=> .#setter(#value));
    }
    // Without the feature this name is missing, and rustc says so at the key.
    let at = at.resolved_at(here);
    let rt = kit.rt_at(at);
    let needs = quote_spanned!(at=> #rt::timeout_needs_the_feature_tokio_of_breaker_core());
    quote_spanned!(of_value=> .#setter({ #needs; #value }))
}

// Output: `K::__rt::OnCancel::Failure`, `K::__rt::OnCancel::After(K::__rt::duration(5, 0))`
fn what_it_counts_as(kit: &Kit<'_>, key: &Key, value: &Setting) -> TokenStream {
    let (rt, here) = (&kit.rt, Span::mixed_site());
    let kind = if key.name == "on_cancel" { "OnCancel" } else { "OnPanic" };
    let kind = Ident::new(kind, here);
    match value {
        Setting::After(after) => {
            let after = length(kit, key, after);
            quote_spanned!(here=> #rt::#kind::After(#after))
        }
        Setting::Word("ignore") => quote_spanned!(here=> #rt::#kind::Ignore),
        _ => quote_spanned!(here=> #rt::#kind::Failure),
    }
}

// Output: `K::__rt::duration(30u64, 0u32)`, or the user's expression, checked
fn length(kit: &Kit<'_>, key: &Key, value: &Setting) -> TokenStream {
    let rt = &kit.rt;
    match value {
        Setting::Length(length) => {
            let (secs, nanos) = parts(*length);
            quote_spanned!(Span::mixed_site()=> #rt::duration(#secs, #nanos))
        }
        Setting::LengthOf(expr) if key.name == "recovery_timeout" => expr.to_token_stream(),
        Setting::LengthOf(expr) => checked(kit, "above_zero", expr, &format!("`{}` must be more than zero", key.name)),
        _ => TokenStream::new(),
    }
}

fn parts(length: Duration) -> (u64, u32) {
    (length.as_secs(), length.subsec_nanos())
}

// Output: `K::__rt::at_least_one(LIMIT, "`fail_max` must be 1 or more")`, at the user's `LIMIT`
fn checked(kit: &Kit<'_>, check: &str, expr: &syn::Expr, message: &str) -> TokenStream {
    let at = mixed(expr);
    let (rt, check) = (kit.rt_at(at), Ident::new(check, at));
    quote_spanned!(at=> #rt::#check(#expr, #message))
}
