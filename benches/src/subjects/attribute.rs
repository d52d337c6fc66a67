//! Calls annotated async functions, with the default features.

use crate::cases::Case;
use crate::drive::Calls;
use crate::failure::Failure;
use crate::subjects::keyed;
use breaker_core::{Registry, circuit_breaker, fallback};
use tracing_subscriber::filter::LevelFilter;

#[circuit_breaker(name = "closed")]
async fn closed<E: Failure, const BY_POINTER: bool>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "failing", fail_max = 1_000_000_000)]
async fn failing<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "failing_for_ever", fail_max = 1_000_000_000, fail_window = "off")]
async fn failing_for_ever<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "open", recovery_timeout = "1d")]
async fn open<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "full", recovery_timeout = "0s", probe_timeout = "1d")]
async fn full<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "window_10", failure_rate = 0.5, window = 10)]
async fn window_10<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "window_1000", failure_rate = 0.5, window = 1_000)]
async fn window_1000<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "window_100000", failure_rate = 0.5, window = 100_000)]
async fn window_100000<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "window_of_time", failure_rate = 0.5, window = "10s")]
async fn window_of_time<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "slow", slow_call_duration = "10s")]
async fn slow<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "nested")]
async fn nested<E: Failure>(request: u64) -> Result<u64, E> {
    nested_inside::<E>(request).await
}

#[circuit_breaker(name = "nested")]
async fn nested_inside<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "around")]
async fn around<E: Failure>(request: u64) -> Result<u64, E> {
    within::<E>(request).await
}

#[circuit_breaker(name = "within")]
async fn within<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "exported")]
async fn exported<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "with_fallback")]
#[fallback(value(request))]
async fn with_fallback<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

#[circuit_breaker(name = "fallen", recovery_timeout = "1d", fail_max = 5)]
#[fallback(value(request))]
async fn fallen<E: Failure>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

pub(super) fn calls<E: Failure>(case: Case) -> Calls {
    match case {
        Case::Pointer => Calls::new::<_, true>(case, closed::<E, true>),
        Case::Ok | Case::ErrOk => Calls::new::<_, false>(case, closed::<E, false>),
        Case::Err => Calls::new::<_, false>(case, failing::<E>),
        Case::ErrAnyTime => Calls::new::<_, false>(case, failing_for_ever::<E>),
        Case::Open => Calls::new::<_, false>(case, opened(open::<E>)),
        Case::Full => Calls::new::<_, false>(case, with_a_probe(opened(full::<E>))),
        Case::Window10 => Calls::new::<_, false>(case, window_10::<E>),
        Case::Window1000 => Calls::new::<_, false>(case, window_1000::<E>),
        Case::Window100000 => filled(Calls::new::<_, false>(case, window_100000::<E>)),
        Case::WindowOfTime => Calls::new::<_, false>(case, window_of_time::<E>),
        Case::Slow => Calls::new::<_, false>(case, slow::<E>),
        Case::Nested => Calls::new::<_, false>(case, nested::<E>),
        Case::Within => Calls::new::<_, false>(case, around::<E>),
        Case::Key => {
            let hosts = keyed::hosts(0, 100);
            keyed::call_each_with::<E>(hosts);
            keyed::calls::<E>(hosts)
        }
        Case::Fallback => Calls::new::<_, false>(case, with_fallback::<E>),
        Case::Fallen => Calls::new::<_, false>(case, opened(fallen::<E>)),
        Case::Prometheus => {
            // The process refuses a second recorder and keeps the first one.
            let _ = breaker_axum::install_prometheus(&Registry::new());
            if let Some(breaker) = Registry::global().get("exported") {
                breaker.export_metrics();
            }
            Calls::new::<_, false>(case, exported::<E>)
        }
        Case::Subscriber => {
            // The process refuses a second subscriber and keeps the first one.
            let _ = tracing_subscriber::fmt().with_max_level(LevelFilter::ERROR).with_writer(std::io::sink).try_init();
            Calls::new::<_, false>(case, closed::<E, false>)
        }
    }
}

/// The function, after enough failures to open its breaker.
fn opened<E: Failure, C>(call: C) -> C
where
    C: AsyncFn(u64) -> Result<u64, E> + Copy + Send + Sync + 'static,
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
