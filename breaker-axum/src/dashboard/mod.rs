//! Dashboard: one page that shows all breakers live, and with a token lets people act.
//!
//! The page is part of the program: it needs no build step, loads nothing from elsewhere, and works under the strict
//! `Content-Security-Policy` that it is sent with. It reads server-sent events, and connects again by itself.
//!
//! ```
//! use axum::Router;
//! use breaker_axum::dashboard_router;
//! use breaker_core::Registry;
//!
//! # fn app(token: Option<String>, stop: impl Future<Output = ()> + Send + 'static) -> Result<Router, breaker_axum::dashboard::TokenError> {
//! let mut dashboard = dashboard_router(Registry::global()).until(stop);
//! if let Some(token) = token {
//!     dashboard = dashboard.with_token(&token)?;
//! }
//! let app = Router::new().merge(dashboard.at("/dashboard"));
//! # Ok(app)
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # use tower::ServiceExt;
//! # let app = app(Some("0123456789abcdef".to_owned()), std::future::pending()).unwrap();
//! # let request = axum::http::Request::get("/dashboard/index.html").body(axum::body::Body::empty()).unwrap();
//! # assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
//! # });
//! ```
//!
//! # What it costs
//!
//! Calls pay nothing for it. It hears of changes of state and of fallbacks, and reads everything else from
//! snapshots once in a second while somebody has the page open, however many those are: an event is made once for all. A reader that does not
//! keep up misses events and gets everything anew; at most 64 events are kept for the slow ones.
//!
//! 1,024 pages can be open, 256 of them from one address. With a token 256 places are for those who are logged in, 16 for each login, and
//! for those who send the token itself (`Authorization: Bearer`, 16 in all), so
//! that they come in when strangers have taken all others. A place is free again after a minute, also where its reader never
//! reads; a page that goes on reading connects again and does not show it. How many connections there are at once is up to the server.
//!
//! # Security
//!
//! Without a token the dashboard only shows, and the routes that act do not exist (404). It then still shows names, errors and settings to
//! everybody who reaches it: put it behind your own network boundary too, be it with a token or not. With one,
//!
//! - a request needs it as `Authorization: Bearer`, or the cookie of a login (`HttpOnly`, `SameSite=Strict`; `Secure` with
//!   [`with_secure_cookie`](DashboardRouter::with_secure_cookie)) together with the header `X-CSRF-Token`, and must not come from another site
//!   (`Sec-Fetch-Site`, or else `Origin` against the request's own host, as `Host` or HTTP/2 have it): that is refused first;
//! - it is compared in constant time, and is in no log, no address and no `Debug` output;
//! - an address may send ten wrong ones at once and one more each second; then it gets 429 and `Retry-After` without a look at what it sends.
//!   So nobody is locked out for ever, other addresses are not held up, nor is who has logged in. A request without a token is none of
//!   these, nor is one from another site. Serve the router with
//!   `into_make_service_with_connect_info::<SocketAddr>()`, else addresses are not known and all share. Behind a proxy all have its address;
//! - a login lasts eight hours, in memory only; the 65th ends the first;
//! - each action and each refusal is an event of `tracing` (target `breaker_axum::audit`: who, what, before, after), and is shown to those who
//!   are logged in.

mod api;
mod assets;
mod audit;
mod auth;
mod live;
mod response;

pub use auth::TokenError;

use super::axum::extract::DefaultBodyLimit;
use super::axum::middleware::map_response;
use super::axum::routing::{get, post};
use super::axum::{self, Router};
use api::{actions, detail};
use audit::Audit;
use auth::access::Access;
use auth::login;
use auth::token::Token;
use breaker_core::{CircuitBreaker, Registry};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use live::broadcast::Hub;
use live::history::{Ear, History};
use live::readers::Readers;
use live::{sse as feed, view as shown};
use response as reply;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

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
    /// From then on changes are known.
    since: SystemTime,
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

    /// Ends all open feeds when `signal` is ready: the one that is given to `with_graceful_shutdown`, which waits for them. Without it a
    /// shutdown takes a minute at most, since each feed ends after a minute, and the page connects again.
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
            readers: Readers::new(access.is_some()),
            since: SystemTime::now(),
            until: self.until,
        });
        let shows = Router::new()
            .route("/", get(assets::home))
            .route(super::ONE_FILE, get(assets::file).fallback(assets::nothing))
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
