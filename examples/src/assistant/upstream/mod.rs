//! Runs an embedded text-generation API, a real HTTP server that fails on demand.

pub mod admin;
mod events;
mod model;
mod protocol;
mod server;
mod stream;
mod streaming;

pub use self::streaming::{StreamEnd, Streaming};

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle};

/// How the API behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers after about this time.
    Healthy {
        /// The usual time; single answers take up to one and a half times as long.
        latency: Duration,
    },
    /// It answers after exactly this time, which is too long.
    Slow(Duration),
    /// It answers every request with this status.
    Error(u16),
    /// It answers every request with 429, and asks for the next call after this time, in whole
    /// seconds.
    Limited(Duration),
    /// It accepts requests and never answers.
    Hang,
    /// It is down: connections are refused, and open ones break.
    Refuse,
    /// It answers 200 with half a JSON document.
    Garbage,
    /// It answers 200 with a well-formed answer without text.
    Invalid,
    /// It answers 503, because its model is still being loaded.
    Loading,
    /// It answers every request with this response.
    Says(Canned),
    /// It answers at once, and its streams behave like this.
    Streams(Streaming),
}

/// A given response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canned {
    /// Its status.
    pub status: u16,
    /// Its headers; a name is in lower case.
    pub headers: &'static [(&'static str, &'static str)],
    /// Its body.
    pub body: &'static str,
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healthy { .. } => f.write_str("healthy"),
            Self::Slow(_) => f.write_str("slow"),
            Self::Error(status) => write!(f, "answers {status}"),
            Self::Limited(_) => f.write_str("answers 429"),
            Self::Hang => f.write_str("hangs"),
            Self::Refuse => f.write_str("is unreachable"),
            Self::Garbage => f.write_str("sends garbage"),
            Self::Invalid => f.write_str("sends no text"),
            Self::Loading => f.write_str("loads its model"),
            Self::Says(canned) => write!(f, "answers {}", canned.status),
            Self::Streams(streaming) => streaming.then.fmt(f),
        }
    }
}

/// A running API; dropping it ends it.
#[derive(Debug)]
pub struct Upstream {
    handle: UpstreamHandle,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Upstream {
    /// Starts the API on a loopback port (0: any free one), healthy and without delay.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(port: u16) -> io::Result<Self> {
        let socket = server::reserve(SocketAddr::from(([127, 0, 0, 1], port)))?;
        let address = socket.local_addr()?;
        let shared = Arc::new(Shared {
            behaviour: watch::Sender::new(Behaviour::Healthy { latency: Duration::ZERO }),
            reachable: watch::Sender::new(false),
            received: watch::Sender::new(0),
            key: OnceLock::new(),
        });
        let handle = UpstreamHandle { shared: Arc::clone(&shared) };
        let server = tokio::spawn(async move {
            let Err(error) = server::run(socket, address, shared).await;
            tracing::error!(%error, "the embedded API stopped");
        });
        handle.until_reachable(true).await;
        Ok(Self { handle, address, server })
    }

    /// Its base address, above the routes of each kind.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requires this key, as a bearer token, of every request except health checks. The first
    /// required key stays.
    pub fn want_key(&self, key: &str) {
        let _ = self.handle.shared.key.set(key.to_owned());
    }

    /// A control that changes its behaviour while it runs.
    #[must_use]
    pub fn handle(&self) -> UpstreamHandle {
        self.handle.clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Debug)]
struct Shared {
    behaviour: watch::Sender<Behaviour>,
    reachable: watch::Sender<bool>,
    received: watch::Sender<u64>,
    key: OnceLock<String>,
}

/// A control that changes the API's behaviour while it runs.
#[derive(Clone, Debug)]
pub struct UpstreamHandle {
    shared: Arc<Shared>,
}

impl UpstreamHandle {
    /// Changes the behaviour; when this returns, it applies to every further request.
    pub async fn behave(&self, behaviour: Behaviour) {
        self.shared.behaviour.send_replace(behaviour);
        self.until_reachable(behaviour != Behaviour::Refuse).await;
    }

    /// Plays a script: each behaviour for its time, one after the other. The last one stays.
    pub async fn play(&self, script: &[(Behaviour, Duration)]) {
        for (behaviour, time) in script {
            self.behave(*behaviour).await;
            tokio::time::sleep(*time).await;
        }
    }

    /// The current behaviour.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        *self.shared.behaviour.borrow()
    }

    /// How many requests have arrived since the start.
    #[must_use]
    pub fn received(&self) -> u64 {
        *self.shared.received.borrow()
    }

    /// Waits until this many requests have arrived since the start.
    pub async fn until_received(&self, count: u64) {
        let mut received = self.shared.received.subscribe();
        // The channel cannot be closed: the handle itself holds the sender.
        let _ = received.wait_for(|received| *received >= count).await;
    }

    async fn until_reachable(&self, wanted: bool) {
        let mut reachable = self.shared.reachable.subscribe();
        let _ = reachable.wait_for(|reachable| *reachable == wanted).await;
    }
}
