//! Sends a prompt to the API over HTTP, and reads the completion or the error.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, ClientBuilder, Response, header::CONTENT_TYPE, redirect};

use super::{
    endpoint::Endpoint,
    error::GenerationError,
    output::{strip_prompt, validate},
    tokens::{Tokens, decode},
    wire::{
        completion::Completion,
        fault::{Told, shorten},
        finish::Finish,
        request::{Body, GenerationParameters},
        waits,
    },
};

/// More bytes than any answer has; the client does not read beyond it.
const MAX_BODY_BYTES: usize = 1 << 20;

/// The text for a user where the model declined without a word.
pub(super) const DECLINED: &str = "The model declined to answer this question.";

/// An API's response to a request for a streamed answer.
#[derive(Debug)]
pub enum Reply {
    /// A stream.
    Tokens(Tokens<reqwest::Error>),
    /// A complete answer.
    Whole(Completion),
}

/// A client of one text-generation API.
#[derive(Debug)]
pub struct ApiClient {
    http: Client,
    /// Without kept connections: some servers close one after a streamed answer without notice.
    streaming: Client,
    endpoint: Arc<Endpoint>,
    parameters: GenerationParameters,
    sent: AtomicU64,
}

impl ApiClient {
    /// A client of this API.
    ///
    /// # Errors
    /// The system's root certificates cannot be loaded.
    pub fn new(endpoint: Endpoint, parameters: GenerationParameters) -> Result<Self, reqwest::Error> {
        let client = || {
            let builder = if endpoint.route.scheme() == "http" { plain_client() } else { secure_client() };
            // A redirect could send the question to another host.
            builder.connect_timeout(Duration::from_secs(5)).redirect(redirect::Policy::none())
        };
        let (http, streaming) = (client().build()?, client().pool_max_idle_per_host(0).build()?);
        Ok(Self { http, streaming, endpoint: Arc::new(endpoint), parameters, sent: AtomicU64::new(0) })
    }

    /// The API that it calls.
    #[must_use]
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// How many requests it has sent, or tried to send, since the start.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends one prompt, and returns the model's text without the prompt.
    ///
    /// # Errors
    /// Any variant of [`GenerationError`] that describes the API.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection.
    pub async fn generate(&self, prompt: &str) -> Result<Completion, GenerationError> {
        self.read(self.post(&self.http, prompt, false).await?, prompt).await
    }

    /// Sends one prompt, and requests a streamed answer. An API without streaming returns a
    /// complete one.
    ///
    /// # Errors
    /// Any variant of [`GenerationError`] that describes the API.
    ///
    /// # Cancellation
    /// Dropping the future or the tokens closes the connection, and the server stops writing.
    pub async fn stream(&self, prompt: &str) -> Result<Reply, GenerationError> {
        let response = self.post(&self.streaming, prompt, true).await?;
        if response.status().is_success() && is_event_stream(&response) {
            return Ok(Reply::Tokens(decode(response.bytes_stream())));
        }
        Ok(Reply::Whole(self.read(response, prompt).await?))
    }

    async fn read(&self, response: Response, prompt: &str) -> Result<Completion, GenerationError> {
        let (status, wait) = (response.status(), waits::asked(response.headers()));
        let body = read_bounded(response).await?;
        let body = String::from_utf8_lossy(&body);
        let read = match status.is_success() {
            true => Completion::read(&body, wait),
            false => Err(Told::read(&body).sort(status.as_u16(), wait)),
        };
        let Completion { text, finish, model } = read.map_err(|error| self.endpoint.in_fit_words(error))?;
        let text = match (finish, text.trim()) {
            (Finish::Declined, "") => DECLINED.to_owned(),
            (_, text) => validate(strip_prompt(text, prompt))?,
        };
        let model = model.map(|model| shorten(&self.endpoint.hide(&model)));
        Ok(Completion { text: self.endpoint.hide_long(text), finish, model })
    }

    async fn post(&self, http: &Client, prompt: &str, stream: bool) -> Result<Response, GenerationError> {
        let Endpoint { route, kind, token, bill_to, .. } = &*self.endpoint;
        let route = if stream { kind.stream_route(route) } else { route.clone() };
        let body = Body::new(&self.endpoint, prompt, &self.parameters, stream);
        let mut request = http.post(route).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token.reveal());
        }
        if let Some(organisation) = bill_to {
            request = request.header("x-hf-bill-to", organisation);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        request.send().await.map_err(unreached)
    }
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// The builder of a client for plain HTTP. It does without the system's root certificates, since
/// there may be none.
pub fn plain_client() -> ClientBuilder {
    secure_client().tls_certs_only([])
}

fn secure_client() -> ClientBuilder {
    // An error means that the process already has a provider, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

/// An address may contain a password or a key.
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
