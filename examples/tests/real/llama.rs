//! Runs the llama.cpp server of a test, calls it, and counts a breaker's results.

use std::time::Duration;

use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, Registry, circuit_breaker};
use breaker_examples::assistant::tokens::{Event, StreamError, decode};
use breaker_servers::{Server, llama_sentence, until};
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const COMPLETIONS: &str = "/v1/completions";

pub(crate) struct Llama {
    pub(crate) server: Server,
    pub(crate) http: Client,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("{0}")]
    Breaker(#[from] CircuitBreakerError),
    #[error("{0}")]
    Stream(#[from] StreamError<reqwest::Error>),
    #[error("{0}")]
    Connect(#[from] reqwest::Error),
    #[error("{0}: {1}")]
    Status(StatusCode, String),
}

pub(crate) type Events = BoxStream<'static, Result<Event, AskError>>;

impl Llama {
    pub(crate) async fn start(settings: &[&str]) -> Option<Self> {
        let server = Server::llama(settings).await?;
        // An error means that another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The server closes a connection after a streamed answer, although its head says otherwise:
        // the next request on it gets no answer.
        let http = Client::builder().no_proxy().tls_certs_only([]).pool_max_idle_per_host(0).build().unwrap();
        Some(Self { server, http })
    }

    pub(crate) fn post(&self, route: &str, body: &Value) -> RequestBuilder {
        self.http.post(format!("http://127.0.0.1:{}{route}", self.server.port)).json(body)
    }

    /// How many answers are in flight.
    pub(crate) async fn busy_slots(&self) -> usize {
        let url = format!("http://127.0.0.1:{}/slots", self.server.port);
        let slots: Vec<Value> = self.http.get(url).send().await.unwrap().json().await.unwrap();
        slots.iter().filter(|slot| slot["is_processing"] == true).count()
    }

    pub(crate) async fn until_slots_are_busy(&self, count: usize) {
        until(&format!("{count} slots are busy"), async || self.busy_slots().await == count).await;
    }

    /// An answer whose limits are too long to end it.
    #[circuit_breaker(name = "llama", stream(first_item = "30s", item_timeout = "30s", until = Event::completes))]
    pub(crate) async fn ask(&self, body: &Value) -> Result<Events, AskError> {
        self.stream(CHAT, body).await
    }

    /// An answer with a short limit for the first token.
    #[circuit_breaker(name = "llama", stream(first_item = "500ms", item_timeout = "30s", until = Event::completes))]
    pub(crate) async fn ask_at_once(&self, body: &Value) -> Result<Events, AskError> {
        self.stream(CHAT, body).await
    }

    /// An answer with a limit of some seconds for the first token.
    #[circuit_breaker(name = "llama", stream(first_item = "3s", item_timeout = "30s", until = Event::completes))]
    pub(crate) async fn ask_within_seconds(&self, body: &Value) -> Result<Events, AskError> {
        self.stream(CHAT, body).await
    }

    /// An answer with a short limit for every later token.
    #[circuit_breaker(name = "llama", stream(first_item = "30s", item_timeout = "2s", until = Event::completes))]
    pub(crate) async fn ask_steadily(&self, body: &Value) -> Result<Events, AskError> {
        self.stream(CHAT, body).await
    }

    pub(crate) async fn stream(&self, route: &str, body: &Value) -> Result<Events, AskError> {
        let mut body = body.clone();
        body["stream"] = json!(true);
        let response = self.post(route, &body).send().await?;
        if !response.status().is_success() {
            return Err(AskError::Status(response.status(), response.text().await?));
        }
        Ok(Box::pin(decode(response.bytes_stream()).map_err(AskError::from)))
    }
}

/// A question, which gets the model's sentence.
pub(crate) fn question() -> Value {
    json!({ "messages": [{ "role": "user", "content": "Is it open?" }] })
}

/// A question that gets the sentence again and again, until the context is full.
pub(crate) fn endless() -> Value {
    let mut body = question();
    body["ignore_eos"] = json!(true);
    body
}

/// The words of the sentence as tokens.
pub(crate) fn sentence() -> Vec<Event> {
    llama_sentence().split(' ').map(|word| Event::Token(format!(" {word}"))).collect()
}

/// All events to the end, which must not be an error.
pub(crate) async fn read(events: Events) -> Vec<Event> {
    events.try_collect().await.unwrap()
}

/// Reads this many tokens.
pub(crate) async fn read_tokens(events: &mut Events, count: usize) {
    for _ in 0..count {
        assert!(matches!(events.next().await, Some(Ok(Event::Token(_)))));
    }
}

/// The breaker of all calls. It opens at the second consecutive failure, and admits a probe after
/// 50 ms.
pub(crate) fn breaker() -> CircuitBreaker {
    let config = Config::new().fail_max(2).recovery_timeout(Duration::from_millis(50));
    Registry::global().set_config("llama", config).unwrap();
    Registry::global().breaker("llama", Config::new()).unwrap()
}

/// Successes, failures and cancelled calls.
pub(crate) fn counts(breaker: &CircuitBreaker) -> [u64; 3] {
    let seen = breaker.snapshot();
    [seen.success_count, seen.failure_count, seen.cancelled_count]
}
