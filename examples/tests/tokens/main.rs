//! The decoder of streamed answers: what bytes mean, and what a breaker counts that is put around
//! it.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;
mod counted;
mod dialects;
mod embedded;
mod endings;
mod errors;
mod limits;
mod pieces;
