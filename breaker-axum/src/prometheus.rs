//! Prometheus: a recorder whose buckets fit. With the feature `metrics`.

use breaker_core::Registry;
use breaker_core::metrics::{CALL_DURATION_SECONDS, DURATION_BUCKETS};
pub use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often durations that were recorded one by one are added to their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs a Prometheus recorder for the process, with buckets that fit the durations of calls, and exports the metrics of every breaker of
/// `registry`. The handle renders what was recorded; `metrics_router` does so at `GET /metrics`.
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
/// A recorder keeps each duration until it is added to its bucket, which a thread does every five seconds from now on, whether somebody asks for the metrics
/// or not. A process that has a recorder already calls [`Registry::export_metrics`], gives its own handle to `metrics_router`, and sees to
/// [`PrometheusHandle::run_upkeep`].
///
/// Called again it gives the same handle, so that several registries can be exported.
///
/// # Errors
/// When the process has a recorder of somebody else's already, or no thread can be started.
pub fn install_prometheus(registry: &Registry) -> Result<PrometheusHandle, InstallError> {
    static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    // That wakes those who wait for a breaker, who may come here too.
    registry.export_metrics();
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*installed {
        return Ok(handle.clone());
    }
    let recorder = prometheus_builder()?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| InstallError::Installed)?;
    *installed = Some(handle.clone());
    let upkept = handle.clone();
    let upkeep = move || loop {
        std::thread::sleep(UPKEEP);
        upkept.run_upkeep();
    };
    std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(upkeep).map_err(InstallError::Thread)?;
    Ok(handle)
}

/// A recorder to be built with more settings than [`install_prometheus`] has: buckets that fit the durations of calls.
///
/// # Errors
/// None, as long as [`DURATION_BUCKETS`] is not empty.
pub fn prometheus_builder() -> Result<PrometheusBuilder, InstallError> {
    let calls = Matcher::Full(CALL_DURATION_SECONDS.to_owned());
    PrometheusBuilder::new().set_buckets_for_metric(calls, &DURATION_BUCKETS).map_err(InstallError::Buckets)
}

/// Why there is no recorder.
#[derive(Debug)]
#[non_exhaustive]
pub enum InstallError {
    /// The buckets are not as the exporter wants them.
    Buckets(BuildError),
    /// The process has a recorder already.
    Installed,
    /// The thread for the upkeep cannot be started.
    Thread(std::io::Error),
}

impl std::fmt::Display for InstallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Buckets(error) => write!(f, "the recorder for Prometheus cannot be built: {error}"),
            Self::Installed => f.write_str(
                "the process has a metrics recorder already; give its handle to `metrics_router`, and call \
                 `Registry::export_metrics` in place of `install_prometheus`",
            ),
            Self::Thread(error) => write!(f, "no thread can be started for the upkeep of metrics: {error}"),
        }
    }
}

impl std::error::Error for InstallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Buckets(error) => Some(error),
            Self::Installed => None,
            Self::Thread(error) => Some(error),
        }
    }
}
