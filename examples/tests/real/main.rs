//! The decoder, and breakers around it, before a real LLM server: llama.cpp's own, on a small
//! model. The embedded API beside that server, and before the official clients. Where those are not
//! installed (`scripts/llama install`, `scripts/llm-clients install`) each of these says so and
//! ends.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod answers;
mod both;
mod clients;
mod conformance;
mod llama;
mod outages;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "the tests of the other services use the rest")]
mod process;
mod program;
mod queue;
mod streams;
