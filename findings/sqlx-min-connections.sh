#!/usr/bin/env bash
# sqlx 0.9.0: with `min_connections` as high as `max_connections` no call can connect after an
# outage, for as long again as it lasted.
#
# A guess: `min_connections` keeps connections ready, so that calls are served sooner. After an
# outage the pool is as soon back with it as without.
#
# What happens: for each connection that is lost a task of the pool makes another one, up to
# `min_connections`. The task holds a place of the pool. Where it is refused it tries again for five
# minutes, with pauses that double up to a minute. With as many as `max_connections` such tasks hold
# all places, so no call can try by itself. After 7 s of outage the next attempt comes 10 s after
# its begin. Until then each call waits for its `acquire_timeout`, though the server is well. By the
# source it is up to a minute after an outage of four.
#
# Why it matters: a pool of a fixed size is common. Its service stays down after the database is
# back, and says "pool timed out", as it does with a busy pool. Leave places above
# `min_connections`: a call that finds one connects at once.
#
# Seen:
#   min_connections 0, the way is shut: 0 of 2 places are taken, 0 idle
#   min_connections 0, open again: the first answer after less than 2 s, few calls timed out, or none
#   min_connections 2, the way is shut: 2 of 2 places are taken, 0 idle
#   min_connections 2, open again: the first answer after more than 2 s, many calls timed out
#
# Needs cargo, a registry of crates, and PostgreSQL 15 of Debian 12
# (`apt-get install postgresql-15`); all listens on loopback only. Ends with 1 when the output is
# another one.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
if [ ! -x "$bin/postgres" ]; then
    echo "sqlx-min-connections: it needs PostgreSQL 15 in $bin" >&2
    exit 2
fi

work=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then
        kill -INT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# The server does not run as root.
plain=()
mkdir "$work/src" "$work/server"
if [ "$(id -u)" = 0 ]; then
    plain=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    chmod 711 "$work"
    chown postgres: "$work/server"
fi
port=${PORT:-25432}
"${plain[@]}" "$bin/initdb" -D "$work/server/data" -U postgres -A trust -N >"$work/server.log" 2>&1
"${plain[@]}" "$bin/postgres" -D "$work/server/data" -p "$port" -h 127.0.0.1 -k "$work/server" -c fsync=off >>"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    "$bin/pg_isready" -q -h "$work/server" -p "$port" -U postgres && break
    sleep 0.2
done

cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "fixed-pool"
version = "0.0.0"
edition = "2024"

[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["postgres", "runtime-tokio"] }
tokio = { version = "=1.54.1", features = ["macros", "rt", "net", "time"] }

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::time::{Duration, Instant};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// A way to the server, which can be shut: the listener and all connections end, and later ones are refused.
fn way(port: u16, server: u16) -> JoinSet<()> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], port).into()).unwrap();
    let listener: TcpListener = socket.listen(16).unwrap();
    let mut all = JoinSet::new();
    all.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    all
}

async fn outage(least: u32, server: u16, port: u16) {
    let mut open = way(port, server);
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port);
    let options = options.username("postgres").database("postgres");
    let pool = PgPoolOptions::new().max_connections(2).min_connections(least);
    let pool = pool.acquire_timeout(Duration::from_millis(250)).connect_lazy_with(options);
    // Both places have a connection, each in the midst of a call when the way is shut.
    let call = || async { timeout(Duration::from_secs(30), sqlx::query("SELECT pg_sleep(3)").execute(&pool)).await };
    let shut = async {
        sleep(Duration::from_secs(1)).await;
        open.shutdown().await;
    };
    let (one, two, ()) = tokio::join!(call(), call(), shut);
    assert!(one.unwrap().is_err() && two.unwrap().is_err());
    sleep(Duration::from_secs(6)).await;
    println!("min_connections {least}, the way is shut: {} of 2 places are taken, {} idle", pool.size(), pool.num_idle());
    let _open = way(port, server);
    let (begun, mut failed) = (Instant::now(), 0);
    while sqlx::query("SELECT 1").execute(&pool).await.is_err() {
        failed += 1;
    }
    let late = if begun.elapsed() > Duration::from_secs(2) { "more than 2 s" } else { "less than 2 s" };
    let before = if failed > 4 { "many calls timed out" } else { "few calls timed out, or none" };
    println!("min_connections {least}, open again: the first answer after {late}, {before}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server: u16 = std::env::var("SERVER_PORT").unwrap().parse().unwrap();
    let port: u16 = std::env::var("WAY_PORT").unwrap().parse().unwrap();
    outage(0, server, port).await;
    outage(2, server, port + 1).await;
}
RUST

cat >"$work/expected" <<'TEXT'
min_connections 0, the way is shut: 0 of 2 places are taken, 0 idle
min_connections 0, open again: the first answer after less than 2 s, few calls timed out, or none
min_connections 2, the way is shut: 2 of 2 places are taken, 0 idle
min_connections 2, open again: the first answer after more than 2 s, many calls timed out
TEXT
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$work/target} cargo build --quiet --manifest-path "$work/Cargo.toml"
SERVER_PORT=$port WAY_PORT=$((port + 1)) "${CARGO_TARGET_DIR:-$work/target}/debug/fixed-pool" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "sqlx-min-connections: it has changed" >&2
    exit 1
fi
echo "as told: $("$bin/postgres" --version), sqlx 0.9.0"
