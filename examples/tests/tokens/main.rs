//! Tests the decoder of streamed answers, and what a breaker around it counts.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;
mod counted;
mod dialects;
mod embedded;
mod endings;
mod errors;
mod limits;
mod pieces;
