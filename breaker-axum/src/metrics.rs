//! Serves the metrics to Prometheus. Behind the feature `metrics`.

use super::axum::Router;
use super::axum::http::header::CONTENT_TYPE;
use super::axum::routing::get;
use breaker_core::Registry;
use metrics_exporter_prometheus::PrometheusHandle;

/// Version 0.0.4 of Prometheus's text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`: the metrics of the recorder behind `handle`, in Prometheus's text format.
///
/// Each request first updates the metrics of `registry`.
pub fn metrics_router<S>(handle: PrometheusHandle, registry: &'static Registry) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let render = async move || {
        registry.refresh_metrics();
        ([(CONTENT_TYPE, TEXT)], handle.render())
    };
    Router::new().route("/metrics", get(render))
}
