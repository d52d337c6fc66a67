//! The room of the runnable examples: what `cargo run --example assistant` is made of.

pub mod assistant;
