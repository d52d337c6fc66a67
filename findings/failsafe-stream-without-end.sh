#!/usr/bin/env bash
# failsafe 1.3.0: a `BreakerStream` has no end while its breaker is open, and never waits.
#
# A guess: a stream that was rejected yields `Err(Rejected)` once and ends, or ends as the stream
# inside does.
#
# What happens: each poll asks the breaker first. While that is open, each poll is ready with
# another `Err(Rejected)`, and the stream inside, which may have ended, is not polled. So a reader
# that goes on after an error reads rejections as fast as it can until the open period is over.
# Nothing in the loop is pending: the thread of the runtime runs nothing else meanwhile.
#
# Why it matters: a reader that logs errors and reads on keeps a core busy for the whole open
# period. So do `collect()` and `count()`. On a runtime of one thread such a reader stops the
# service. It has to leave its loop at `Error::Rejected`.
#
# Seen (one error opens for 2 s; a timer of 10 ms runs beside the reader, on one thread):
#   the stream inside has 1 item; rejections read: more than 1000
#   the timer ran while the reader read: false
#   the reader ended with the open period: true
#
# Needs cargo and a registry of crates. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "without_end"
version = "0.0.0"
edition = "2024"

[dependencies]
failsafe = "=1.3.0"
futures-util = { version = "=0.3.34", default-features = false }
tokio = { version = "=1.54.1", features = ["macros", "rt", "time"] }

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use failsafe::futures::stream::BreakerStream;
use failsafe::{Config, Error, backoff, failure_policy};
use futures_util::{StreamExt as _, stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let policy = failure_policy::consecutive_failures(1, backoff::constant(Duration::from_secs(2)));
    let breaker = Config::new().failure_policy(policy).build();
    let mut answers = BreakerStream::new(breaker, stream::iter([Err::<(), &str>("cut")]));
    let ran = Arc::new(AtomicBool::new(false));
    let tell = ran.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        tell.store(true, Ordering::SeqCst);
    });
    let begun = Instant::now();
    let (mut items, mut rejections) = (0, 0);
    while let Some(item) = answers.next().await {
        match item {
            Ok(()) | Err(Error::Inner(_)) => items += 1,
            Err(Error::Rejected) => rejections += 1,
        }
    }
    let many = if rejections > 1000 { "more than 1000".to_owned() } else { rejections.to_string() };
    println!("the stream inside has {items} item; rejections read: {many}");
    println!("the timer ran while the reader read: {}", ran.load(Ordering::SeqCst));
    println!("the reader ended with the open period: {}", begun.elapsed() >= Duration::from_secs(2));
}
RUST

cat >"$work/expected" <<'TEXT'
the stream inside has 1 item; rejections read: more than 1000
the timer ran while the reader read: false
the reader ended with the open period: true
TEXT
CARGO_TARGET_DIR=$work/target timeout 300 cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "failsafe-stream-without-end: it has changed" >&2
    exit 1
fi
echo "as told: failsafe 1.3.0"
