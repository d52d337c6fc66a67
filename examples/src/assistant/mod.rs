//! The assistant: a service that answers questions from notes, and goes on while its
//! text-generation API is down.
//!
//! A question takes one way: [`http`] -> [`service`] -> [`question`] (with [`notes`] and
//! [`embedding`]) -> [`generator`], whose guarded methods ask a [`provider`] through its [`client`]
//! in the words of [`wire`]; [`instead`] is what is served where they fail. An answer that comes
//! token by token is decoded by [`tokens`], made fit by [`streamed`], and told to its user by
//! [`telling`]. [`upstream`] is the API's stand-in, [`story`] the demonstration.

pub mod answer;
pub mod api;
pub mod ask;
pub mod asking;
pub mod cache;
pub mod client;
pub mod config;
pub mod embedding;
pub mod endpoint;
pub mod error;
pub mod generator;
pub mod health;
pub mod http;
pub mod instead;
pub mod local;
pub mod notes;
pub mod output;
pub mod provider;
pub mod question;
pub mod queue;
pub mod reply;
pub mod secret;
pub mod service;
pub mod standing;
pub mod story;
pub mod streamed;
pub mod telling;
pub mod tokens;
pub mod upstream;
pub mod wire;
