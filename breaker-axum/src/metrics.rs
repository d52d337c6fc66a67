//! Metrics: the route that Prometheus asks. With the feature `metrics`.

use super::axum::Router;
use super::axum::http::header::CONTENT_TYPE;
use super::axum::routing::get;
use breaker_core::Registry;
use metrics_exporter_prometheus::PrometheusHandle;

/// Version 0.0.4 of Prometheus's text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`: what the recorder behind `handle` has, in Prometheus's text format. The metrics of `registry` are brought up to date first.
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
