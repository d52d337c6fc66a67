//! The room of the API client: one prompt out, one text in, over HTTP, and every way in which that can go wrong.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use breaker_core::presets;
use reqwest::{Client, ClientBuilder, Response, StatusCode, Url, redirect};
use serde::{Deserialize, Serialize};

use super::{
    error::GenerationError,
    output::{strip_prompt, validate},
};

/// More bytes than any answer has; what goes on beyond it is not read.
const MAX_BODY_BYTES: usize = 1 << 20;

/// How much of an error's text is passed on.
const MAX_MESSAGE_CHARS: usize = 200;

/// A token that is never printed: its `Debug` shows that there is one, no more.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a token.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// How the text is generated; the names are those of the API.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GenerationParameters {
    /// The most tokens that the answer may have.
    pub max_new_tokens: u32,
    /// How freely the next token is chosen; above 0.
    pub temperature: f64,
    /// The share of the likeliest tokens that are chosen from; above 0, at most 1.
    pub top_p: f64,
    /// How much a token that was there already loses; 1 is nothing.
    pub repetition_penalty: f64,
}

/// A client of one text-generation API.
#[derive(Debug)]
pub struct ApiClient {
    http: Client,
    url: Url,
    token: Option<Secret>,
    parameters: GenerationParameters,
    sent: AtomicU64,
}

impl ApiClient {
    /// A client for the model at `url`.
    ///
    /// # Errors
    /// The system's root certificates cannot be loaded.
    pub fn new(url: Url, token: Option<Secret>, parameters: GenerationParameters) -> Result<Self, reqwest::Error> {
        let builder = if url.scheme() == "http" { plain_client() } else { secure_client() };
        let http = builder
            .connect_timeout(Duration::from_secs(5))
            // A redirect could take the question to another host.
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { http, url, token, parameters, sent: AtomicU64::new(0) })
    }

    /// How many requests were sent, or tried to be, since the start.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends one prompt, and gives the model's text without it.
    ///
    /// # Errors
    /// Any variant of [`GenerationError`] that speaks of the API.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection.
    pub async fn generate(&self, prompt: &str) -> Result<String, GenerationError> {
        let response = self.post(prompt).await?;
        let (status, retry_after) = (response.status(), presets::retry_after(response.headers()));
        let body = read_bounded(response).await?;
        if !status.is_success() {
            return Err(refusal(status, retry_after, &body));
        }
        let generated = parse(&body)?;
        Ok(validate(strip_prompt(&generated, prompt))?)
    }

    async fn post(&self, prompt: &str) -> Result<Response, GenerationError> {
        let mut request =
            self.http.post(self.url.clone()).json(&Inputs { inputs: prompt, parameters: &self.parameters });
        if let Some(Secret(token)) = &self.token {
            request = request.bearer_auth(token);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        request.send().await.map_err(GenerationError::Connect)
    }
}

/// The beginning of a client that speaks HTTP only, and so does without the system's root certificates: there may be none.
pub fn plain_client() -> ClientBuilder {
    secure_client().tls_certs_only([])
}

fn secure_client() -> ClientBuilder {
    // An error says that the process has chosen a provider already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

#[derive(Serialize)]
struct Inputs<'a> {
    inputs: &'a str,
    parameters: &'a GenerationParameters,
}

#[derive(Deserialize)]
struct Generated {
    generated_text: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

async fn read_bounded(mut response: Response) -> Result<Vec<u8>, GenerationError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(GenerationError::Connect)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(GenerationError::Unreadable(format!("more than {MAX_BODY_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse(body: &[u8]) -> Result<String, GenerationError> {
    let list: Vec<Generated> =
        serde_json::from_slice(body).map_err(|error| GenerationError::Unreadable(error.to_string()))?;
    let first = list.into_iter().next().ok_or_else(|| GenerationError::Unreadable("an empty list".to_owned()))?;
    Ok(first.generated_text)
}

fn refusal(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> GenerationError {
    let message = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.error.chars().take(MAX_MESSAGE_CHARS).collect(),
        Err(_) => status.canonical_reason().unwrap_or("no reason given").to_owned(),
    };
    if status == StatusCode::SERVICE_UNAVAILABLE && message.contains("is currently loading") {
        return GenerationError::ModelLoad(message);
    }
    GenerationError::Http { status: status.as_u16(), message, retry_after }
}
