//! Builds the service from its parts, answers questions, and runs the task that drains the queue.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use breaker_axum::dashboard_router;
use breaker_core::{CircuitBreaker, Registry, State};
use tokio::{
    net::TcpListener,
    sync::{mpsc::Receiver, watch},
    task::{JoinHandle, JoinSet, spawn},
    time::sleep,
};

use super::{
    answer::{Answer, Source},
    cache::AnswerCache,
    config::{AssistantConfig, Backend},
    endpoint::Endpoint,
    error::GenerationError,
    generator::{BREAKER, Generator, REFUSED},
    http,
    local::LocalModel,
    notes::Notes,
    provider::Provider,
    question::{Context, Question, Wish, validate},
    queue::{Progress, Queue},
    secret::Secret,
    telling::{self, Piece},
};

/// The source of the text.
#[derive(Debug)]
pub enum Model {
    /// A text-generation API, which may be down.
    Api(Arc<Generator>),
    /// The local model, which depends on no service and so needs no breaker.
    Local(LocalModel),
}

/// The notes and the model: everything that a request needs.
#[derive(Debug)]
pub struct Assistant {
    /// The note collection.
    pub notes: Notes,
    /// The source of the text.
    pub model: Model,
    /// The most characters of a prompt.
    pub max_prompt_chars: usize,
    /// The token for actions on the dashboard; without one it only shows.
    pub dashboard_token: Option<Secret>,
    ends: watch::Sender<bool>,
}

impl Assistant {
    /// Builds the parts from the settings; `embedded` is the address of the embedded API.
    ///
    /// # Errors
    /// The HTTP client cannot be built, or the local model cannot be loaded.
    pub fn new(config: AssistantConfig, embedded: Option<reqwest::Url>) -> io::Result<Self> {
        let notes = Notes::built_in();
        let embedded = embedded.map(|url| Backend::Api(Endpoint::embedded(&url, config.kind, EMBEDDED)));
        let max_prompt_chars = config.max_prompt_chars;
        let backend = config.backend.or(embedded).unwrap_or(Backend::Local);
        let model = match backend {
            Backend::Local => Model::Local(LocalModel::load(&notes).map_err(io::Error::other)?),
            Backend::Api(first) => {
                let provider = |endpoint| Provider::new(endpoint, config.parameters).map_err(io::Error::other);
                Model::Api(Arc::new(Generator {
                    first: provider(first)?,
                    second: config.second.map(provider).transpose()?,
                    cache: AnswerCache::new(config.cache_capacity, config.cache_ttl),
                    queue: Queue::new(config.queue_capacity, config.queue_ttl),
                    retry: config.retry,
                    limits: config.limits,
                    max_prompt_chars,
                }))
            }
        };
        Ok(Self {
            notes,
            model,
            max_prompt_chars,
            dashboard_token: config.dashboard_token,
            ends: watch::Sender::new(false),
        })
    }

    /// The part that calls the API, if there is one.
    #[must_use]
    pub fn generator(&self) -> Option<&Arc<Generator>> {
        match &self.model {
            Model::Api(generator) => Some(generator),
            Model::Local(_) => None,
        }
    }

    /// The breaker that the next call asks. It is that of the first provider, or the one for all
    /// providers while that is not closed, as after an operator's override. Without a provider it
    /// is the latter too.
    #[must_use]
    pub fn breaker(&self) -> Option<CircuitBreaker> {
        let all = breaker()?;
        match self.generator() {
            Some(generator) if all.state() == State::Closed => all.for_key(generator.first().key()).ok(),
            _ => Some(all),
        }
    }

    /// The question of this user, with the notes that belong to it.
    #[must_use]
    pub fn question(&self, user: String, query: String, wish: Wish) -> Question {
        // An invalid question needs no notes, and a search takes longer with more words.
        let context = match validate(&user, &query) {
            Ok(()) => Context::find(&self.notes, &query),
            Err(_) => Context::default(),
        };
        let mut question = Question { user, query, context, wish };
        question.fit(self.max_prompt_chars);
        question
    }

    /// When streamed answers have to end because the service does. Most answers are complete by
    /// then, and the connections still open.
    fn ending(&self) -> impl Future<Output = ()> + Send + use<> {
        let ends = until(&self.ends);
        async move {
            ends.await;
            sleep(TELLING).await;
        }
    }

    /// Why the last answer was not a model's, in the words of its API.
    #[must_use]
    pub fn last_words(&self, reason: &str) -> Option<String> {
        if reason == REFUSED {
            return Some(self.generator()?.first().standing().refusal()?.to_string());
        }
        self.breaker()?.snapshot().last_error?.message
    }

    /// Answers a question.
    ///
    /// # Errors
    /// The question is at fault, the API refused it, or there is no fallback.
    pub async fn answer(&self, question: &Question) -> Result<Answer, GenerationError> {
        let answered = match &self.model {
            Model::Api(generator) => generator.answer(question).await,
            Model::Local(model) => model.answer(question),
        };
        answered.or_else(nothing_found)
    }

    /// Answers a question token by token, and returns when the first one has arrived. With `again`,
    /// another answer follows one that breaks off, once.
    ///
    /// # Errors
    /// As of [`answer`](Self::answer).
    ///
    /// # Cancellation
    /// Dropping the future, or later the receiver, ends the call of the API.
    pub async fn tell(&self, question: Question, again: bool) -> Result<Receiver<Piece>, GenerationError> {
        let told = match &self.model {
            Model::Api(generator) => telling::tell(Arc::clone(generator), question, again, self.ending()).await,
            Model::Local(model) => model.answer(&question).map(telling::told),
        };
        told.or_else(|error| nothing_found(error).map(telling::told))
    }
}

/// An answer that the notes have nothing on the question; the same error otherwise.
fn nothing_found(error: GenerationError) -> Result<Answer, GenerationError> {
    match error {
        GenerationError::NoContext => {
            Ok(Answer::new("The notes contain nothing about this question.", Source::Nothing))
        }
        other => Err(other),
    }
}

/// A running service; dropping it ends its tasks.
#[derive(Debug)]
pub struct Service {
    /// Its address.
    pub address: SocketAddr,
    /// Its parts.
    pub assistant: Arc<Assistant>,
    server: JoinHandle<()>,
    /// The queue's task, which runs as long as the service.
    _tasks: JoinSet<()>,
}

impl Service {
    /// Starts to listen on a loopback port (0: any free one), and to drain the queue.
    ///
    /// # Errors
    /// The port is taken, or the parts cannot be built.
    pub async fn start(assistant: Assistant, port: u16) -> io::Result<Self> {
        let listener = listen(port).await?;
        let address = listener.local_addr()?;
        let assistant = Arc::new(assistant);
        let mut tasks = JoinSet::new();
        if let (Some(generator), Some(all)) = (assistant.generator(), breaker()) {
            tasks.spawn(drain(Arc::clone(generator), all));
        }
        let metrics = breaker_axum::install_prometheus(Registry::global()).map_err(io::Error::other)?;
        let metrics = breaker_axum::metrics_router(metrics, Registry::global());
        let routes =
            http::routes(Arc::clone(&assistant)).merge(metrics).merge(dashboard(&assistant, until(&assistant.ends))?);
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        let until_it_ends = until(&assistant.ends);
        let server = spawn(async move {
            if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(until_it_ends).await {
                tracing::error!(%error, "the service stopped");
            }
        });
        Ok(Self { address, assistant, server, _tasks: tasks })
    }

    /// The address of the dashboard.
    #[must_use]
    pub fn dashboard(&self) -> String {
        format!("http://{}{DASHBOARD}", self.address)
    }

    /// Waits until the service has stopped, which it does not do by itself.
    pub async fn stopped(&mut self) {
        let _ = (&mut self.server).await;
    }

    /// Accepts no more connections, and waits until the requests in flight are answered. The
    /// questions in the queue are lost.
    pub async fn drain(&mut self) {
        self.assistant.ends.send_replace(true);
        self.stopped().await;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Waits until the service has to end.
fn until(ends: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + use<> {
    let mut ending = ends.subscribe();
    async move {
        let _ = ending.wait_for(|ends| *ends).await;
    }
}

/// How long streamed answers may continue when the service ends.
const TELLING: Duration = Duration::from_secs(20);

/// The embedded API's name as a provider.
const EMBEDDED: &str = "embedded";

/// Where the dashboard is.
const DASHBOARD: &str = "/dashboard";

/// The page that shows the breakers live, with the token for actions.
fn dashboard(assistant: &Assistant, ends: impl Future<Output = ()> + Send + 'static) -> io::Result<Router> {
    // A dashboard stream does not end by itself, and would delay the end of the service.
    let mut dashboard = dashboard_router(Registry::global()).with_graceful_shutdown(ends);
    if let Some(token) = &assistant.dashboard_token {
        dashboard = dashboard.with_token(token.reveal()).map_err(io::Error::other)?;
    }
    Ok(dashboard.nest_at(DASHBOARD))
}

/// Listens on a loopback port (0: any free one).
///
/// # Errors
/// The port is not available; the error names it.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(("127.0.0.1", port)).await;
    bound.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("port {port} cannot be had ({error}); `--port` takes another one, and 0 any free one"),
        )
    })
}

/// The breaker for all providers, which has their settings, from the registry.
#[must_use]
pub fn breaker() -> Option<CircuitBreaker> {
    Registry::global().get(BREAKER)
}

/// Answers the queued questions, one after the other, whenever the breakers would admit a call of
/// the first provider.
async fn drain(generator: Arc<Generator>, all: CircuitBreaker) {
    let queue = generator.queue();
    // It is created before the first call, so it is within the limit of breakers.
    let breaker = all.for_key(generator.first().key()).unwrap_or_else(|_| all.clone());
    loop {
        let (id, question) = queue.next().await;
        all.ready().await;
        breaker.ready().await;
        if queue.get(id).is_none() {
            continue; // It expired while it waited, so its asker cannot fetch the answer.
        }
        match generator.answer(&question).await {
            Ok(answer) => queue.settle(id, Progress::Done(answer)),
            // Another call took the probe's slot, or the last place: back to waiting.
            Err(error) if error.rejection().is_some() => {}
            // The outage continues, and this was only its probe, which says nothing about the
            // question.
            Err(error) if error.is_failure() && !breaker.state().is_healthy() => {}
            Err(error) if error.is_failure() => {
                tracing::warn!(job = %id, error = error.to_string(), "a queued question could not be answered yet");
                queue.try_again(id, "The model could not answer this question.");
            }
            // The API's own words stay in the log: a user can do nothing about them.
            Err(error) => {
                tracing::warn!(job = %id, error = error.to_string(), "a queued question cannot be answered");
                queue.settle(id, Progress::Failed("The question could not be answered.".to_owned()));
            }
        }
    }
}
