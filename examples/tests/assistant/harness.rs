//! Runs a service and its API on loopback sockets, with a clock that only the test moves.

use std::{sync::mpsc, time::Duration};

use breaker_core::{CircuitBreaker, Config, Event, EventReceiver, Snapshot};
use breaker_examples::assistant::{
    api::ApiKind,
    client::plain_client,
    config::{AssistantConfig, Backend, RetryPolicy},
    endpoint::Endpoint,
    generator::Generator,
    question::Wish,
    service::{self, Assistant, Service},
    telling::Piece,
    upstream::{Behaviour, Canned, Upstream, UpstreamHandle},
};
use futures_util::{StreamExt as _, stream::BoxStream};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use sse_stream::{Sse, SseByteStream};
use tokio::{
    sync::{Mutex, MutexGuard, mpsc::Receiver},
    task::{JoinHandle, spawn_blocking},
};

pub(crate) use crate::reply::{Reply, send};

/// A question that the notes can answer.
pub(crate) const KNOWN: &str = "How often do I feed the sourdough starter?";

/// Words of the note that answers it.
pub(crate) const KNOWN_ANSWER: &str = "Feed the sourdough starter";

/// A question that the notes know nothing about.
pub(crate) const UNKNOWN: &str = "Who won the chess championship in Reykjavik?";

/// One attempt for each question, so that a test can count calls without advancing the time.
pub(crate) const NO_RETRY: RetryPolicy =
    RetryPolicy { attempts: 1, min: Duration::from_secs(2), max: Duration::from_secs(10), jitter: 0.0 };

/// The retries of the service, without jitter.
pub(crate) const RETRY: RetryPolicy = RetryPolicy { attempts: 3, ..NO_RETRY };

/// All tests of a process share its breaker, and `cargo test` runs many in one process: they take
/// turns.
static TURN: Mutex<()> = Mutex::const_new(());

/// A running service with its API.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) api: UpstreamHandle,
    pub(crate) breaker: CircuitBreaker,
    client: Client,
    _upstream: Upstream,
    _stillness: Stillness,
    // Last, so that the others are dropped when the next test has its turn.
    _turn: MutexGuard<'static, ()>,
}

impl Reply {
    /// The text of an answer.
    pub(crate) fn answer(&self) -> &str {
        self.body["answer"].as_str().unwrap_or_default()
    }

    /// One entry of the metadata.
    pub(crate) fn meta(&self, key: &str) -> &Value {
        &self.body["metadata"][key]
    }
}

impl World {
    /// A service that tries each call once.
    pub(crate) async fn new() -> Self {
        Self::with(AssistantConfig { retry: NO_RETRY, ..AssistantConfig::default() }).await
    }

    /// A service that tries each call once, with this behaviour of the embedded API.
    pub(crate) async fn saying(change: impl FnOnce(&mut Endpoint)) -> Self {
        let config = AssistantConfig { retry: NO_RETRY, ..AssistantConfig::default() };
        Self::build(config, |config, url| {
            let mut endpoint = Endpoint::embedded(url, ApiKind::Chat, "embedded");
            change(&mut endpoint);
            config.backend = Some(Backend::Api(endpoint));
        })
        .await
    }

    /// A service with these settings and the embedded API.
    pub(crate) async fn with(config: AssistantConfig) -> Self {
        Self::build(config, |_, _| ()).await
    }

    async fn build(mut config: AssistantConfig, change: impl FnOnce(&mut AssistantConfig, &Url)) -> Self {
        let turn = TURN.lock().await;
        let stillness = Stillness::begin();
        let upstream = Upstream::start(0).await.expect("a loopback port is free");
        let url = upstream.url().parse().expect("its own address is one");
        change(&mut config, &url);
        let assistant = Assistant::new(config, Some(url)).expect("the parts fit");
        // An earlier test in this process may have left one of them open, or with another limit.
        service::breaker().expect("annotated functions register their breakers").clear_override();
        let breaker = assistant.breaker().expect("it is the same function's");
        breaker.reconfigure(Config::new().max_concurrent(256)).expect("it is in its range");
        breaker.clear_override();
        breaker.reset();
        let service = Service::start(assistant, 0).await.expect("a loopback port is free");
        let (api, client) = (upstream.handle(), plain_client().build().expect("it needs nothing"));
        Self { service, api, breaker, client, _upstream: upstream, _stillness: stillness, _turn: turn }
    }

    /// Asks, with metadata, and waits for the reply.
    pub(crate) async fn ask(&self, user: &str, query: &str) -> Reply {
        self.post(json!({"query": query, "user_id": user, "include_metadata": true})).await
    }

    /// Begins to ask.
    pub(crate) fn start_asking(&self, user: &str, query: &str) -> JoinHandle<Reply> {
        let body = json!({"query": query, "user_id": user, "include_metadata": true});
        tokio::spawn(send(self.client.post(self.url("/query")).json(&body)))
    }

    /// Asks with this body.
    pub(crate) async fn post(&self, body: Value) -> Reply {
        send(self.client.post(self.url("/query")).json(&body)).await
    }

    /// Asks for a streamed answer, with metadata, and waits for its first event.
    pub(crate) async fn stream(&self, user: &str, query: &str) -> Told {
        self.stream_of(json!({"query": query, "user_id": user, "include_metadata": true})).await
    }

    /// The same with this body.
    pub(crate) async fn stream_of(&self, body: Value) -> Told {
        Told::of(self.stream_response(body).await)
    }

    /// The response to such a question, after its head has arrived.
    pub(crate) async fn stream_response(&self, body: Value) -> reqwest::Response {
        self.client.post(self.url("/query/stream")).json(&body).send().await.expect("the service answers")
    }

    /// The pieces of a streamed answer, without a socket.
    pub(crate) async fn tell(&self, query: &str) -> Receiver<Piece> {
        let assistant = &self.service.assistant;
        let question = assistant.question("ada".to_owned(), query.to_owned(), Wish::SomethingNow);
        assistant.tell(question, false).await.expect("it begins")
    }

    /// Waits until the breaker has these counts, without advancing the time.
    pub(crate) async fn until(&self, has_counted: impl Fn(&Snapshot) -> bool) {
        for _ in 0..1_000_000 {
            if has_counted(&self.snapshot()) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it has counted otherwise: {:?}", self.snapshot());
    }

    /// Begins to ask for a streamed answer.
    pub(crate) fn start_stream(&self, user: &str, query: &str) -> JoinHandle<Told> {
        let body = json!({"query": query, "user_id": user, "include_metadata": true});
        let request = self.client.post(self.url("/query/stream")).json(&body);
        tokio::spawn(async { Told::of(request.send().await.expect("the service answers")) })
    }

    /// Asks for a streamed answer that fails before its first event.
    pub(crate) async fn stream_refused(&self, body: Value) -> Reply {
        send(self.client.post(self.url("/query/stream")).json(&body)).await
    }

    /// Sends a GET request for this path.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.client.get(self.url(path))).await
    }

    /// Asks until the breaker is open, which takes five questions.
    pub(crate) async fn open(&self) {
        self.api.behave(Behaviour::Error(500)).await;
        for _ in 0..5 {
            self.ask("nobody", KNOWN).await;
        }
        assert_eq!(self.breaker.state().as_str(), "open");
    }

    /// The breaker's snapshot.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.breaker.snapshot()
    }

    /// The part of the service that calls the API.
    pub(crate) fn generator(&self) -> &Generator {
        self.service.assistant.generator().expect("it has an API")
    }

    /// The retries from now on.
    pub(crate) fn retries(&self) -> Retries {
        Retries(self.breaker.subscribe())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.address)
    }
}

/// A streamed answer, as its user reads it.
pub(crate) struct Told {
    pub(crate) response_headers: reqwest::header::HeaderMap,
    events: BoxStream<'static, Result<Sse, sse_stream::Error>>,
}

impl Told {
    fn of(response: reqwest::Response) -> Self {
        let headers = response.headers().clone();
        assert_eq!(
            (response.status().as_u16(), &headers["content-type"]),
            (200, &"text/event-stream".parse().expect("it is a value"))
        );
        Self { response_headers: headers, events: SseByteStream::new(response.bytes_stream()).boxed() }
    }

    /// The next event: its name and its data.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        let event = self.events.next().await?.expect("the stream is whole");
        let data = serde_json::from_str(&event.data.expect("it says something")).expect("it is JSON");
        Some((event.event.expect("it has a name"), data))
    }

    /// The next event, which has this name.
    pub(crate) async fn expect(&mut self, name: &str) -> Value {
        let (found, data) = self.next().await.expect("the answer goes on");
        assert_eq!(found, name, "{data}");
        data
    }

    /// The text of the next tokens.
    pub(crate) async fn tokens(&mut self, count: usize) -> String {
        let mut text = String::new();
        for _ in 0..count {
            text += self.expect("token").await["text"].as_str().expect("it is a text");
        }
        text
    }

    /// The rest: the text of the tokens, and the last event of the stream.
    pub(crate) async fn rest(&mut self) -> (String, String, Value) {
        let mut text = String::new();
        loop {
            let (name, data) = self.next().await.expect("an answer has an end");
            if name != "token" {
                assert_eq!(self.next().await, None);
                return (text, name, data);
            }
            text += data["text"].as_str().expect("it is a text");
        }
    }
}

/// The waits between two attempts.
pub(crate) struct Retries(EventReceiver);

impl Retries {
    /// Waits until a pause before a retry begins, and returns which attempt it is for.
    pub(crate) async fn next(&mut self) -> u32 {
        self.next_wait().await.0
    }

    /// Waits until a pause before a retry begins, and returns which attempt it is for, and its
    /// length.
    pub(crate) async fn next_wait(&mut self) -> (u32, Duration) {
        loop {
            if let Event::Retry { attempt, wait, .. } = self.0.recv().await.expect("the breaker lives") {
                return (attempt, wait);
            }
        }
    }

    /// Whether a pause has begun that `next` has not returned yet.
    pub(crate) fn any(&mut self) -> bool {
        std::iter::from_fn(|| self.0.try_recv()).any(|event| matches!(event, Event::Retry { .. }))
    }
}

/// A second provider with the answers of the first one.
pub(crate) struct Second {
    pub(crate) api: UpstreamHandle,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) endpoint: Endpoint,
    _upstream: Upstream,
}

impl Second {
    /// Starts it, and changes the settings of a service. A test resets its breaker when it has its
    /// turn.
    pub(crate) async fn start() -> Self {
        let upstream = Upstream::start(0).await.expect("a loopback port is free");
        let url = upstream.url().parse().expect("its own address is one");
        let endpoint = Endpoint::embedded(&url, ApiKind::Chat, "second");
        let all = service::breaker().expect("annotated functions register their breakers");
        let breaker = all.for_key(&endpoint.key()).expect("there is room for two");
        Self { api: upstream.handle(), breaker, endpoint, _upstream: upstream }
    }
}

/// An API with this response and status.
pub(crate) const fn says(status: u16, body: &'static str) -> Behaviour {
    with_headers(status, &[("content-type", "application/json")], body)
}

/// An API that streams these events in response to every request.
pub(crate) const fn sends(events: &'static str) -> Behaviour {
    with_headers(200, &[("content-type", "text/event-stream; charset=utf-8")], events)
}

/// The same with these headers.
pub(crate) const fn with_headers(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
) -> Behaviour {
    Behaviour::Says(Canned { status, headers, body })
}

/// Advances the time.
pub(crate) async fn advance(seconds: f64) {
    tokio::time::advance(Duration::from_secs_f64(seconds)).await;
}

/// Keeps the paused clock from advancing by itself.
///
/// Tokio advances a paused clock to the next timer whenever no task is ready. It does not see a
/// reply that is still in a socket. It never does so while a blocking task runs, so one runs here,
/// and sleeps.
struct Stillness {
    _end: mpsc::Sender<()>,
}

impl Stillness {
    fn begin() -> Self {
        let (end, ended) = mpsc::channel();
        spawn_blocking(move || ended.recv());
        Self { _end: end }
    }
}
