#!/usr/bin/env bash
# bb8 0.9.1: a connection whose check does not end goes back into the pool, so the pool clings to a
# silent one for ever.
#
# A guess: `is_valid` checks each connection that is handed out (`test_on_check_out`, the default),
# to find dead ones. A connection that does not pass within `connection_timeout` is thrown away, as
# one that fails is.
#
# What happens: the limit covers the whole of `get()`. When it is over, the future is dropped, with
# the connection in it. The drop returns the connection to the pool, unless `has_broken` says that
# it is broken. A silent connection (a lost entry of a network's table, a dead host behind a moved
# address) has given the client no error. So it does not count as broken. The next `get()` has the
# same connection, and so on: no new one is made, although one would work. A check that *fails* does
# make a new one.
#
# Why it matters: after such a fault every call fails with `TimedOut` until the kernel gives the
# socket up, or for ever. bb8-postgres has no limit in its check. bb8-redis has one, the 500 ms of
# redis-rs, so it heals if `connection_timeout` is longer. A limit inside of `is_valid` helps.
#
# Seen (a pool of one connection, whose first one falls silent):
#   check that hangs: TimedOut, TimedOut, TimedOut; connections made: 1
#   check with a limit: Ok, Ok, Ok; connections made: 2
#
# Needs cargo and a registry of crates. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "check"
version = "0.0.0"
edition = "2024"

[dependencies]
bb8 = { version = "=0.9.1", default-features = false }
tokio = { version = "=1.54.1", features = ["macros", "rt", "time"] }

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use bb8::{ManageConnection, Pool};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// Connections are numbers. The first one falls silent after it was made.
struct Manager {
    made: Arc<AtomicUsize>,
    limit: Duration,
}

impl ManageConnection for Manager {
    type Connection = usize;
    type Error = io::Error;

    async fn connect(&self) -> io::Result<usize> {
        Ok(self.made.fetch_add(1, Ordering::SeqCst))
    }

    async fn is_valid(&self, connection: &mut usize) -> io::Result<()> {
        let answer = async {
            if *connection == 0 {
                std::future::pending::<()>().await;
            }
        };
        Ok(timeout(self.limit, answer).await?)
    }

    fn has_broken(&self, _: &mut usize) -> bool {
        false // nothing has told
    }
}

async fn show(title: &str, limit: Duration) {
    let made = Arc::new(AtomicUsize::new(0));
    let manager = Manager { made: made.clone(), limit };
    let pool = Pool::builder().max_size(1).connection_timeout(Duration::from_millis(300)).build(manager).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(match pool.get().await {
            Ok(_) => "Ok".to_owned(),
            Err(error) => format!("{error:?}"),
        });
    }
    println!("{title}: {}; connections made: {}", seen.join(", "), made.load(Ordering::SeqCst));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    show("check that hangs", Duration::from_secs(3600)).await;
    show("check with a limit", Duration::from_millis(50)).await;
}
RUST

cat >"$work/expected" <<'TEXT'
check that hangs: TimedOut, TimedOut, TimedOut; connections made: 1
check with a limit: Ok, Ok, Ok; connections made: 2
TEXT
CARGO_TARGET_DIR=$work/target cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "bb8-check-that-hangs: it has changed" >&2
    exit 1
fi
echo "as told: bb8 0.9.1"
