//! The targets for libFuzzer: `FUZZ_TARGET` names the one.

#![no_main]

use breaker_fuzz::{TARGETS, Target, text};
use std::sync::LazyLock;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.into_iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("there is no target `{name}`")).1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(text) = text(bytes) {
        TARGET(text);
    }
});
