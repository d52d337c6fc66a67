//! Checks the value of each key: its kind and its range.
//!
//! `setting` holds a value, `literal` reads expressions, `duration_hint` shows durations. The other
//! files check one kind of value each: `duration`, `float`, `name` and `word`.
//!
//! May use: `parse` and what is below it. To add a key, name its check in `by_key`. To add a kind
//! of value, write its check in a file of its own.

mod duration;
mod duration_hint;
mod float;
mod literal;
mod name;
mod setting;
mod word;

use syn::{Expr, Result};

pub(super) use self::duration_hint::shown;
pub(crate) use self::float::{backoff, factor, jitter};
pub(super) use self::literal::number;
use self::literal::{no_self, unwrapped};
pub(crate) use self::name::{config, key, name, open, until};
pub(crate) use self::setting::{Backoff, Number, Setting};
use crate::parse::keys::Key;

pub(crate) fn setting(key: &Key, value: Expr) -> Result<Setting> {
    let value = unwrapped(value);
    no_self(&value, key.name)?;
    by_key(key, value)
}

/// The same for a value that the function evaluates: it may use `Self`.
pub(super) fn in_place(key: &Key, value: Expr) -> Result<Setting> {
    by_key(key, unwrapped(value))
}

/// A count that belongs to the function, of any key.
pub(super) fn constant_count(key: &Key, value: Expr) -> Result<Setting> {
    let value = unwrapped(value);
    no_self(&value, key.name)?;
    word::count(key, value)
}

/// The same for a duration.
pub(super) fn constant_length(key: &Key, value: Expr) -> Result<Setting> {
    let value = unwrapped(value);
    no_self(&value, key.name)?;
    duration::length(key, value)
}

fn by_key(key: &Key, value: Expr) -> Result<Setting> {
    match key.name {
        "fail_max"
        | "half_open_max_calls"
        | "success_threshold"
        | "max_keys"
        | "min_calls"
        | "window_fail_max"
        | "probe_count"
        | "max_concurrent"
        | "attempts" => word::count(key, value),
        "window" => word::window(key, value),
        "failure_rate" | "slow_call_rate" | "probe_failure_rate" => float::share(key, value),
        "critical" | "enabled" => word::flag(key, value),
        "on_cancel" | "on_panic" => word::word(key, value),
        "env_prefix" => name::env(&value),
        _ => duration::length(key, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::keys;

    fn message(key: &str, value: Expr) -> String {
        let key = keys::CIRCUIT_BREAKER.iter().find(|known| known.name == key).expect("a key");
        setting(key, value).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_number_is_refused_with_the_duration_to_write() {
        for (value, fix) in [
            (syn::parse_quote!(30), "\"30s\""),
            (syn::parse_quote!("30"), "\"30s\""),
            (syn::parse_quote!(500ms), "\"500ms\""),
            (syn::parse_quote!(0.25), "\"250ms\""),
            (syn::parse_quote!(-1_000), "\"1000s\""),
            (syn::parse_quote!(30u64), "\"30s\""),
            (syn::parse_quote!("5min"), "\"5m\""),
        ] {
            assert!(message("recovery_timeout", value).ends_with(&format!("did you mean {fix}?")), "{fix}");
        }
    }

    #[test]
    fn only_the_recovery_timeout_may_be_zero() {
        assert_eq!(message("recovery_timeout", syn::parse_quote!("0s")), "");
        for key in ["fail_window", "probe_timeout", "timeout", "on_cancel"] {
            assert_eq!(message(key, syn::parse_quote!("0s")), format!("`{key}` must be more than zero"));
            assert!(message(key, syn::parse_quote!(0)).ends_with("must be more than zero"));
        }
    }

    #[test]
    fn the_edges_of_a_count() {
        for (value, right) in [("0", false), ("1", true), ("4294967295", true), ("4294967296", false)] {
            let value = syn::parse_str(value).expect("a number");
            assert_eq!(message("fail_max", value).is_empty(), right);
        }
    }
}
