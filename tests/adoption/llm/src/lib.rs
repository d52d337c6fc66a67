//! A client of a text-generation API.

mod client;
mod error;
mod provider;
mod sse;

pub use client::{ChatStream, Client};
pub use error::{LlmError, Result};
pub use provider::{generate_all, Provider};

use serde::{Deserialize, Serialize};

/// A question to a model.
#[derive(Clone, Debug, Serialize)]
pub struct ChatRequest {
    pub model: String,
    pub prompt: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
}

impl ChatRequest {
    pub fn new(model: impl Into<String>, prompt: impl Into<String>) -> Self {
        Self { model: model.into(), prompt: prompt.into(), stream: false }
    }
}

/// A whole answer.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Reply {
    pub text: String,
}

/// A part of an answer.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Chunk {
    pub text: String,
}
