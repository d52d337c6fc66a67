//! Dashboard: one page that shows all breakers live.

mod assets;
mod board;
mod feed;
mod history;
mod hub;
mod reply;
mod shown;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::get;
use breaker_core::Registry;
use feed::Readers;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use history::{Ear, History};
use hub::Hub;
use std::fmt;
use std::sync::Arc;

/// The dashboard of a registry's breakers, to be merged or nested into a service's router.
pub fn dashboard_router(registry: &'static Registry) -> DashboardRouter {
    DashboardRouter { registry, until: None }
}

/// What [`dashboard_router`] makes, before it is a router.
#[must_use = "it does nothing until it is merged or nested into a router"]
pub struct DashboardRouter {
    registry: &'static Registry,
    until: Option<Shared<BoxFuture<'static, ()>>>,
}

/// What the routes share.
struct Dashboard {
    hub: Arc<Hub>,
    readers: Readers,
    until: Option<Shared<BoxFuture<'static, ()>>>,
}

impl DashboardRouter {
    /// Ends all open feeds when `signal` is ready, so that they do not hold up a graceful shutdown.
    pub fn until(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.until = Some(signal.boxed().shared());
        self
    }

    /// The routes.
    pub fn into_router<S>(self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let history = Arc::new(History::default());
        self.registry.add_listener(Ear(Arc::clone(&history)));
        let hub = Hub::new(self.registry, history);
        let dashboard = Arc::new(Dashboard { hub, readers: Readers::default(), until: self.until });
        Router::new()
            .route("/", get(assets::home))
            .route("/{file}", get(assets::file))
            .route("/events", get(feed::events))
            .route_layer(map_response(reply::secured))
            .with_state(dashboard)
    }
}

impl Dashboard {
    /// Waits for the end of the server, for ever where nobody says when that is.
    async fn ended(&self) {
        match &self.until {
            Some(until) => until.clone().await,
            None => std::future::pending().await,
        }
    }
}

impl<S> From<DashboardRouter> for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn from(dashboard: DashboardRouter) -> Self {
        dashboard.into_router()
    }
}

impl fmt::Debug for DashboardRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DashboardRouter").field("registry", &self.registry).finish_non_exhaustive()
    }
}
