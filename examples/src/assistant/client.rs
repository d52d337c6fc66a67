//! The API client: one prompt out, one completion in, over HTTP, and every way in which that can go wrong.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use reqwest::{Client, ClientBuilder, Response, redirect};

use super::{
    endpoint::Endpoint,
    error::GenerationError,
    output::{strip_prompt, validate},
    wire::{
        completion::Completion,
        fault::{Told, shorten},
        finish::Finish,
        request::{Body, GenerationParameters},
        waits,
    },
};

/// More bytes than any answer has; what goes on beyond it is not read.
const MAX_BODY_BYTES: usize = 1 << 20;

/// What a user reads where the model declined without a word.
const DECLINED: &str = "The model declined to answer this question.";

/// A client of one text-generation API.
#[derive(Debug)]
pub struct ApiClient {
    http: Client,
    endpoint: Endpoint,
    parameters: GenerationParameters,
    sent: AtomicU64,
}

impl ApiClient {
    /// A client of this API.
    ///
    /// # Errors
    /// The system's root certificates cannot be loaded.
    pub fn new(endpoint: Endpoint, parameters: GenerationParameters) -> Result<Self, reqwest::Error> {
        let builder = if endpoint.route.scheme() == "http" { plain_client() } else { secure_client() };
        let http = builder
            .connect_timeout(Duration::from_secs(5))
            // A redirect could take the question to another host.
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { http, endpoint, parameters, sent: AtomicU64::new(0) })
    }

    /// The API that it asks.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
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
    pub async fn generate(&self, prompt: &str) -> Result<Completion, GenerationError> {
        let response = self.post(prompt).await?;
        let (status, wait) = (response.status(), waits::asked(response.headers()));
        let body = read_bounded(response).await?;
        let body = String::from_utf8_lossy(&body);
        let read = match status.is_success() {
            true => Completion::read(&body, wait),
            false => Err(Told::read(&body).sort(status.as_u16(), wait)),
        };
        // An API repeats a token that it does not know. It is hidden before the words are shortened, which could leave a part of it.
        let Completion { text, finish, model } =
            read.map_err(|error| error.in_words(|words| shorten(&self.hide(words))))?;
        let text = match (finish, text.trim()) {
            (Finish::Declined, "") => DECLINED.to_owned(),
            (_, text) => validate(strip_prompt(text, prompt))?,
        };
        Ok(Completion { text: self.hide_long(text), finish, model: model.map(|model| shorten(&self.hide(&model))) })
    }

    async fn post(&self, prompt: &str) -> Result<Response, GenerationError> {
        let Endpoint { route, token, bill_to, .. } = &self.endpoint;
        let body = Body::new(&self.endpoint, prompt, &self.parameters);
        let mut request = self.http.post(route.clone()).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token.reveal());
        }
        if let Some(organisation) = bill_to {
            request = request.header("x-hf-bill-to", organisation);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        request.send().await.map_err(unreached)
    }

    fn hide(&self, words: &str) -> String {
        self.endpoint.token.as_ref().map_or_else(|| words.to_owned(), |token| token.hide(words))
    }

    /// In an answer a short token is a word like any other: local servers have `none`.
    fn hide_long(&self, text: String) -> String {
        match &self.endpoint.token {
            Some(token) if token.is_long() => token.hide(&text),
            _ => text,
        }
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

/// An address may have a password or a key in it.
fn unreached(error: reqwest::Error) -> GenerationError {
    GenerationError::Connect(error.without_url())
}

async fn read_bounded(mut response: Response) -> Result<Vec<u8>, GenerationError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreached)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(GenerationError::Unreadable(format!("more than {MAX_BODY_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
