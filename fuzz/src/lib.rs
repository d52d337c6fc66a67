//! Defines the fuzz targets: functions that accept any bytes, and panic where a promise is broken.
//!
//! `cargo test -p breaker-fuzz` replays the kept inputs of `corpus/` and changes of them, the same
//! ones each time. `scripts/fuzz` runs the functions under libFuzzer, which finds new ones.
#![forbid(unsafe_code)]

pub mod macros;
pub mod mutate;
pub mod settings;
pub mod written;

// A proc-macro crate cannot be linked as a library, so this crate compiles its modules again, under
// their own names. Outside of a compiler `proc_macro2` has its own tokens.
#[path = "../../breaker-macros/src"]
mod sources {
    pub(crate) mod attributes;
    pub(crate) mod companion_attributes;
    pub(crate) mod derive_classify;
    pub(crate) mod diagnostics;
    pub(crate) mod expand;
    pub(crate) mod identifiers;
    pub(crate) mod impl_block;
    pub(crate) mod item;
    pub(crate) mod parse;
    pub(crate) mod spans;
    pub(crate) mod validate;
}
use sources::{
    attributes, companion_attributes, derive_classify, diagnostics, expand, identifiers, impl_block, item, parse,
    spans, validate,
};

/// A function that accepts any input.
pub type Target = fn(&str);

/// The targets by name, which is also the name of their directory in `corpus/`.
pub const TARGETS: [(&str, Target); 5] = [
    ("attribute", macros::attribute),
    ("helper", macros::helper),
    ("classify", macros::classify),
    ("environment", settings::environment),
    ("file", settings::file),
];

/// The limit of an input: syn reads nested code by recursion, as rustc does.
pub const LONGEST: usize = 4096;

/// The input as text, unless it is not UTF-8 or too long.
#[must_use]
pub fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST)
}
