//! Installs a Prometheus recorder whose buckets fit the durations of calls.

use breaker_core::Registry;
use breaker_core::metrics::{CALL_DURATION_SECONDS, DURATION_BUCKETS};
pub use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The time between two moves of recorded durations to their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs a Prometheus recorder for the process, and exports the metrics of every breaker of
/// `registry`.
///
/// The recorder's buckets fit the durations of calls. Its handle renders the metrics, and
/// `metrics_router` serves them at `GET /metrics`.
///
/// ```no_run
/// use breaker_axum::{install_prometheus, metrics_router};
/// use breaker_core::Registry;
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let handle = install_prometheus(Registry::global())?;
/// let app: axum::Router = metrics_router(handle, Registry::global());
/// # Ok(())
/// # }
/// ```
///
/// The recorder keeps each duration until it is moved to its bucket. A thread that this function
/// starts does so every five seconds, with or without requests for the metrics.
///
/// A process that has a recorder already calls [`Registry::export_metrics`] instead. It gives its
/// own handle to `metrics_router`, and calls [`PrometheusHandle::run_upkeep`] regularly.
///
/// Further calls return the same handle, so that several registries can be exported.
///
/// # Errors
/// When the process has another recorder already, or no thread can be started.
pub fn install_prometheus(registry: &Registry) -> Result<PrometheusHandle, InstallError> {
    static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    // With no lock held: it wakes tasks that wait for a breaker, and a waker may call this
    // function.
    registry.export_metrics();
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*installed {
        return Ok(handle.clone());
    }
    let recorder = prometheus_builder()?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| InstallError::Installed)?;
    *installed = Some(handle.clone());
    let upkeep_handle = handle.clone();
    let upkeep = move || loop {
        std::thread::sleep(UPKEEP);
        upkeep_handle.run_upkeep();
    };
    std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(upkeep).map_err(InstallError::Thread)?;
    Ok(handle)
}

/// A builder of the recorder that [`install_prometheus`] installs, for further settings.
///
/// # Errors
/// None, as long as [`DURATION_BUCKETS`] is not empty.
pub fn prometheus_builder() -> Result<PrometheusBuilder, InstallError> {
    let calls = Matcher::Full(CALL_DURATION_SECONDS.to_owned());
    PrometheusBuilder::new().set_buckets_for_metric(calls, &DURATION_BUCKETS).map_err(InstallError::Buckets)
}

/// Why no recorder was installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The exporter rejects the buckets.
    #[error("the recorder for Prometheus cannot be built: {0}")]
    Buckets(#[source] BuildError),
    /// The process has a recorder already.
    #[error(
        "the process has a metrics recorder already; give its handle to `metrics_router`, and call \
         `Registry::export_metrics` in place of `install_prometheus`"
    )]
    Installed,
    /// The thread for the upkeep cannot be started.
    #[error("the thread for the upkeep of metrics cannot be started: {0}")]
    Thread(#[source] std::io::Error),
}
