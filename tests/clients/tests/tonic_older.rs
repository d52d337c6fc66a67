//! Tests the most important parts of the preset for tonic with the previous versions.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::duplicate_mod, reason = "one file is compiled for each version")]

mod web;

#[path = "tonic_older"]
mod tonic_0_12 {
    use ::tonic_0_12 as tonic;

    mod version;
}

#[path = "tonic_older"]
mod tonic_0_13 {
    use ::tonic_0_13 as tonic;

    mod version;
}
