//! Calls annotated async functions, with the default features.

use crate::body::{Fault, upstream};
use crate::cases::Case;
use crate::drive::Calls;
use crate::subjects::keyed;
use breaker_core::{Registry, circuit_breaker, fallback};
use tracing_subscriber::filter::LevelFilter;

#[circuit_breaker(name = "closed")]
async fn closed<const BY_POINTER: bool>(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "failing", fail_max = 1_000_000_000)]
async fn failing(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "open", recovery_timeout = "1d")]
async fn open(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "full", recovery_timeout = "0s", probe_timeout = "1d")]
async fn full(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "window_10", failure_rate = 0.5, window = 10)]
async fn window_10(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "window_1000", failure_rate = 0.5, window = 1_000)]
async fn window_1000(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "window_100000", failure_rate = 0.5, window = 100_000)]
async fn window_100000(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "window_of_time", failure_rate = 0.5, window = "10s")]
async fn window_of_time(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "slow", slow_call_duration = "10s")]
async fn slow(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "nested")]
async fn nested(request: u64) -> Result<u64, Fault> {
    nested_inside(request).await
}

#[circuit_breaker(name = "nested")]
async fn nested_inside(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "around")]
async fn around(request: u64) -> Result<u64, Fault> {
    within(request).await
}

#[circuit_breaker(name = "within")]
async fn within(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "exported")]
async fn exported(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "with_fallback")]
#[fallback(value(request))]
async fn with_fallback(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "fallen", recovery_timeout = "1d", fail_max = 5)]
#[fallback(value(request))]
async fn fallen(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

pub(super) fn calls(case: Case) -> Calls {
    match case {
        Case::Pointer => Calls::new::<_, true>(case, closed::<true>),
        Case::Ok | Case::ErrOk => Calls::new::<_, false>(case, closed::<false>),
        Case::Err => Calls::new::<_, false>(case, failing),
        Case::Open => Calls::new::<_, false>(case, opened(open)),
        Case::Full => Calls::new::<_, false>(case, with_a_probe(opened(full))),
        Case::Window10 => Calls::new::<_, false>(case, window_10),
        Case::Window1000 => Calls::new::<_, false>(case, window_1000),
        Case::Window100000 => filled(Calls::new::<_, false>(case, window_100000)),
        Case::WindowOfTime => Calls::new::<_, false>(case, window_of_time),
        Case::Slow => Calls::new::<_, false>(case, slow),
        Case::Nested => Calls::new::<_, false>(case, nested),
        Case::Within => Calls::new::<_, false>(case, around),
        Case::Key => {
            let hosts = keyed::hosts(0, 100);
            keyed::call_each(hosts);
            keyed::keyed_calls(hosts)
        }
        Case::Fallback => Calls::new::<_, false>(case, with_fallback),
        Case::Fallen => Calls::new::<_, false>(case, opened(fallen)),
        Case::Prometheus => {
            // The process refuses a second recorder and keeps the first one.
            let _ = breaker_axum::install_prometheus(&Registry::new());
            if let Some(breaker) = Registry::global().get("exported") {
                breaker.export_metrics();
            }
            Calls::new::<_, false>(case, exported)
        }
        Case::Subscriber => {
            // The process refuses a second subscriber and keeps the first one.
            let _ = tracing_subscriber::fmt().with_max_level(LevelFilter::ERROR).with_writer(std::io::sink).try_init();
            Calls::new::<_, false>(case, closed::<false>)
        }
    }
}

/// The function, after enough failures to open its breaker.
fn opened<C>(call: C) -> C
where
    C: AsyncFn(u64) -> Result<u64, Fault> + Copy + Send + Sync + 'static,
{
    Calls::new::<_, false>(Case::Err, call).run(5);
    call
}

/// The function, after one call has taken the slot. That call is never dropped.
fn with_a_probe<C>(call: C) -> C {
    let probe = Registry::global().get("full").and_then(|breaker| breaker.try_acquire().ok());
    Box::leak(Box::new(probe));
    call
}

/// The calls, after enough of them to fill the largest window.
fn filled(calls: Calls) -> Calls {
    calls.run(100_000);
    calls
}
