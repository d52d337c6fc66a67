//! Shows all breakers live on one page, and with a token lets people act on them.
//!
//! The page is part of the program: it has no build step and loads nothing from other servers. It
//! is sent with a strict `Content-Security-Policy`. It reads server-sent events, and connects again
//! by itself.
//!
//! ```
//! use axum::Router;
//! use breaker_axum::dashboard::TokenError;
//! use breaker_axum::dashboard_router;
//! use breaker_core::Registry;
//!
//! # trait Signal: Future<Output = ()> + Send + 'static {}
//! # impl<F: Future<Output = ()> + Send + 'static> Signal for F {}
//! fn app(token: Option<String>, shutdown: impl Signal) -> Result<Router, TokenError> {
//!     let mut dashboard = dashboard_router(Registry::global()).with_graceful_shutdown(shutdown);
//!     if let Some(token) = token {
//!         dashboard = dashboard.with_token(&token)?;
//!     }
//!     Ok(Router::new().merge(dashboard.nest_at("/dashboard")))
//! }
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # use tower::ServiceExt;
//! # let app = app(Some("0123456789abcdef".to_owned()), std::future::pending()).unwrap();
//! # let request = axum::http::Request::get("/dashboard/index.html");
//! # let request = request.body(axum::body::Body::empty()).unwrap();
//! # assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
//! # });
//! ```
//!
//! # Cost
//!
//! Calls pay nothing for the dashboard. Its listener observes changes of state and fallbacks. While
//! at least one page is open, a task takes a snapshot of all breakers once a second. It makes each
//! event once for all pages. A reader that is too slow misses events, and then gets everything
//! again. At most 64 events are kept for slow readers.
//!
//! The number of open pages is limited. A place is free again after a minute, even if its reader
//! never reads. A page that reads connects again, and shows nothing of it. The server limits how
//! many connections there are at once.
//!
//! # Security
//!
//! Without a token the dashboard only shows breakers, and the routes that act do not exist (404).
//! It shows names, errors and settings to every client that reaches it. Restrict network access to
//! it, with or without a token. With a token:
//!
//! - A request needs it as `Authorization: Bearer`, or the cookie of a login with the header
//!   `X-CSRF-Token`. The cookie is `HttpOnly` and `SameSite=Strict`, and `Secure` with
//!   [`with_secure_cookie`](DashboardRouter::with_secure_cookie).
//! - A request from another site is refused first. `Sec-Fetch-Site` says so, or else `Origin`
//!   differs from the request's own host (`Host`, or the authority of HTTP/2).
//! - The token is compared in constant time. It is in no log, no address and no `Debug` output.
//! - Wrong tokens are limited for each address. Further ones get 429 with `Retry-After`, and are
//!   not compared.
//! - Serve the router with `into_make_service_with_connect_info::<SocketAddr>()`. Otherwise
//!   addresses are unknown and all clients share these limits. Behind a proxy all have its address.
//! - Each action and each refusal is an event of `tracing` (target `breaker_axum::audit`). It has
//!   the caller, the action, and the state before and after. Pages that are logged in show it.
//!
//! The [guide](https://docs.rs/breaker-core/latest/breaker_core/_guide/dashboard/) has the routes,
//! the actions and the limits.

// What is inside: `mod.rs` has the router, and `page` the files that a browser gets. `api` serves
// the page's requests, `live` sends events, and `auth` decides who may act. `assets` serves `page`,
// `audit` logs actions, `response` and `text` make responses and texts. The folders and the other
// files form floors, and each uses lower ones only:
//
//     text, response <- audit, assets <- auth <- live <- api <- mod.rs
//
// May use: `text` of the crate, and axum by the name `axum` that the crate gives it.
//
// To add a route, write its handler in `api` and add it in `into_router`. A route that needs the
// token belongs in `acting_routes`. The tests of all routes are in
// `tests/base/dashboard_actions.rs`.

mod api;
mod assets;
mod audit;
mod auth;
mod live;
mod response;
mod text;

pub use auth::token::TokenError;

use super::axum::extract::DefaultBodyLimit;
use super::axum::middleware::map_response;
use super::axum::routing::{get, post};
use super::axum::{self, Router};
use api::actions::{self, Actions};
use api::detail::{self, Details};
use audit::Audit;
use auth::access::Access;
use auth::login;
use auth::token::Token;
use breaker_core::Registry;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use live::broadcast::Broadcast;
use live::history::{History, HistoryListener};
use live::readers::Readers;
use live::sse::{self, Streams};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// How many bytes the body of an action may have.
const MAX_BODY: usize = 64 * 1024;

/// The dashboard of a registry's breakers, to be nested or merged into a service's router.
///
/// [The module](self) describes it.
pub fn dashboard_router(registry: &'static Registry) -> DashboardRouter {
    DashboardRouter { registry, token: None, secure_cookie: false, shutdown: None }
}

/// The settings of a dashboard, before it is a router.
#[must_use = "it does nothing until it is nested or merged into a router"]
pub struct DashboardRouter {
    registry: &'static Registry,
    token: Option<Token>,
    secure_cookie: bool,
    shutdown: Option<Shared<BoxFuture<'static, ()>>>,
}

impl DashboardRouter {
    /// Turns the actions on, for people who have `token`.
    ///
    /// The token has 16 to 256 visible ASCII characters that cannot be guessed, for instance from
    /// `openssl rand -hex 32`.
    ///
    /// # Errors
    /// When the token is shorter or longer, or has other characters. So an empty variable of the
    /// environment is an error, and does not turn the actions on.
    pub fn with_token(mut self, token: &str) -> Result<Self, TokenError> {
        self.token = Some(Token::new(token)?);
        Ok(self)
    }

    /// Whether browsers send the cookie of a login over https only (`Secure`). The default is
    /// `false`.
    ///
    /// Set it if the page is served over https.
    pub fn with_secure_cookie(mut self, secure: bool) -> Self {
        self.secure_cookie = secure;
        self
    }

    /// Ends all event streams when `signal` is ready.
    ///
    /// It takes the signal of `axum::serve(..).with_graceful_shutdown(signal)`, which waits for
    /// these streams. Without it a shutdown takes up to a minute, the lifetime of a stream.
    pub fn with_graceful_shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Some(signal.boxed().shared());
        self
    }

    /// The routes as a router, to be nested by `Router::nest` or merged.
    ///
    /// A nested router has no address with a slash at its end. [`nest_at`](Self::nest_at) adds
    /// that.
    pub fn into_router<S>(self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let history = Arc::new(History::default());
        self.registry.add_listener(HistoryListener(Arc::clone(&history)));
        let broadcast = Broadcast::new(self.registry, history);
        let publisher = Arc::clone(&broadcast);
        let audit = Arc::new(Audit::new(move |entry| publisher.publish_private("audit", entry)));
        let new_access = |token| Arc::new(Access::new(token, self.secure_cookie, Arc::clone(&audit)));
        let access = self.token.map(new_access);
        let streams = Streams {
            broadcast: Arc::clone(&broadcast),
            access: access.clone(),
            readers: Readers::new(access.is_some()),
            since: SystemTime::now(),
            shutdown: self.shutdown,
        };
        let details =
            Details { registry: self.registry, broadcast: Arc::clone(&broadcast), audit, access: access.clone() };
        let reading = Router::new()
            .route("/", get(assets::home))
            .route(super::ONE_FILE, get(assets::file).fallback(assets::nothing))
            .route("/events", get(sse::events).with_state(Arc::new(streams)))
            .route("/detail", get(detail::detail).with_state(Arc::new(details)));
        let routes = match access {
            None => reading,
            Some(access) => reading.merge(acting_routes(broadcast, access)),
        };
        routes.route_layer(map_response(response::secured))
    }

    /// The routes below `path`, for instance `/dashboard`, with and without a slash at its end.
    ///
    /// # Panics
    /// When [`Router::nest`] does not accept `path`: it has to begin with `/`, and to be longer.
    pub fn nest_at<S>(self, path: &str) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let path = path.trim_end_matches('/');
        let home = || async { response::see_other("./index.html") };
        Router::new()
            .nest(path, self.into_router())
            .route(&format!("{path}/"), get(home).layer(map_response(response::secured)))
    }
}

/// The routes that exist only with a token.
fn acting_routes<S>(broadcast: Arc<Broadcast>, access: Arc<Access>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let actions = Arc::new(Actions { broadcast, access: Arc::clone(&access) });
    let sessions = Router::new()
        .route("/login", post(login::login))
        .route("/logout", post(login::logout))
        .route("/session", get(login::session))
        .with_state(access);
    Router::new()
        .route("/action", post(actions::action))
        .route("/settings", post(actions::settings))
        .with_state(actions)
        .merge(sessions)
        .layer(DefaultBodyLimit::max(MAX_BODY))
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
