#!/usr/bin/env bash
# redis 1.8.1 (redis-rs): a blocking command on an async connection ends early, stalls its
# neighbours, and loses the job that it was for.
#
# A guess: `BLPOP jobs 2` answers with a job, or with nil after two seconds. At worst the commands
# that share its connection wait as long.
#
# What happens: every command has 500 ms for its answer, unless the connection was made with another
# `response_timeout`. So the `BLPOP` ends as "timed out" after half a second, as one of a server
# that is ill. The server knows nothing of it: it goes on to block the connection, until the two
# seconds are over. All commands on clones of the connection wait behind it, and each one ends as
# "timed out" too. A job that is pushed meanwhile is given to the `BLPOP`, though its caller has
# stopped waiting. The job is gone from the list, and no error says so.
#
# Why it matters: a worker that polls an empty queue looks like an outage to a circuit breaker or an
# alert, and its neighbours too. And jobs are lost only now and then. Blocking commands want a
# connection of their own with `set_response_timeout(None)`.
#
# Seen:
#   BLPOP jobs 2: timed out, before the 2 s
#   PING on a clone: timed out
#   a job is pushed by another connection; jobs left in the list: 0
#   PING on a clone, later: Ok
#   BLPOP jobs 1, on a connection without the limit: nil
#
# Needs cargo, a registry of crates, and redis-server (`apt-get install redis-server`), which gets
# port 56379 of loopback. Ends with 1 when the output is another one.
set -euo pipefail
if ! command -v redis-server >/dev/null; then
    echo "redis-blocking-command: it needs redis-server" >&2
    exit 2
fi

work=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "blocking"
version = "0.0.0"
edition = "2024"

[dependencies]
redis = { version = "=1.8.1", default-features = false, features = ["tokio-comp"] }
tokio = { version = "=1.54.1", features = ["macros", "rt", "time"] }

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, Value, cmd};
use std::time::{Duration, Instant};

fn told(answer: RedisResult<Value>) -> String {
    match answer {
        Ok(Value::Nil) => "nil".to_owned(),
        Ok(_) => "Ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> String {
    told(cmd("PING").query_async(connection).await)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> RedisResult<()> {
    let client = Client::open("redis://127.0.0.1:56379")?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let mut clone = connection.clone();
    let begun = Instant::now();
    let polled = told(cmd("BLPOP").arg("jobs").arg(2).query_async(&mut connection).await);
    let early = if begun.elapsed() < Duration::from_millis(1_500) { "before" } else { "after" };
    println!("BLPOP jobs 2: {polled}, {early} the 2 s");
    println!("PING on a clone: {}", ping(&mut clone).await);
    let mut other = client.get_multiplexed_async_connection().await?;
    let () = cmd("RPUSH").arg("jobs").arg("a job").query_async(&mut other).await?;
    let left: usize = cmd("LLEN").arg("jobs").query_async(&mut other).await?;
    println!("a job is pushed by another connection; jobs left in the list: {left}");
    while ping(&mut clone).await != "Ok" {}
    println!("PING on a clone, later: {}", ping(&mut clone).await);
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let mut own = client.get_multiplexed_async_connection_with_config(&config).await?;
    let polled = told(cmd("BLPOP").arg("jobs").arg(1).query_async(&mut own).await);
    println!("BLPOP jobs 1, on a connection without the limit: {polled}");
    Ok(())
}
RUST

cat >"$work/expected" <<'TEXT'
BLPOP jobs 2: timed out, before the 2 s
PING on a clone: timed out
a job is pushed by another connection; jobs left in the list: 0
PING on a clone, later: Ok
BLPOP jobs 1, on a connection without the limit: nil
TEXT
CARGO_TARGET_DIR=$work/target cargo build --quiet --manifest-path "$work/Cargo.toml"
redis-server --port 56379 --bind 127.0.0.1 --save "" --dir "$work" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    (exec 3<>/dev/tcp/127.0.0.1/56379) 2>/dev/null && break
    sleep 0.1
done
"$work/target/debug/blocking" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "redis-blocking-command: it has changed" >&2
    exit 1
fi
echo "as told: $(redis-server --version | grep -o 'v=[0-9.]*'), redis 1.8.1"
