//! Sends texts to an embedding API over HTTP, and returns their vectors.
//!
//! The protocol is that of Hugging Face's text-embeddings-inference at `/embed`:
//! `{"inputs": ["a", "b"]}` becomes `[[0.1, ..], [0.2, ..]]`.

use std::time::Duration;

use breaker_core::presets;
use reqwest::{Client, redirect};
use serde::Serialize;

use super::{EmbeddingError, Vector};
use crate::tls;

/// One embedding API.
#[derive(Debug)]
pub(super) struct Api {
    http: Client,
    url: String,
    token: Option<String>,
}

#[derive(Serialize)]
struct Inputs<'a> {
    inputs: &'a [&'a str],
}

impl Api {
    pub(super) fn new(url: &str, token: Option<&str>) -> Result<Self, EmbeddingError> {
        tls::install_provider();
        let builder = Client::builder().connect_timeout(Duration::from_secs(5)).redirect(redirect::Policy::none());
        // Without the system's root certificates: plain HTTP needs none, and the system may have
        // none.
        let builder = if url.starts_with("http://") { builder.tls_certs_only([]) } else { builder };
        Ok(Self { http: builder.build()?, url: url.to_owned(), token: token.map(str::to_owned) })
    }

    pub(super) async fn embed(&self, texts: &[&str]) -> Result<Vec<Vector>, EmbeddingError> {
        let mut request = self.http.post(&self.url).json(&Inputs { inputs: texts });
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        if !response.status().is_success() {
            let (status, retry_after) = (response.status().as_u16(), presets::retry_after(response.headers()));
            return Err(EmbeddingError::Answered { status, retry_after });
        }
        let vectors: Vec<Vec<f32>> = response.json().await?;
        let usable = vectors.iter().filter(|vector| !vector.is_empty()).count();
        if usable != texts.len() || vectors.len() != texts.len() {
            return Err(EmbeddingError::Unusable { asked: texts.len(), got: usable });
        }
        Ok(vectors.iter().map(|vector| Vector::unit(vector)).collect())
    }
}
