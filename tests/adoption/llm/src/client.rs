use crate::sse::{chunk, events};
use crate::{ChatRequest, Chunk, LlmError, Reply, Result};
use breaker_core::{circuit_breaker, fallback, retry};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use reqwest::Response;
use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::{json, Value};
use std::error::Error;
use std::pin::Pin;

/// The parts of an answer, as they come.
pub type ChatStream = Pin<Box<dyn Stream<Item = Result<Chunk>> + Send>>;

#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Client {
    pub fn new(base: impl Into<String>, key: impl Into<String>) -> Self {
        Self { http: reqwest::Client::new(), base: base.into(), key: key.into() }
    }

    /// The answer to a request of any kind, whatever its status.
    #[circuit_breaker(name = "llm", fail_max = 3, timeout = "10s", classify)]
    #[fallback(
        value(|rejection| http::Response::builder().status(503).body(rejection.reason()).expect("it is one").into()),
    )]
    pub async fn send(&self, path: &str, body: &Value) -> Result<Response, reqwest::Error> {
        self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body).send().await
    }

    /// The answer to a question before it is read, whatever its status.
    #[circuit_breaker(name = "llm", timeout = "10s", classify, open = |rejection| LlmError::Other(rejection.into()))]
    pub async fn raw(&self, request: &ChatRequest) -> Result<Response> {
        Ok(self.send("/chat", &serde_json::to_value(request)?).await?)
    }

    #[circuit_breaker(name = "llm", timeout = "10s", classify, open = |rejection| LlmError::Other(rejection.into()))]
    pub async fn chat(&self, request: &ChatRequest) -> Result<Reply> {
        self.post("/chat", request).await
    }

    #[circuit_breaker(name = "llm", timeout = "10s", classify, open = |rejection| LlmError::Other(rejection.into()))]
    pub async fn models(&self) -> Result<Vec<String>> {
        let response = self.http.get(format!("{}/models", self.base)).bearer_auth(&self.key).send().await?;
        Ok(checked(response).await?.json().await?)
    }

    /// A vector for each text.
    #[circuit_breaker(name = "llm", timeout = "10s", classify, open = |rejection| LlmError::Other(rejection.into()))]
    #[retry(attempts = 3, min = "100ms", when(LlmError::Api { status: 500.., .. }, LlmError::Http(_)))]
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        self.post("/embeddings", &json!({ "input": texts })).await
    }

    /// The answer in parts, as a stream that has a name.
    #[circuit_breaker(
        name = "llm_streams", fail_max = 3, timeout = "10s", classify, stream,
        open = |rejection| LlmError::Other(rejection.into()),
    )]
    pub async fn chat_stream(&self, mut request: ChatRequest) -> Result<ChatStream> {
        request.stream = true;
        let response = checked(self.raw(&request).await?).await?;
        Ok(events(response).boxed())
    }

    /// The same as one that has none.
    #[circuit_breaker(
        name = "llm_streams", timeout = "10s", classify, stream,
        open = |rejection| LlmError::Other(rejection.into()),
    )]
    pub async fn chat_events(&self, request: &ChatRequest) -> Result<impl Stream<Item = Result<Chunk>> + Send> {
        let request = ChatRequest { stream: true, ..request.clone() };
        let response = checked(self.raw(&request).await?).await?;
        Ok(events(response))
    }

    /// The words of an answer; the question is asked when the first one is.
    pub fn words<'a>(&'a self, model: &'a str, prompt: &'a str) -> impl Stream<Item = Result<String>> + 'a {
        async_stream::try_stream! {
            let mut parts = self.chat_stream(ChatRequest::new(model, prompt)).await?;
            while let Some(part) = parts.next().await {
                yield part?.text;
            }
        }
    }

    /// The bytes of a stream, as the API sends them.
    #[circuit_breaker(
        name = "llm_streams", timeout = "10s", stream,
        exclude(LlmError::Other(error) if error.is::<breaker_core::CircuitBreakerError>()),
    )]
    pub async fn bytes(
        &self,
        request: &ChatRequest,
    ) -> Result<Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>, Box<dyn Error + Send + Sync>> {
        let request = ChatRequest { stream: true, ..request.clone() };
        Ok(Box::pin(checked(self.raw(&request).await?).await?.bytes_stream()))
    }

    /// Whether a text may be shown; one that nobody has looked at may not.
    pub async fn is_harmless(&self, text: &str) -> bool {
        let verdict: Result<bool> = self.post("/moderations", &json!({ "input": text })).await;
        verdict.unwrap_or(false)
    }

    #[circuit_breaker(name = "llm", timeout = "10s", classify, open = |rejection| LlmError::Other(rejection.into()))]
    async fn post<B, T>(&self, path: &str, body: &B) -> Result<T>
    where
        B: Serialize + Sync + ?Sized,
        T: DeserializeOwned,
    {
        let response = self.send(path, &serde_json::to_value(body)?).await?;
        Ok(checked(response).await?.json().await?)
    }
}

/// The first part of an answer that is a stream; for a look at what a model begins with.
pub(crate) async fn first(client: &Client, request: ChatRequest) -> Option<Chunk> {
    client.chat_stream(request).await.ok()?.next().await?.ok()
}

async fn checked(response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let message = chunk(&response.bytes().await?).unwrap_or_default();
    Err(LlmError::Api { status: status.as_u16(), message })
}
