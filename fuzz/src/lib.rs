//! Fuzz targets: functions that take any bytes, and panic where a promise is broken.
//!
//! `cargo test -p breaker-fuzz` replays the kept inputs of `corpus/` and changes of them, the same ones in each run;
//! `scripts/fuzz` hands the functions to libFuzzer, which finds new ones.
#![forbid(unsafe_code)]

pub mod macros;
pub mod mutate;
pub mod settings;
pub mod written;

// A crate of attributes cannot be linked as a library, so its rooms are read again here, under the names by which they call
// each other. Outside of a compiler `proc_macro2` has tokens of its own.
#[path = "../../breaker-macros/src"]
mod rooms {
    pub(crate) mod args;
    pub(crate) mod block;
    pub(crate) mod check;
    pub(crate) mod classify;
    pub(crate) mod expand;
    pub(crate) mod fallback;
    pub(crate) mod recover;
    pub(crate) mod target;
    pub(crate) mod uses;
}
use rooms::{args, block, check, classify, expand, fallback, recover, target, uses};

/// A function that takes any input.
pub type Target = fn(&str);

/// The targets by name, which is also that of their directory in `corpus/`.
pub const TARGETS: [(&str, Target); 5] = [
    ("attribute", macros::attribute),
    ("helper", macros::helper),
    ("classify", macros::classify),
    ("environment", settings::environment),
    ("file", settings::file),
];

/// Inputs are no longer than this: syn reads what is nested by recursion, as rustc does.
pub const LONGEST: usize = 4096;

/// The input as text, unless it is none or too long.
#[must_use]
pub fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST)
}
