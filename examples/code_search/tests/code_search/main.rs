//! Tests the code search over HTTP, with a real Redis and PostgreSQL.
//!
//! The tests kill, freeze, fill and restart these servers.

mod cascade;
mod dark;
mod embeddings;
mod ending;
mod environment;
mod harness;
mod logging;
mod postgres;
mod postgres_answers;
#[path = "../../../tests/shared/process.rs"]
mod process;
mod redis_outages;
#[path = "../../../tests/shared/reply.rs"]
mod reply;
mod routes;
mod servers;
mod tls;
mod writes;
