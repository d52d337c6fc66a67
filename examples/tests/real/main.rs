//! The decoder, and breakers around it, before a real LLM server: llama.cpp's own, on a small model. The embedded API beside that server, and
//! before the official clients. Where those are not installed (`scripts/llama install`, `scripts/llm-clients install`) each of these says so
//! and ends.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod answers;
mod both;
mod clients;
mod conformance;
mod llama;
mod outages;
mod queue;
mod streams;
