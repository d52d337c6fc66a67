//! Implements the code search, which finds functions by what they do.
//!
//! It works without any one of its dependencies.
//!
//! A request passes through the modules once. [`http`] calls [`indexing`], with [`functions`],
//! [`files`], [`nearby`] and [`ranking`]. That calls the [`cascade`] of caches, the [`embedding`]
//! models and the [`database`]. Attributes declare the four breakers: `redis_cache` in [`redis`],
//! `embedding_service` in [`embedding`], `database` and `database_writes` in [`database`].

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
