//! Every key, as a literal and as a const expression.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::time::Duration;

use breaker_core::{CircuitBreakerError, Config, Registry, State, circuit_breaker};

const NAME: &str = "keys_by_const";
const MAX: u32 = 7;
const OPEN_TIME: Duration = Duration::from_secs(9);
const YES: bool = true;
const SHARED: Config = Config::new().fail_max(2).critical(true);

#[circuit_breaker(
    name = "keys_by_literal",
    fail_max = 3,
    fail_window = "1m 30s",
    recovery_timeout = "500ms",
    half_open_max_calls = 1_000,
    success_threshold = 2u32,
    probe_timeout = "1s",
    timeout = "2s",
    critical = true,
    enabled = true,
    on_cancel = "1s",
    on_panic = ignore,
    env_prefix = "KEYS_LITERAL",
    crate = ::breaker_core,
    otherwise = failure,
)]
async fn by_literal() -> Result<(), Fault> {
    Ok(())
}

#[circuit_breaker(
    name = NAME,
    fail_max = MAX + 1,
    fail_window = OPEN_TIME,
    recovery_timeout = Duration::ZERO,
    half_open_max_calls = 1 + 1,
    success_threshold = if YES { 4 } else { 5 },
    probe_timeout = OPEN_TIME.saturating_mul(2),
    critical = !YES,
    enabled = YES,
    on_cancel = Duration::from_secs(4),
    on_panic = failure
)]
fn by_const() -> Result<(), Fault> {
    Ok(())
}

#[circuit_breaker(name = "keys_shared", config = crate::SHARED, fail_window = "off", on_cancel = failure, recovery_timeout = "0s")]
async fn shared() -> Result<(), Fault> {
    Ok(())
}

#[circuit_breaker(name = "keys_disabled", enabled = false, on_cancel = ignore)]
fn disabled() -> Result<(), Fault> {
    Ok(())
}

const RATE: f64 = 0.4;

#[circuit_breaker(
    name = "keys_policies",
    failure_rate = 0.5,
    slow_call_duration = "2s",
    slow_call_rate = 1,
    window = 50,
    min_calls = 20,
    window_fail_max = 30,
    backoff(factor = 3, max = "5m", jitter = 0),
    ramp = "30s",
    probe_count = 4,
    probe_failure_rate = 0.25,
    max_concurrent = 256,
)]
fn policies() -> Result<(), Fault> {
    Ok(())
}

#[circuit_breaker(
    name = "keys_policies_by_const",
    failure_rate = RATE,
    slow_call_duration = OPEN_TIME,
    slow_call_rate = RATE * 2.0,
    window = Duration::from_secs(30),
    min_calls = MAX,
    backoff(factor = 1.0 + RATE, max = OPEN_TIME.saturating_mul(100)),
    ramp = OPEN_TIME,
    max_concurrent = MAX
)]
fn policies_by_const() -> Result<(), Fault> {
    Ok(())
}

#[circuit_breaker(name = "keys_backoff_alone", backoff)]
fn backoff_alone() -> Result<(), Fault> {
    Ok(())
}

mod inner {
    pub(crate) mod deps {
        pub(crate) use breaker_core as fuse;
    }
}

#[inner::deps::fuse::circuit_breaker(crate = crate::inner::deps::fuse, name = "keys_renamed", timeout = "1s")]
async fn renamed() -> Result<(), Fault> {
    Ok(())
}

#[circuit_breaker()]
fn default_name() -> Result<(), Fault> {
    Ok(())
}

fn main() {
    assert_eq!(by_const(), Ok(()));
    assert_eq!(block_on(shared()), Ok(()));
    assert_eq!(disabled(), Ok(()));
    assert_eq!(default_name(), Ok(()));
    drop((by_literal(), renamed()));
    let breaker = |name: &str| Registry::global().get(name).unwrap_or_else(|| panic!("{name}"));
    let json = |name: &str| format!("{:?}", breaker(name).settings());
    assert!(json("keys_by_const").contains("fail_max: Some(8)"), "{}", json("keys_by_const"));
    assert!(json("keys_by_const").contains("success_threshold: 4"));
    assert!(json("keys_shared").contains("fail_max: Some(2)"));
    assert_eq!(breaker("keys_disabled").state(), State::Disabled);
    assert_eq!((policies(), policies_by_const(), backoff_alone()), (Ok(()), Ok(()), Ok(())));
    let text = |name: &str| breaker(name).settings().to_string();
    for part in [
        "failure_rate 0.5, slow_call_duration 2s, slow_call_rate 1, window_fail_max 30, window 50 calls, min_calls 20",
        "backoff factor=3, max=5m, jitter=0, probe_count 4, probe_failure_rate 0.25, ramp 30s",
        "max_concurrent 256",
    ] {
        assert!(text("keys_policies").contains(part), "{}", text("keys_policies"));
    }
    for part in ["failure_rate 0.4, slow_call_duration 9s, slow_call_rate 0.8", "window 30s, min_calls 7", "backoff factor=1.4, max=15m, jitter=0.1", "ramp 9s", "max_concurrent 7"] {
        assert!(text("keys_policies_by_const").contains(part), "{}", text("keys_policies_by_const"));
    }
    assert!(text("keys_backoff_alone").contains("backoff factor=2, max=10m, jitter=0.1"), "{}", text("keys_backoff_alone"));
    let names: Vec<String> = Registry::global().breakers().iter().map(|breaker| breaker.name().to_owned()).collect();
    assert!(names.iter().any(|name| name.ends_with("::default_name")), "{names:?}");
    assert_ne!(Fault::Open, Fault::Upstream(String::new()));
}

#[derive(Debug, PartialEq)]
enum Fault {
    Open,
    Upstream(String),
}

impl From<CircuitBreakerError> for Fault {
    fn from(_: CircuitBreakerError) -> Self {
        Fault::Open
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
