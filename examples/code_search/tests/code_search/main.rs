//! The code search as a client meets it: over HTTP, on a real Redis and a real PostgreSQL that are
//! killed, frozen, filled and restarted.

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
