//! Runs a service that only shows breakers, with any number, names and states.

use crate::Trouble;
use axum::Router;
use breaker_axum::dashboard_router;
use breaker_core::{CircuitBreaker, Config, Registry};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running service; dropping it ends it.
#[derive(Debug)]
pub struct Gallery {
    /// Its address: `http://127.0.0.1:PORT`.
    pub origin: String,
    /// Its breakers.
    pub registry: &'static Registry,
    server: JoinHandle<()>,
}

impl Gallery {
    /// Starts it on a free port, with a registry of its own, which lives as long as the process.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start() -> Result<Self, Trouble> {
        Self::of(Box::leak(Box::new(Registry::new())), None).await
    }

    /// Starts it on a free port, with this registry, and with actions for users with `token`.
    ///
    /// # Errors
    /// There is no free port, or the token is invalid.
    pub async fn of(registry: &'static Registry, token: Option<&str>) -> Result<Self, Trouble> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let mut dashboard = dashboard_router(registry);
        if let Some(token) = token {
            dashboard = dashboard.with_token(token)?;
        }
        let routes: Router = dashboard.nest_at("/dashboard");
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            // It ends with the task; an error would appear as a missing page.
            let _ = axum::serve(listener, service).await;
        });
        Ok(Self { origin, registry, server })
    }

    /// The address of the dashboard.
    #[must_use]
    pub fn dashboard(&self) -> String {
        format!("{}/dashboard", self.origin)
    }

    /// Adds a breaker.
    ///
    /// # Errors
    /// The settings are not valid.
    pub fn breaker(&self, name: &str, config: Config) -> Result<CircuitBreaker, Trouble> {
        Ok(self.registry.breaker(name, config)?)
    }

    /// Makes N calls that succeed.
    pub async fn succeed(&self, breaker: &CircuitBreaker, calls: u32) {
        for _ in 0..calls {
            let _ = breaker.call(async { Ok::<_, Refused>(()) }).await;
        }
    }

    /// Makes N calls that fail.
    pub async fn fail(&self, breaker: &CircuitBreaker, calls: u32) {
        for _ in 0..calls {
            let _ = breaker.call(async { Err::<(), _>(Refused) }).await;
        }
    }
}

impl Drop for Gallery {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The error of the gallery's calls.
#[derive(Debug)]
struct Refused;
