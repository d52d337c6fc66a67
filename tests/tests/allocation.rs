//! Neither the closed path nor a rejection allocates, and where a macro makes a box there is no
//! second one.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use allocation_counter::measure;
use async_recursion::async_recursion;
use async_trait::async_trait;
use breaker_core::{CircuitBreakerError, Config, Registry, State, circuit_breaker};
use common::{breaker, open, secs};
use futures_util::FutureExt;

#[derive(Debug)]
struct Failed;

impl From<CircuitBreakerError> for Failed {
    fn from(_: CircuitBreakerError) -> Self {
        Self
    }
}

#[circuit_breaker(name = "allocations", fail_max = 3, timeout = "5s")]
async fn annotated(text: &str, fails: bool) -> Result<usize, Failed> {
    if fails { Err(Failed) } else { Ok(text.len()) }
}

#[circuit_breaker(name = "allocations_sync", fail_max = 3)]
fn annotated_sync(text: &str) -> Result<usize, Failed> {
    Ok(text.len())
}

#[circuit_breaker(name = "allocations_keys", key = host, max_keys = 100_000)]
async fn keyed(host: &str) -> Result<usize, Failed> {
    Ok(host.len())
}

#[circuit_breaker(name = "allocations_failing", key = host, max_keys = 100_000)]
async fn failing(host: &str) -> Result<usize, Failed> {
    Ok(host.len())
}

#[circuit_breaker(name = "allocations_heard", key = host, max_keys = 100_000, timeout = "5s")]
async fn heard(host: &str) -> Result<usize, Failed> {
    Ok(host.len())
}

fn allocations(f: impl FnOnce()) -> u64 {
    measure(f).count_total
}

#[test]
fn an_annotated_call_on_a_closed_breaker_allocates_nothing() {
    annotated("first", false).now_or_never().unwrap().unwrap();
    annotated_sync("first").unwrap();
    let count = allocations(|| {
        for _ in 0..100 {
            annotated("then", false).now_or_never().unwrap().unwrap();
            annotated_sync("then").unwrap();
        }
    });
    assert_eq!(count, 0);
}

#[circuit_breaker(name = "allocations_places", max_concurrent = 1)]
async fn placed(text: &str) -> Result<usize, Failed> {
    Ok(text.len())
}

#[test]
fn a_call_that_takes_a_place_and_one_that_finds_none_allocate_nothing() {
    placed("first").now_or_never().unwrap().unwrap();
    let placed_breaker = Registry::global().get("allocations_places").unwrap();
    drop((placed_breaker.try_acquire().unwrap(), placed("busy").now_or_never().unwrap().unwrap_err()));
    let count = allocations(|| {
        for _ in 0..100 {
            placed("then").now_or_never().unwrap().unwrap();
            let held = placed_breaker.try_acquire().unwrap();
            placed("busy").now_or_never().unwrap().unwrap_err();
            held.success();
        }
    });
    assert_eq!(count, 0);
}

#[circuit_breaker(name = "allocations_nested")]
fn nested(levels: u32) -> Result<usize, Failed> {
    if levels == 0 { Ok(0) } else { nested(levels - 1) }
}

#[circuit_breaker(name = "allocations_around")]
async fn around(levels: u32) -> Result<usize, Failed> {
    annotated("inside", false).await?;
    nested(levels)
}

#[test]
fn calls_within_calls_allocate_nothing_after_a_threads_first() {
    around(20).now_or_never().unwrap().unwrap();
    let count = allocations(|| {
        for levels in 0..=20 {
            around(levels).now_or_never().unwrap().unwrap();
        }
    });
    assert_eq!(count, 0);
}

#[circuit_breaker(name = "allocations_exported")]
async fn exported() -> Result<(), Failed> {
    Ok(())
}

#[test]
fn a_call_whose_metrics_are_exported_allocates_nothing() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _installed = metrics::set_default_local_recorder(&recorder);
    Registry::global().get("allocations_exported").unwrap().export_metrics();
    exported().now_or_never().unwrap().unwrap();
    let count = allocations(|| {
        for _ in 0..100 {
            exported().now_or_never().unwrap().unwrap();
        }
    });
    assert_eq!(count, 0);
    let counted = r#"circuit_breaker_calls_total{breaker="allocations_exported",outcome="success"} 101"#;
    assert!(recorder.handle().render().contains(counted));
}

#[circuit_breaker(name = "allocations_limited", timeout = "5s")]
async fn limited() -> Result<(), Failed> {
    tokio::task::yield_now().await;
    Ok(())
}

#[test]
fn a_call_that_has_waited_under_a_time_limit_leaves_nothing_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let calls = || {
        runtime.block_on(async {
            limited().await.unwrap();
            assert!(limited().now_or_never().is_none(), "it is dropped while it waits");
        });
    };
    calls();
    assert_eq!(measure(|| (0..10).for_each(|_| calls())).count_current, 0);
}

#[test]
fn a_rejected_call_allocates_nothing() {
    let (opened, full) =
        (breaker(Config::new()), breaker(Config::new().recovery_timeout(secs(0)).probe_timeout(secs(60))));
    open(&opened);
    open(&full);
    let _probe = full.try_acquire().unwrap();
    assert_eq!((opened.state(), full.state()), (State::Open, State::HalfOpen));
    let count = allocations(|| {
        for _ in 0..100 {
            opened.try_acquire().unwrap_err();
            full.try_acquire().unwrap_err();
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn a_counted_failure_allocates_nothing_after_the_first() {
    annotated("first", true).now_or_never().unwrap().unwrap_err();
    let breaker = Registry::global().get("allocations").unwrap();
    let count = allocations(|| {
        for _ in 0..100 {
            annotated("then", true).now_or_never().unwrap().unwrap_err();
            annotated("then", false).now_or_never().unwrap().unwrap();
        }
    });
    assert_eq!(count, 0);
    assert_eq!(breaker.state(), State::Closed);
}

#[async_trait]
trait Ask {
    async fn ask(&self, text: &str, owned: String) -> Result<usize, Failed>;
}

struct Bare;
struct Guarded;

#[async_trait]
impl Ask for Bare {
    async fn ask(&self, text: &str, owned: String) -> Result<usize, Failed> {
        Ok(text.len() + owned.len())
    }
}

#[async_trait]
impl Ask for Guarded {
    #[circuit_breaker(name = "allocations_trait", timeout = "5s")]
    async fn ask(&self, text: &str, owned: String) -> Result<usize, Failed> {
        Ok(text.len() + owned.len())
    }
}

#[test]
fn a_method_of_an_async_trait_has_the_one_box_of_its_trait() {
    let boxes = |ask: &dyn Ask| {
        let call = || ask.ask("a", String::new()).now_or_never().unwrap();
        drop(call());
        allocations(|| drop(call()))
    };
    assert_eq!((boxes(&Bare), boxes(&Guarded)), (1, 1));
    Registry::global().get("allocations_trait").unwrap().force_open();
    let rejected = || assert!(Guarded.ask("a", String::new()).now_or_never().unwrap().is_err());
    assert_eq!(allocations(rejected), 1, "and so has a rejected call");
}

#[async_recursion]
async fn bare_recursion(n: u32) -> Result<u32, Failed> {
    if n == 0 { Ok(0) } else { Ok(bare_recursion(n - 1).await? + 1) }
}

#[async_recursion]
#[circuit_breaker(name = "allocations_recursion")]
async fn recursion_above(n: u32) -> Result<u32, Failed> {
    if n == 0 { Ok(0) } else { Ok(recursion_above(n - 1).await? + 1) }
}

#[circuit_breaker(name = "allocations_recursion")]
#[async_recursion]
async fn recursion_below(n: u32) -> Result<u32, Failed> {
    if n == 0 { Ok(0) } else { Ok(recursion_below(n - 1).await? + 1) }
}

#[test]
fn async_recursion_has_the_boxes_of_its_own() {
    let boxes = |call: fn(u32) -> futures_util::future::BoxFuture<'static, Result<u32, Failed>>| {
        let call = || assert_eq!(call(3).now_or_never().unwrap().unwrap(), 3);
        call();
        allocations(call)
    };
    assert_eq!(boxes(bare_recursion), 4);
    assert_eq!((boxes(recursion_above), boxes(recursion_below)), (4, 4));
}

trait Native {
    async fn call(&self, text: &str) -> Result<usize, Failed>;
    fn returned(&self, n: usize) -> impl Future<Output = Result<usize, Failed>> + Send;
}

impl Native for Guarded {
    #[circuit_breaker(name = "allocations_native")]
    async fn call(&self, text: &str) -> Result<usize, Failed> {
        Ok(text.len())
    }

    #[circuit_breaker(name = "allocations_native")]
    fn returned(&self, n: usize) -> impl Future<Output = Result<usize, Failed>> + Send {
        std::future::ready(Ok(n))
    }
}

#[test]
fn a_native_async_method_and_an_unboxed_future_have_no_box() {
    let call = || {
        assert_eq!(Guarded.call("ab").now_or_never().unwrap().unwrap(), 2);
        assert_eq!(Guarded.returned(2).now_or_never().unwrap().unwrap(), 2);
    };
    call();
    assert_eq!(allocations(call), 0);
}

#[test]
fn calls_that_a_window_looks_at_allocate_nothing_whatever_its_size() {
    let rule = Config::new().fail_max(u32::MAX).failure_rate(1.0).slow_call_duration(secs(5));
    for config in [rule.window_calls(10), rule.window_calls(100_000), rule.window(secs(3600))] {
        let breaker = breaker(config);
        let call = |fails: bool| {
            let permit = breaker.try_acquire().unwrap();
            if fails { permit.failure() } else { permit.success() }
        };
        call(false);
        call(true);
        let count = allocations(|| (0..1000).for_each(|n| call(n % 3 == 0)));
        assert_eq!(count, 0);
        assert_eq!(breaker.state(), State::Closed);
    }
}

/// What each of many idle breakers takes that have had a call, with all there is of the family.
fn bytes_each(call: impl Fn(&str)) -> i64 {
    const MANY: i64 = 20_000;
    call("first");
    let hosts: Vec<_> = (0..MANY).map(|n| format!("host-{n:06}.example")).collect();
    measure(|| hosts.iter().for_each(|host| call(host))).bytes_current / MANY
}

#[test]
fn an_idle_breaker_of_a_key_takes_less_than_300_bytes() {
    let call = |host: &str| _ = keyed(host).now_or_never().unwrap().unwrap();
    let bytes = bytes_each(call);
    assert!((100..300).contains(&bytes), "{bytes}");
    let head = Registry::global().get("allocations_keys").unwrap();
    // What is said to all, or asked of all, gives each no more than what was counted before the
    // reset.
    let more = measure(|| {
        head.reconfigure(Config::new().fail_max(3)).unwrap();
        head.reset();
        assert_eq!(Registry::global().health().circuit_breakers["allocations_keys"].success_count, 0);
        let one = Registry::global().get("allocations_keys[host-000007.example]").unwrap();
        assert_eq!((one.settings().fail_max, one.snapshot().success_count), (Some(3), 0));
    });
    assert!(bytes + more.bytes_current / 20_000 < 300, "{bytes} {more:?}");
    assert_eq!(allocations(|| (0..100).for_each(|_| call("host-000007.example"))), 0);
}

struct Nothing;

impl breaker_core::Listener for Nothing {}

#[test]
fn that_somebody_listens_and_that_there_is_a_time_limit_makes_them_no_larger() {
    let head = Registry::global().get("allocations_heard").unwrap();
    head.add_listener(Nothing);
    let call = |host: &str| _ = heard(host).now_or_never().unwrap().unwrap();
    let bytes = bytes_each(call);
    assert!((100..300).contains(&bytes), "{bytes}");
    assert_eq!(head.snapshot().success_count, 20_001);
}

#[test]
fn a_breaker_of_a_key_that_has_failed_shares_the_settings_of_all() {
    let call = |host: &str| {
        drop(failing(host).now_or_never().unwrap());
        let failed = Registry::global().get(&format!("allocations_failing[{host}]")).unwrap().try_acquire().unwrap();
        failed.failure();
    };
    // What all of them share.
    call("first");
    let bytes = measure(|| (0..100).for_each(|n| call(&format!("bad-{n}")))).bytes_current / 100;
    assert!(bytes < 1500, "{bytes}");
}
