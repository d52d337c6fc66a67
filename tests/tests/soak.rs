//! Soak: thirty days of traffic with outages of every length, in virtual time. A breaker serves
//! again soon after each of them, never lets in more probes than it may, and its memory does not
//! grow.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;
#[path = "soak/traffic.rs"]
mod traffic;

use allocation_counter::measure;
use breaker_core::{Backoff, CircuitBreakerError, Config, OnCancel, Registry, Settings, circuit_breaker};
use common::{breaker, secs};
use fastrand::Rng;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, advance};
use traffic::{DAY, LONGEST_CALL, PAUSE, QUICK, Traffic};

/// Hanging calls and lost ones count, so that their outages open it.
const CONFIG: Config = Config::new().on_cancel(OnCancel::After(secs(20))).recovery_timeout(secs(30));
const NO_RUN: Config = CONFIG.fail_max(u32::MAX);

fn paused() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// How long after an outage the breaker can still reject; its longest open period is `open`. The
/// last call of the outage ends and opens it once more. Its slots come back from lost probes.
/// Probes come one after the other and succeed. Its ramp ends.
fn bound(settings: &Settings, open: Duration) -> Duration {
    let probes = settings.probe_count.unwrap() + settings.half_open_max_calls;
    let trial = settings.probe_timeout.unwrap() + probes * (PAUSE + QUICK);
    LONGEST_CALL + PAUSE + open + PAUSE + trial + settings.ramp.unwrap_or_default()
}

fn soak(config: Config, open: Duration) {
    let runtime = paused();
    let _time = runtime.enter();
    let breaker = breaker(config);
    let mut traffic = Traffic::new(breaker.clone(), bound(&breaker.settings(), open));
    runtime.block_on(traffic.flow_until(2 * DAY));
    let grown = measure(|| runtime.block_on(traffic.flow_until(30 * DAY))).bytes_current;
    assert!(grown <= 1024, "{grown} bytes more after 28 days");
    let shown = breaker.snapshot();
    assert!(traffic.outages > 50 && traffic.openings > traffic.outages / 4, "{} {}", traffic.outages, traffic.openings);
    assert!(shown.rejected_count > 1000 && shown.failure_count > 100, "{shown:?}");
}

/// What a `Retry-After` can ask for where there is no backoff.
const ASKED: Duration = secs(600);

#[test]
fn a_run() {
    soak(CONFIG, ASKED);
}

#[test]
fn a_rate_over_calls() {
    soak(NO_RUN.failure_rate(0.5).window_calls(100).half_open_max_calls(3).success_threshold(3), ASKED);
}

#[test]
fn a_rate_over_time_with_a_trial_by_rate() {
    let trial = NO_RUN.half_open_max_calls(4).probe_count(6).probe_failure_rate(0.5);
    soak(trial.failure_rate(0.5).window_fail_max(50).window(secs(120)).min_calls(5), ASKED);
}

#[test]
fn slow_calls() {
    soak(
        CONFIG.slow_call_duration(secs(5)).slow_call_rate(0.5).window_calls(20).half_open_max_calls(2).probe_count(2),
        ASKED,
    );
}

#[test]
fn a_backoff() {
    let longest = secs(1800);
    soak(CONFIG.backoff(Backoff::new().max(longest).jitter(0.2)).probe_timeout(secs(5)), longest.mul_f64(1.2));
}

#[test]
fn a_ramp() {
    soak(CONFIG.ramp(secs(900)).fail_window_off().success_threshold(2).probe_count(3), ASKED);
}

#[derive(Debug, PartialEq)]
enum AskError {
    Rejected,
    Failed,
}

impl From<CircuitBreakerError> for AskError {
    fn from(_: CircuitBreakerError) -> Self {
        Self::Rejected
    }
}

const KEYS: usize = 50;

#[circuit_breaker(name = "soak_hosts", key = host, max_keys = 50, fail_max = 2, recovery_timeout = "30s")]
fn ask(host: &str, ill: bool) -> Result<(), AskError> {
    if ill { Err(AskError::Failed) } else { Ok(()) }
}

/// Calls of ten times as many hosts as may have a breaker of their own, half of them of the same
/// few. Every third host falls ill, and gets well.
async fn ask_hosts(random: &mut Rng, days: u32, rejected: &mut u64) {
    let end = Instant::now() + days * DAY;
    while Instant::now() < end {
        for (ill, lasts) in [(true, 1.0 + random.f64() * 7200.0), (false, 600.0 + random.f64() * 7200.0)] {
            let turned = Instant::now();
            while turned.elapsed().as_secs_f64() < lasts {
                advance(Duration::from_secs_f64(lasts / 100.0 * random.f64())).await;
                let hosts = if random.bool() { 10 } else { 10 * KEYS };
                let host = random.usize(..hosts);
                let answered = ask(&format!("host-{host:03}"), ill && host.is_multiple_of(3));
                assert!(ill || turned.elapsed() < secs(30) || answered == Ok(()), "all are well: {answered:?}");
                *rejected += u64::from(answered == Err(AskError::Rejected));
            }
        }
        // The head, and the one that those share who have none of their own.
        assert!(Registry::global().health().circuit_breakers.len() <= KEYS + 2);
    }
}

#[test]
fn a_breaker_for_each_host() {
    let runtime = paused();
    let (mut random, mut rejected) = (Rng::with_seed(common::seed(7)), 0);
    runtime.block_on(ask_hosts(&mut random, 2, &mut rejected));
    let grown = measure(|| runtime.block_on(ask_hosts(&mut random, 28, &mut rejected))).bytes_current;
    assert!(grown <= 16 * 1024, "{grown} bytes more after 28 days");
    assert!(rejected > 1000, "{rejected}");
}
