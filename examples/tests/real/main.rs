//! The decoder, and breakers around it, before a real LLM server: llama.cpp's own, on a small model. Where it is not installed (`scripts/llama
//! install`) each of these says so and ends.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod answers;
mod conformance;
mod llama;
mod outages;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "the tests of the other services use the rest")]
mod process;
mod program;
mod queue;
mod streams;
