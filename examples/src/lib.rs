//! Contains the runnable examples: the parts of `cargo run --example assistant`.

pub mod assistant;
