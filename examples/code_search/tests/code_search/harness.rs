//! Runs a service on a loopback socket, with the parts that a test wants.
//!
//! Its breakers recover in a second.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use breaker_code_search::{
    config::SearchConfig,
    database, embedding, redis,
    service::{Service, code_search},
};
use breaker_core::{CircuitBreaker, Config, Registry, State};
use reqwest::Client;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    sync::{Mutex, MutexGuard},
    task::JoinSet,
};

pub(crate) use breaker_servers::until;

pub(crate) use crate::reply::{Reply, send};

/// The open period in these tests.
pub(crate) const RECOVERY: Duration = Duration::from_secs(1);

/// A file with a few functions.
pub(crate) const SOURCE: &str = "\
/// Reads the `Retry-After` header.
fn parse_retry_after(header: &str) -> Option<u64> { header.parse().ok() }

/// Greets a person.
fn say_hello(name: &str) -> String { format!(\"Hello, {name}\") }

fn unrelated() {}
";

/// All tests of a process share its breakers, and `cargo test` runs many in one process: they take
/// turns.
static TURN: Mutex<()> = Mutex::const_new(());

/// A running service.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) client: Client,
    _directory: TempDir,
    // Last, so that the others are dropped when the next test has its turn.
    _turn: MutexGuard<'static, ()>,
}

impl Reply {
    /// The names of the functions in the reply.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.body["results"].as_array().into_iter().flatten().filter_map(|hit| hit["name"].as_str()).collect()
    }
}

impl World {
    /// A service without Redis, with SQLite and the built-in models.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A service with settings that `change` modifies.
    pub(crate) async fn with(change: impl FnOnce(&mut SearchConfig)) -> Self {
        let turn = TURN.lock().await;
        for breaker in [redis(), database(), writes(), embedding()] {
            breaker.clear_override();
            breaker.reset();
            breaker.reconfigure(Config::new().recovery_timeout(RECOVERY)).expect("it is a setting");
        }
        // The attributes' settings, where another test has changed them.
        for breaker in [database(), writes()] {
            let declared = Config::new().fail_max(3).timeout(Duration::from_secs(5));
            breaker.reconfigure(declared).expect("they are settings");
        }
        let directory = tempfile::tempdir().expect("there is room");
        let mut config = SearchConfig {
            database_url: format!("sqlite://{}?mode=rwc", directory.path().join("index.db").display()),
            // A port without a listener.
            redis_url: "redis://127.0.0.1:1".to_owned(),
            ..SearchConfig::default()
        };
        change(&mut config);
        let service = Service::start(code_search(config).expect("the parts fit"), 0).await.expect("a port is free");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().tls_certs_only([]).build().expect("it needs nothing");
        Self { service, client, _directory: directory, _turn: turn }
    }

    /// Indexes [`SOURCE`].
    pub(crate) async fn index(&self) -> Reply {
        self.index_as("src/some.rs", SOURCE).await
    }

    /// Indexes a file.
    pub(crate) async fn index_as(&self, file_path: &str, content: &str) -> Reply {
        let body = json!({"file_path": file_path, "content": content});
        send(self.client.post(self.url("/v1/code/index")).json(&body)).await
    }

    /// Searches.
    pub(crate) async fn search(&self, query: impl Display) -> Reply {
        self.get(&format!("/v1/code/search/hybrid?query={}&limit=5", query.to_string().replace(' ', "+"))).await
    }

    /// Sends a GET request for this path.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.client.get(self.url(path))).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.address)
    }
}

/// A steady load of searches with new queries, until the test ends it.
pub(crate) struct Load {
    end: Arc<AtomicBool>,
    searches: JoinSet<Vec<Reply>>,
}

impl Load {
    /// Starts to search, with three clients.
    pub(crate) fn begin(world: &World) -> Self {
        let (end, mut searches) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for side in 0..3 {
            let (end, client, url) = (Arc::clone(&end), world.client.clone(), world.url("/v1/code/search/hybrid"));
            searches.spawn(async move {
                let mut replies = Vec::new();
                while !end.load(Ordering::Relaxed) {
                    let search = format!("{url}?query=hello{side}x{}+retry+after", replies.len());
                    replies.push(send(client.get(search)).await);
                }
                replies
            });
        }
        Self { end, searches }
    }

    /// Ends it, and returns all replies.
    pub(crate) async fn end(self) -> Vec<Reply> {
        self.end.store(true, Ordering::Relaxed);
        self.searches.join_all().await.into_iter().flatten().collect()
    }
}

/// The breaker of Redis.
pub(crate) fn redis() -> CircuitBreaker {
    breaker(redis::BREAKER)
}

/// The breaker of the database.
pub(crate) fn database() -> CircuitBreaker {
    breaker(database::BREAKER)
}

/// The breaker of writes to the database.
pub(crate) fn writes() -> CircuitBreaker {
    breaker(database::WRITE_BREAKER)
}

/// The breaker of the models.
pub(crate) fn embedding() -> CircuitBreaker {
    breaker(embedding::BREAKER)
}

fn breaker(name: &str) -> CircuitBreaker {
    Registry::global().get(name).expect("annotated functions register their breakers")
}

/// Waits until an open breaker would admit a call.
pub(crate) async fn until_recovery(breaker: &CircuitBreaker) {
    assert!(matches!(breaker.state(), State::Open | State::HalfOpen), "{:?}", breaker.state());
    until("the open time is over", async || breaker.state() == State::HalfOpen).await;
}
