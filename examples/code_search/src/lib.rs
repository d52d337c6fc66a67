//! The room of the code search: a service that finds functions by what they do, and goes on without
//! any one of its dependencies.
//!
//! A request walks the rooms once: [`http`] -> [`indexing`] (with [`functions`], [`files`],
//! [`nearby`] and [`ranking`]), which asks the [`cascade`] of caches, the [`embedding`] models and
//! the [`database`]. Four breakers stand on this way, each declared by an attribute: `redis_cache`
//! ([`redis`]), `embedding_service`, and `database` and `database_writes` ([`database`]).

pub mod cascade;
pub mod config;
pub mod database;
pub mod embedding;
pub mod error;
pub mod files;
pub mod functions;
pub mod http;
pub mod indexing;
pub mod nearby;
pub mod ranking;
pub mod redis;
pub mod reply;
pub mod service;
pub mod tls;
pub mod words;
