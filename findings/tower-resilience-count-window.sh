#!/usr/bin/env bash
# tower-resilience-circuitbreaker 0.14.0: a count-based sliding window does not slide.
#
# A guess: with `sliding_window_size(10)` and the default `SlidingWindowType::CountBased` ("tracks
# the last N calls") the failure rate is that of the last 10 calls.
#
# What happens: there are four counters and no ring. They are set to zero only by a change of state.
# The size is the number of calls before the rate is first evaluated; the rate is that of all calls
# since the breaker closed. So each success adds to what it takes: after 1000 successes a rate of
# 0.5 needs 1000 failures, a hundred times the window. A time-based window does slide.
#
# Why it matters: in a service that runs for a day, an outage does not open the breaker. What does:
# `SlidingWindowType::TimeBased` with a `sliding_window_duration`, or `consecutive_failures`. A test
# that begins with a new breaker does not show it.
#
# Seen (window of 10 calls, rate 0.5; failures until it opens):
#   count-based, after 10 successes: 10
#   count-based, after 1000 successes: 1000
#   count-based, after 100000 successes: 100000
#   time-based (0.2 s), after 1000 successes and a pause of 0.3 s: 10
#   5 consecutive failures, after 1000 successes: 5
#
# Needs cargo and a registry of crates. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "window"
version = "0.0.0"
edition = "2024"

[dependencies]
tokio = { version = "=1.54.1", features = ["macros", "rt", "time"] }
tower = { version = "=0.5.3", features = ["util"] }
tower-resilience-circuitbreaker = "=0.14.0"

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use std::time::Duration;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_resilience_circuitbreaker::{CircuitBreakerConfigBuilder, CircuitBreakerLayer, SlidingWindowType};

/// How many failures open a breaker after these successes and this pause.
async fn failures(builder: CircuitBreakerConfigBuilder, successes: usize, pause: Duration) -> usize {
    let (layer, handle) = builder.build_with_handle().unwrap();
    let service = layer.layer(service_fn(|well: bool| async move { if well { Ok(()) } else { Err(()) } }));
    for _ in 0..successes {
        service.clone().oneshot(true).await.unwrap();
    }
    tokio::time::sleep(pause).await;
    let mut failures = 0;
    while !handle.is_open() {
        service.clone().oneshot(false).await.unwrap_err();
        failures += 1;
    }
    failures
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let rate = || CircuitBreakerLayer::builder().failure_rate_threshold(0.5).sliding_window_size(10);
    for successes in [10, 1000, 100_000] {
        println!("count-based, after {successes} successes: {}", failures(rate(), successes, Duration::ZERO).await);
    }
    let time = rate()
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(Duration::from_millis(200))
        .minimum_number_of_calls(10);
    let failed = failures(time, 1000, Duration::from_millis(300)).await;
    println!("time-based (0.2 s), after 1000 successes and a pause of 0.3 s: {failed}");
    let row = CircuitBreakerLayer::builder().consecutive_failures(5);
    println!("5 consecutive failures, after 1000 successes: {}", failures(row, 1000, Duration::ZERO).await);
}
RUST

cat >"$work/expected" <<'TEXT'
count-based, after 10 successes: 10
count-based, after 1000 successes: 1000
count-based, after 100000 successes: 100000
time-based (0.2 s), after 1000 successes and a pause of 0.3 s: 10
5 consecutive failures, after 1000 successes: 5
TEXT
CARGO_TARGET_DIR=$work/target cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "tower-resilience-count-window: it has changed" >&2
    exit 1
fi
echo "as told: tower-resilience-circuitbreaker 0.14.0"
