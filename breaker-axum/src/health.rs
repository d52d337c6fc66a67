//! Health: the routes by which monitors, orchestrators and people see how a service and its breakers are.

use super::axum::extract::rejection::PathRejection;
use super::axum::extract::{Path, State as Shared};
use super::axum::http::header::CACHE_CONTROL;
use super::axum::http::{HeaderValue, StatusCode};
use super::axum::response::{IntoResponse, Response};
use super::axum::routing::get;
use super::axum::{BoxError, Json, Router};
use super::health_checks::{Probe, Probes};
use super::suggest::nearest;
use super::unavailable::ErrorReply;
use breaker_core::{Health, Registry, Status};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The longest that a probe may take, unless [`HealthRouter::probe_timeout`] says otherwise.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The health routes of a service, for all breakers of `registry`.
///
/// | route | is for | answers |
/// | --- | --- | --- |
/// | `GET /health` | monitors, and readiness | breakers and probes: `status` is `degraded` while a critical breaker is not closed or a probe fails; `values_left_out` says how many unhealthy values of a `key` there are beside the worst 100 that are listed |
/// | `GET /health/live` | liveness | 200 as long as the process answers at all; it asks nobody |
/// | `GET /health/circuit-breakers` | people, dashboards | the breakers by name; of those for the values of a `key` the worst 100 that are unhealthy, without settings where they have those of all values |
/// | `GET /health/circuit-breakers/{name}` | the same | one breaker, also `hosts[example.org]` of a `key`; 404 with the nearest name where there is none |
///
/// A name may be percent-encoded, and may hold slashes. All of it is JSON, is never to be cached (`Cache-Control: no-store`), and answers `HEAD` too.
///
/// In **Kubernetes** a `livenessProbe` belongs to `/health/live`: one that fails has the container restarted, and that brings no
/// dependency back. A `readinessProbe` belongs to `/health` where a service is of no use while it is degraded, with
/// [`unavailable_while_degraded`](HealthRouter::unavailable_while_degraded) and a `timeoutSeconds` above the time limit of the probes; it takes the pod out of the load
/// balancer. If all replicas share the dependency that takes out all of them at once: a service that has fallbacks should stay ready, and so `/health` answers 200
/// unless it is told otherwise.
///
/// What the routes show (errors' texts, settings) is for those who operate the service: serve them on an internal port, or keep them from the public by a layer.
///
/// ```
/// use axum::Router;
/// use breaker_axum::health_router;
/// use breaker_core::Registry;
/// use std::time::Duration;
///
/// # async fn ping() -> Result<(), std::io::Error> { Ok(()) }
/// let health = health_router(Registry::global())
///     .with_probe("database", || ping())
///     .probe_timeout(Duration::from_millis(500))
///     .unavailable_while_degraded();
/// let app: Router = Router::new().merge(health);
/// ```
pub fn health_router(registry: &'static Registry) -> HealthRouter {
    HealthRouter { registry, probes: Probes::new(PROBE_TIMEOUT), degraded: StatusCode::OK }
}

/// The routes of [`health_router`], before they are merged into a [`Router`] of any state.
#[derive(Debug)]
#[must_use = "it is to be merged into a router"]
pub struct HealthRouter {
    registry: &'static Registry,
    probes: Probes,
    /// The status while degraded.
    degraded: StatusCode,
}

impl HealthRouter {
    /// Asks a dependency for each `GET /health`. An `Err`, a panic and no answer in time make the service `degraded`, and stand in `probes.NAME` of
    /// the reply: `{"healthy", "latency_ms", "error"}`. A second probe of one name replaces the first. A panic counts wherever it comes from:
    /// the closure, its future, the error's text, or a destructor of these.
    ///
    /// Probes run concurrently, each with the same time limit, on one task: they must not block. Requests that come while a run is under way share it, however many they are,
    /// so monitors load a dependency with one question at a time. When all who wait have hung up the run is dropped.
    ///
    /// A probe that calls a function with a breaker counts as any call of it: monitors that ask often enough are what closes it again where nobody else calls. The
    /// time limit drops the call, which is neutral for the breaker (`on_cancel`), so the breaker's own `timeout` should be the shorter one.
    pub fn with_probe<F, T, E>(mut self, name: impl AsRef<str>, probe: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: 'static,
        E: Into<BoxError> + 'static,
    {
        self.probes.insert(name.as_ref(), probe);
        self
    }

    /// The longest that a probe may take; 2 s unless it is set. Zero: only what is ready at once is healthy.
    pub fn probe_timeout(mut self, limit: Duration) -> Self {
        self.probes.limit = limit;
        self
    }

    /// Answers `GET /health` with 503 while degraded, instead of 200. The body is the same.
    pub fn unavailable_while_degraded(mut self) -> Self {
        self.degraded = StatusCode::SERVICE_UNAVAILABLE;
        self
    }

    /// The routes as a router, to be nested; [`Router::merge`] takes them as they are.
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new()
            .route("/health", get(health))
            .route("/health/live", get(live))
            .route("/health/circuit-breakers", get(all))
            .route(super::ONE_BREAKER, get(one))
            .with_state(Arc::new(self))
    }
}

impl<S: Clone + Send + Sync + 'static> From<HealthRouter> for Router<S> {
    fn from(health: HealthRouter) -> Self {
        health.into_router()
    }
}

/// The breakers, and what was asked just now.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    health: Health,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    probes: &'a BTreeMap<String, Probe>,
}

async fn health(Shared(routes): Shared<Arc<HealthRouter>>) -> Response {
    // First the probes, since they may change the breakers.
    let probes = routes.probes.run().await;
    let mut health = routes.registry.health();
    if probes.values().any(|probe| !probe.healthy) {
        health.status = Status::Degraded;
    }
    let status = if health.status == Status::Degraded { routes.degraded } else { StatusCode::OK };
    fresh((status, Json(Whole { health, probes: &probes })))
}

async fn live() -> Response {
    fresh(Json(serde_json::json!({"status": "alive"})))
}

async fn all(Shared(routes): Shared<Arc<HealthRouter>>) -> Response {
    fresh(Json(routes.registry.health().circuit_breakers))
}

async fn one(Shared(routes): Shared<Arc<HealthRouter>>, name: Result<Path<String>, PathRejection>) -> Response {
    let name = match name {
        Ok(Path(name)) => name,
        Err(rejection) => {
            return fresh(ErrorReply::new(rejection.status(), "invalid_request", rejection.body_text()));
        }
    };
    match routes.registry.get(&name) {
        Some(breaker) => fresh(Json(breaker.snapshot())),
        None => fresh(ErrorReply::new(StatusCode::NOT_FOUND, "not_found", nearest(routes.registry, &name))),
    }
}

/// What is true now only.
fn fresh(reply: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], reply).into_response()
}
