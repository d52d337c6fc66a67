//! Dashboard: one page that shows all breakers live.

mod access;
mod actions;
mod assets;
mod attempts;
mod audit;
mod board;
mod detail;
mod feed;
mod history;
mod hub;
mod login;
mod reply;
mod sessions;
mod shown;
mod token;

pub use token::TokenError;

use access::Access;
use audit::Audit;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::routing::{get, post};
use breaker_core::{CircuitBreaker, Registry};
use feed::Readers;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use history::{Ear, History};
use hub::Hub;
use std::fmt;
use std::sync::Arc;
use token::Token;

/// The most that a request may bring along, in bytes.
const LARGEST_BODY: usize = 64 * 1024;

/// The dashboard of a registry's breakers, to be nested or merged into a service's router. See [the module](self).
pub fn dashboard_router(registry: &'static Registry) -> DashboardRouter {
    DashboardRouter { registry, token: None, secure: false, until: None }
}

/// What [`dashboard_router`] makes, before it is a router.
#[must_use = "it does nothing until it is nested or merged into a router"]
pub struct DashboardRouter {
    registry: &'static Registry,
    token: Option<Token>,
    secure: bool,
    until: Option<Shared<BoxFuture<'static, ()>>>,
}

/// What the routes share.
struct Dashboard {
    registry: &'static Registry,
    hub: Arc<Hub>,
    audit: Audit,
    access: Option<Arc<Access>>,
    readers: Readers,
    until: Option<Shared<BoxFuture<'static, ()>>>,
}

impl DashboardRouter {
    /// Turns the actions on, for those who know `token`: 16 to 256 visible ASCII characters that nobody can guess, for instance from
    /// `openssl rand -hex 32`.
    ///
    /// # Errors
    /// When the token is shorter or longer than that, or has other characters. An empty one is refused too: a variable that is
    /// not set must not open the door.
    pub fn with_token(mut self, token: &str) -> Result<Self, TokenError> {
        self.token = Some(Token::new(token)?);
        Ok(self)
    }

    /// Has browsers send the cookie of a login over https only (`Secure`). To be set where the page is reached by https; off if unset.
    pub fn with_secure_cookie(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Ends all open feeds when `signal` is ready: the one that is given to `with_graceful_shutdown`, which waits for them. Without it a feed
    /// ends after a minute, and the page connects again; so a shutdown takes a minute at most.
    pub fn until(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.until = Some(signal.boxed().shared());
        self
    }

    /// The routes, to be nested by `Router::nest` or merged. A nested router has no address with a slash at its end; [`at`](Self::at) has
    /// that too.
    pub fn into_router<S>(self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let history = Arc::new(History::default());
        self.registry.add_listener(Ear(Arc::clone(&history)));
        let hub = Hub::new(self.registry, history);
        let access = self.token.map(|token| Arc::new(Access::new(token, self.secure)));
        let dashboard = Arc::new(Dashboard {
            registry: self.registry,
            audit: Audit::new(Arc::clone(&hub)),
            hub,
            access: access.clone(),
            readers: Readers::default(),
            until: self.until,
        });
        let shows = Router::new()
            .route("/", get(assets::home))
            .route("/{file}", get(assets::file).fallback(assets::nothing))
            .route("/events", get(feed::events))
            .route("/detail", get(detail::detail))
            .with_state(Arc::clone(&dashboard));
        let routes = match access {
            None => shows,
            Some(access) => shows.merge(steers(dashboard, access)),
        };
        routes.route_layer(map_response(reply::secured))
    }

    /// The routes below `path`, for instance `/dashboard`, with and without a slash at its end.
    ///
    /// # Panics
    /// When `path` is no path that [`Router::nest`] takes: it begins with `/`, and is longer than that.
    pub fn at<S>(self, path: &str) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let path = path.trim_end_matches('/');
        let home = || async { reply::see_other("./index.html") };
        Router::new()
            .nest(path, self.into_router())
            .route(&format!("{path}/"), get(home).layer(map_response(reply::secured)))
    }
}

/// The routes that there are only with a token.
fn steers<S>(dashboard: Arc<Dashboard>, access: Arc<Access>) -> Router<S> {
    Router::new()
        .route("/login", post(login::login))
        .route("/logout", post(login::logout))
        .route("/session", get(login::session))
        .route("/action", post(actions::action))
        .route("/settings", post(actions::settings))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state((dashboard, access))
}

impl Dashboard {
    /// The breaker of this name, as the page has it.
    fn find(&self, name: &str) -> Option<CircuitBreaker> {
        self.registry.get(name).or_else(|| {
            let long = |breaker: &CircuitBreaker| {
                breaker.name().len() > shown::LONGEST && shown::wire_name(breaker.name()) == name
            };
            let found = self.registry.breakers().into_iter().find(long);
            found.or_else(|| self.registry.get(&self.hub.whole_name(name)?))
        })
    }

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
        f.debug_struct("DashboardRouter")
            .field("registry", &self.registry)
            .field("acts", &self.token.is_some())
            .finish_non_exhaustive()
    }
}
