#!/usr/bin/env bash
# PostgreSQL 15 and sqlx 0.9.0: a service with nothing to migrate cannot start where it may only
# read.
#
# A guess: `CREATE TABLE IF NOT EXISTS t` does nothing when `t` exists, so it may run in a read-only
# transaction. And a `Migrator::run` whose migrations have all been applied reads its table, finds
# nothing to do and returns `Ok`.
#
# What happens: PostgreSQL refuses by the kind of the statement (25006), before it looks whether
# there is such a table. sqlx begins each run with that statement, for its own table, and so ends
# with this error (also in its open issue 4105). And a lock stays. sqlx takes one of the session
# before (`pg_advisory_lock`), and releases it only at the end of a run that went well. The
# connection returns to the pool as a healthy one, and the session keeps the lock. A second run by
# any other connection then waits as long as that pool keeps this connection; here `lock_timeout`
# ends the wait.
#
# Why it matters: a service that migrates at its start may only want to read. Still it cannot start
# during a failover to a standby, or while `default_transaction_read_only` is on. It may go on
# without the migrations, or try them again. Then it keeps every other instance at that server from
# migrating, also one that may write. So ask `SHOW transaction_read_only` first, and run migrations
# on a connection of their own, which is closed afterwards.
#
# Seen:
#   may write, first run: Ok
#   may write, nothing to do: Ok
#   sessions with the lock: 0
#   read only, a query: 1 migration
#   read only, CREATE TABLE IF NOT EXISTS by hand: 25006 cannot execute CREATE TABLE in a read-only transaction
#   read only, nothing to do: 25006 cannot execute CREATE TABLE in a read-only transaction
#   sessions with the lock: 1, which is idle
#   may write, another pool: 55P03 canceling statement due to lock timeout
#   may write, first pool closed: Ok
#
# Needs cargo, a registry of crates, and PostgreSQL 15 of Debian 12
# (`apt-get install postgresql-15`); the server listens on a socket in the temporary folder only.
# Ends with 1 when the output is another one.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
if [ ! -x "$bin/postgres" ]; then
    echo "sqlx-read-only-start: it needs PostgreSQL 15 in $bin" >&2
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
mkdir "$work/src" "$work/migrations" "$work/server"
if [ "$(id -u)" = 0 ]; then
    plain=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    chmod 711 "$work"
    chown postgres: "$work/server"
fi
"${plain[@]}" "$bin/initdb" -D "$work/server/data" -U postgres -A trust -N >"$work/server.log" 2>&1
"${plain[@]}" "$bin/postgres" -D "$work/server/data" -k "$work/server" -c listen_addresses= -c fsync=off >>"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    "$bin/pg_isready" -q -h "$work/server" -U postgres && break
    sleep 0.2
done

cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "read-only-start"
version = "0.0.0"
edition = "2024"

[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["migrate", "postgres", "runtime-tokio"] }
tokio = { version = "=1.54.1", features = ["macros", "rt"] }

[profile.dev]
debug = false
TOML
echo 'CREATE TABLE books (title TEXT NOT NULL);' >"$work/migrations/1_books.sql"
cat >"$work/src/main.rs" <<'RUST'
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::error::Error;
use std::path::Path;

async fn pool(setting: &str, value: &str) -> Result<PgPool, sqlx::Error> {
    let server = std::env::var("SERVER").expect("the folder of the socket");
    let options = PgConnectOptions::new().socket(server).username("postgres").database("postgres");
    PgPoolOptions::new().max_connections(2).connect_with(options.options([(setting, value)])).await
}

fn told(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(error) => format!("{} {}", error.code().unwrap_or_default(), error.message()),
        None => error.to_string(),
    }
}

async fn run(pool: &PgPool, migrator: &Migrator) -> String {
    match migrator.run(pool).await {
        Ok(()) => "Ok".into(),
        Err(MigrateError::Execute(error)) => told(&error),
        Err(error) => format!("{error:?}"),
    }
}

async fn lock(pool: &PgPool) -> Result<(), sqlx::Error> {
    let holders: Vec<String> = sqlx::query_scalar(
        "SELECT state FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted",
    )
    .fetch_all(pool)
    .await?;
    match &holders[..] {
        [] => println!("sessions with the lock: 0"),
        states => println!("sessions with the lock: {}, which is {}", states.len(), states.join(", ")),
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let migrator = Migrator::new(Path::new("migrations")).await?;
    let writer = pool("lock_timeout", "500ms").await?;
    println!("may write, first run: {}", run(&writer, &migrator).await);
    println!("may write, nothing to do: {}", run(&writer, &migrator).await);
    lock(&writer).await?;

    let reader = pool("default_transaction_read_only", "on").await?;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(&reader).await?;
    println!("read only, a query: {count} migration");
    let by_hand = sqlx::query("CREATE TABLE IF NOT EXISTS books (title TEXT NOT NULL)").execute(&reader).await;
    let by_hand = by_hand.map_or_else(|error| told(&error), |_| "Ok".into());
    println!("read only, CREATE TABLE IF NOT EXISTS by hand: {by_hand}");
    println!("read only, nothing to do: {}", run(&reader, &migrator).await);
    lock(&writer).await?;
    println!("may write, another pool: {}", run(&writer, &migrator).await);
    reader.close().await;
    println!("may write, first pool closed: {}", run(&writer, &migrator).await);
    Ok(())
}
RUST

cat >"$work/expected" <<'TEXT'
may write, first run: Ok
may write, nothing to do: Ok
sessions with the lock: 0
read only, a query: 1 migration
read only, CREATE TABLE IF NOT EXISTS by hand: 25006 cannot execute CREATE TABLE in a read-only transaction
read only, nothing to do: 25006 cannot execute CREATE TABLE in a read-only transaction
sessions with the lock: 1, which is idle
may write, another pool: 55P03 canceling statement due to lock timeout
may write, first pool closed: Ok
TEXT
CARGO_TARGET_DIR=$work/target cargo build --quiet --manifest-path "$work/Cargo.toml"
(cd "$work" && SERVER=$work/server target/debug/read-only-start) >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "sqlx-read-only-start: it has changed" >&2
    exit 1
fi
echo "as told: $("$bin/postgres" --version), sqlx 0.9.0"
