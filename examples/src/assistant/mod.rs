//! Implements the assistant, which answers questions from notes.
//!
//! It does so even while its text-generation API is down.
//!
//! A question passes from [`http`] to [`service`], then [`question`] (with [`notes`] and
//! [`embedding`]), then [`generator`]. The guarded methods of that call a [`provider`] through its
//! [`client`], in the formats of [`wire`]. [`instead`] serves the fallbacks. [`tokens`] decodes a
//! streamed answer, [`streamed`] checks it, and [`telling`] sends it to its user. [`upstream`] is
//! an embedded API, and [`story`] the demonstration.

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
