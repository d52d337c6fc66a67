//! The code search as a client meets it: over HTTP, on a real Redis and a real PostgreSQL that are killed, frozen, filled and restarted.

mod cascade;
mod embeddings;
mod environment;
mod harness;
mod logging;
mod postgres;
mod redis_outages;
mod routes;
mod servers;
