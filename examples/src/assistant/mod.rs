//! The room of the assistant: a service that answers questions from notes, and goes on while its text-generation API is down.
//!
//! A question walks the rooms once: [`http`] -> [`service`] -> [`question`] (with [`notes`] and [`embedding`]) ->
//! [`generator`], whose one guarded method calls the [`client`]. [`upstream`] is the API's stand-in, [`story`] the demonstration.

pub mod answer;
pub mod cache;
pub mod client;
pub mod config;
pub mod embedding;
pub mod error;
pub mod generator;
pub mod http;
pub mod local;
pub mod notes;
pub mod output;
pub mod question;
pub mod queue;
pub mod reply;
pub mod service;
pub mod story;
pub mod tokens;
pub mod upstream;
