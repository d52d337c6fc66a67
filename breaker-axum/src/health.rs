//! Serves the health of a service and its breakers, to monitors, orchestrators and people.

use super::axum::extract::rejection::PathRejection;
use super::axum::extract::{Path, State};
use super::axum::http::header::CACHE_CONTROL;
use super::axum::http::{HeaderValue, StatusCode};
use super::axum::response::{IntoResponse, Response};
use super::axum::routing::get;
use super::axum::{BoxError, Json, Router};
use super::health_checks::{CheckResult, HealthChecks};
use super::suggest;
use super::unavailable::ErrorReply;
use breaker_core::{Health, Registry, Status};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The default of [`HealthRouter::probe_timeout`].
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The health routes of a service, for all breakers of `registry`.
///
/// | route | is for | answers |
/// | --- | --- | --- |
/// | `GET /health` | monitors, and readiness | breakers and probes: `status` is `degraded` while a critical breaker is open or half-open, or a probe fails; `values_left_out` says how many unhealthy keyed breakers exist beside the worst 100 that are listed |
/// | `GET /health/live` | liveness | 200 as long as the process answers; it checks nothing |
/// | `GET /health/circuit-breakers` | people, dashboards | the breakers by name; of the values of a `key` the worst 100 that are unhealthy, without settings where these equal those of all values |
/// | `GET /health/circuit-breakers/{name}` | the same | one breaker, also `hosts[example.org]` of a `key`; 404 with the nearest name if there is none |
///
/// A name may be percent-encoded, and may contain slashes. All replies are JSON and are never
/// cached (`Cache-Control: no-store`). The routes answer `HEAD` too.
///
/// In **Kubernetes** a `livenessProbe` belongs to `/health/live`. When it fails, the container is
/// restarted, and that repairs no dependency.
///
/// A `readinessProbe` belongs to `/health` if a service is useless while it is degraded. It needs
/// [`unavailable_while_degraded`](HealthRouter::unavailable_while_degraded), and a `timeoutSeconds`
/// above the time limit of the probes. It takes the pod out of the load balancer. If all replicas
/// share the dependency, that takes out all of them at once. A service with fallbacks should stay
/// ready, so by default `/health` answers 200 while degraded.
///
/// The routes show texts of errors and settings. These are for the operators: serve the routes on
/// an internal port, or protect them with a layer.
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
    HealthRouter { registry, checks: HealthChecks::new(PROBE_TIMEOUT), degraded: StatusCode::OK }
}

/// The routes of [`health_router`], before they are merged into a [`Router`] of any state.
#[derive(Debug)]
#[must_use = "it is to be merged into a router"]
pub struct HealthRouter {
    registry: &'static Registry,
    checks: HealthChecks,
    /// The status of `GET /health` while degraded.
    degraded: StatusCode,
}

impl HealthRouter {
    /// Checks a dependency for each `GET /health`.
    ///
    /// An `Err`, a panic and no answer in time make the service `degraded`. The reply has the
    /// result in `probes.NAME`: `{"healthy", "latency_ms", "error"}`. A second probe of one name
    /// replaces the first. A panic counts in the closure, its future, the error's text, and their
    /// destructors.
    ///
    /// Probes run concurrently on one task, each with the same time limit. They must not block.
    /// Requests that arrive during a run share it, so monitors load a dependency with one check at
    /// a time. When all of these requests are closed, the run is dropped.
    ///
    /// A call of a function with a breaker counts as usual in a probe. Frequent monitors then close
    /// the breaker again even without other calls. The time limit drops the call, which the breaker
    /// ignores (`on_cancel`). So the breaker's own `timeout` should be shorter.
    pub fn with_probe<F, T, E>(mut self, name: impl AsRef<str>, probe: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: 'static,
        E: Into<BoxError> + 'static,
    {
        self.checks.insert(name.as_ref(), probe);
        self
    }

    /// The time limit of each probe. The default is 2 s. With zero, only a probe that is ready at
    /// once is healthy.
    pub fn probe_timeout(mut self, limit: Duration) -> Self {
        self.checks.timeout = limit;
        self
    }

    /// Answers `GET /health` with 503 instead of 200 while degraded. The body is the same.
    pub fn unavailable_while_degraded(mut self) -> Self {
        self.degraded = StatusCode::SERVICE_UNAVAILABLE;
        self
    }

    /// The routes as a router, to be nested. [`Router::merge`] takes them without this call.
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

/// The reply of `GET /health`.
#[derive(Serialize)]
struct HealthReply<'a> {
    #[serde(flatten)]
    health: Health,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    probes: &'a BTreeMap<String, CheckResult>,
}

async fn health(State(routes): State<Arc<HealthRouter>>) -> Response {
    // First the probes, since they may change the breakers.
    let probes = routes.checks.run().await;
    let mut health = routes.registry.health();
    if probes.values().any(|probe| !probe.healthy) {
        health.status = Status::Degraded;
    }
    let status = if health.status == Status::Degraded { routes.degraded } else { StatusCode::OK };
    uncached((status, Json(HealthReply { health, probes: &probes })))
}

async fn live() -> Response {
    uncached(Json(serde_json::json!({"status": "alive"})))
}

async fn all(State(routes): State<Arc<HealthRouter>>) -> Response {
    uncached(Json(routes.registry.health().circuit_breakers))
}

async fn one(State(routes): State<Arc<HealthRouter>>, name: Result<Path<String>, PathRejection>) -> Response {
    let name = match name {
        Ok(Path(name)) => name,
        Err(rejection) => {
            return uncached(ErrorReply::new(rejection.status(), "invalid_request", rejection.body_text()));
        }
    };
    match routes.registry.get(&name) {
        Some(breaker) => uncached(Json(breaker.snapshot())),
        None => {
            uncached(ErrorReply::new(StatusCode::NOT_FOUND, "not_found", suggest::not_found(routes.registry, &name)))
        }
    }
}

/// A reply that is never cached.
fn uncached(reply: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], reply).into_response()
}
