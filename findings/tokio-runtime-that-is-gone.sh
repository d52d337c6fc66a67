#!/usr/bin/env bash
# tokio 1.54.1: a handle of a runtime that is gone takes a task, and only the task's handle says so.
#
# A guess: `Handle::spawn` on a runtime that was dropped fails, or the handle has a method that
# tells whether its runtime runs.
#
# What happens: `spawn` returns as ever, with a future that never ends too. The task is over before
# it began: `is_finished()` of its `JoinHandle` is true at once, and awaiting it gives an error that
# was cancelled. The handle itself shows nothing: its id is the old one, and a clone of it works the
# same. `Handle::enter` works as well, and a `Sleep` can be made under it; it panics when it is
# polled.
#
# Why it matters: code that keeps a `Handle`, to run cleanup or a timer later, loses its work
# without an error. A library that outlives runtimes (one per test, one per thread) can ask by
# spawning an empty task and looking at `is_finished()`. That is the only question with an answer
# that does not panic.
#
# Seen (kind of runtime; while it runs, when it is gone):
#   current thread: running, finished false; gone, finished true, cancelled true, entered true, sleep made true, polled panics
#   multi thread: running, finished false; gone, finished true, cancelled true, entered true, sleep made true, polled panics
#
# Needs cargo and a registry of crates. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "runtime-that-is-gone"
version = "0.0.0"
edition = "2024"

[dependencies]
tokio = { version = "=1.54.1", features = ["rt-multi-thread", "time"] }
TOML
cat >"$work/src/main.rs" <<'RUST'
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

fn look(kind: &str, runtime: Runtime) {
    let handle = runtime.handle().clone();
    let running = handle.spawn(pending::<()>()).is_finished();
    drop(runtime);
    let task = handle.spawn(pending::<()>());
    let finished = task.is_finished();
    let fresh = Builder::new_current_thread().build().expect("a runtime");
    let cancelled = fresh.block_on(task).is_err_and(|error| error.is_cancelled());
    drop(fresh);
    let _entered = handle.enter();
    let sleep = tokio::time::sleep(Duration::from_secs(1));
    let mut sleep = pin!(sleep);
    let poll = || sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    let polled = if catch_unwind(AssertUnwindSafe(poll)).is_err() { "panics" } else { "waits" };
    println!("{kind}: running, finished {running}; gone, finished {finished}, cancelled {cancelled}, entered true, sleep made true, polled {polled}");
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    look("current thread", Builder::new_current_thread().enable_time().build().expect("a runtime"));
    look("multi thread", Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime"));
}
RUST

cat >"$work/expected" <<'TEXT'
current thread: running, finished false; gone, finished true, cancelled true, entered true, sleep made true, polled panics
multi thread: running, finished false; gone, finished true, cancelled true, entered true, sleep made true, polled panics
TEXT
CARGO_TARGET_DIR=$work/target cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "tokio-runtime-that-is-gone: it has changed" >&2
    exit 1
fi
echo "as told: tokio 1.54.1"
