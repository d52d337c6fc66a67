//! Builds the service from its parts, and serves it on a port.

use std::{io, net::SocketAddr, sync::Arc};

use breaker_core::Registry;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, spawn},
};

use crate::{
    cascade::CascadeCache, config::SearchConfig, database::Database, embedding::DualEmbeddingService, http,
    indexing::CodeIndexingService, redis::RedisCache,
};

/// Builds the parts from the settings. Nothing connects or loads yet.
///
/// # Errors
/// A URL is invalid.
pub fn code_search(config: SearchConfig) -> io::Result<CodeIndexingService> {
    let database = Arc::new(Database::new(&config.database_url).map_err(io::Error::other)?);
    let redis =
        RedisCache::new(&config.redis_url, config.redis_authorities, config.namespace).map_err(io::Error::other)?;
    let cache = CascadeCache::new(config.l1_bytes, redis, Arc::clone(&database));
    Ok(CodeIndexingService::new(database, DualEmbeddingService::new(config.embedding), cache))
}

/// A running service; dropping it ends it.
#[derive(Debug)]
pub struct Service {
    /// Its address.
    pub address: SocketAddr,
    /// Its parts.
    pub code: Arc<CodeIndexingService>,
    task: JoinHandle<io::Result<()>>,
    ends: watch::Sender<bool>,
}

impl Service {
    /// Starts to listen on a loopback port (0: any free one).
    ///
    /// # Errors
    /// The port is not available; the error names it.
    pub async fn start(code: CodeIndexingService, port: u16) -> io::Result<Self> {
        let bound = TcpListener::bind(("127.0.0.1", port)).await;
        let listener = bound.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("port {port} cannot be had ({error}); `--port` takes another one, and 0 any free one"),
            )
        })?;
        let (address, code) = (listener.local_addr()?, Arc::new(code));
        let metrics = breaker_axum::install_prometheus(Registry::global()).map_err(io::Error::other)?;
        let metrics = breaker_axum::metrics_router(metrics, Registry::global());
        let routes = http::routes(Arc::clone(&code)).merge(metrics);
        let (ends, mut ending) = watch::channel(false);
        let until_it_ends = async move {
            let _ = ending.wait_for(|ends| *ends).await;
        };
        let task = spawn(async move { axum::serve(listener, routes).with_graceful_shutdown(until_it_ends).await });
        Ok(Self { address, code, task, ends })
    }

    /// Waits until the service has stopped, which it does not do by itself.
    pub async fn stopped(&mut self) {
        let _ = (&mut self.task).await;
    }

    /// Accepts no more connections, and waits until the requests in flight are answered.
    pub async fn drain(&mut self) {
        self.ends.send_replace(true);
        self.stopped().await;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}
