//! Tests the decoder, with breakers around it, on a real LLM server.
//!
//! The server is llama.cpp's own, with a small model. The tests also compare the embedded API with
//! that server, and use the official clients. Where those are not installed
//! (`scripts/llama install`, `scripts/llm-clients install`), each test says so and ends.
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
