#!/usr/bin/env bash
# sqlx 0.9.0 and tokio-postgres 0.7.18: `commit()` of a transaction in which a statement has failed
# is `Ok`, and nothing is written.
#
# A guess: when a statement of a transaction has failed and its error was passed over, `commit()`
# fails, since the transaction cannot be committed. Every statement in between fails after all
# ("current transaction is aborted", 25P02).
#
# What happens: PostgreSQL answers the `COMMIT` of a failed transaction with success, and says
# `ROLLBACK` in place of `COMMIT` in the tag of the answer. psql shows it. Both libraries read past
# the tag and give `Ok(())`.
#
# Why it matters: code may pass over one error, such as that of an insert of a row that exists. It
# then writes nothing of all the rest, and gets no error for it. To such code the database looks
# well: nothing is counted, nothing is logged. A savepoint around the statement that may fail, or
# `ON CONFLICT DO NOTHING`, avoids it.
#
# Seen:
#   sqlx: INSERT Ok, SELEKT 42601, commit Ok, rows: 0
#   tokio-postgres: INSERT Ok, SELEKT 42601, commit Ok, rows: 0
#   what the server answers to COMMIT: ROLLBACK
#
# Needs cargo, a registry of crates, and PostgreSQL 15 of Debian 12
# (`apt-get install postgresql-15`); the server listens on a socket in the temporary folder only.
# Ends with 1 when the output is another one.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
if [ ! -x "$bin/postgres" ]; then
    echo "postgres-commit-of-failed: it needs PostgreSQL 15 in $bin" >&2
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
"${plain[@]}" "$bin/initdb" -D "$work/server/data" -U postgres -A trust -N >"$work/server.log" 2>&1
"${plain[@]}" "$bin/postgres" -D "$work/server/data" -k "$work/server" -c listen_addresses= -c fsync=off >>"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    "$bin/pg_isready" -q -h "$work/server" -U postgres && break
    sleep 0.2
done

cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "commit"
version = "0.0.0"
edition = "2024"

[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["postgres", "runtime-tokio"] }
tokio = { version = "=1.54.1", features = ["macros", "rt"] }
tokio-postgres = "=0.7.18"

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use std::error::Error;
use tokio_postgres::NoTls;

const INSERT: &str = "INSERT INTO t VALUES (1)";

async fn by_sqlx(server: &str) -> Result<(), Box<dyn Error>> {
    let options = PgConnectOptions::new().socket(server).username("postgres").database("postgres");
    let mut connection = PgConnection::connect_with(&options).await?;
    let mut transaction = connection.begin().await?;
    sqlx::query(INSERT).execute(&mut *transaction).await?;
    let error = sqlx::query("SELEKT").execute(&mut *transaction).await.unwrap_err();
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
    transaction.commit().await?;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut connection).await?;
    println!("sqlx: INSERT Ok, SELEKT {code}, commit Ok, rows: {rows}");
    Ok(())
}

async fn by_tokio_postgres(server: &str) -> Result<(), Box<dyn Error>> {
    let (mut client, connection) = tokio_postgres::Config::new().host_path(server).user("postgres").connect(NoTls).await?;
    tokio::spawn(connection);
    let transaction = client.transaction().await?;
    transaction.execute(INSERT, &[]).await?;
    let error = transaction.execute("SELEKT", &[]).await.unwrap_err();
    let code = error.code().map(|code| code.code().to_owned()).unwrap_or_default();
    transaction.commit().await?;
    let rows: i64 = client.query_one("SELECT count(*) FROM t", &[]).await?.get(0);
    println!("tokio-postgres: INSERT Ok, SELEKT {code}, commit Ok, rows: {rows}");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::var("SERVER")?;
    by_sqlx(&server).await?;
    by_tokio_postgres(&server).await
}
RUST

cat >"$work/expected" <<'TEXT'
sqlx: INSERT Ok, SELEKT 42601, commit Ok, rows: 0
tokio-postgres: INSERT Ok, SELEKT 42601, commit Ok, rows: 0
what the server answers to COMMIT: ROLLBACK
TEXT
CARGO_TARGET_DIR=$work/target cargo build --quiet --manifest-path "$work/Cargo.toml"
psql=("$bin/psql" -X -q -h "$work/server" -U postgres postgres)
"${psql[@]}" -c 'CREATE TABLE t (a int)'
{
    SERVER=$work/server "$work/target/debug/commit"
    told=$(printf 'BEGIN;\nSELEKT;\n\\unset QUIET\nCOMMIT;\n' | "${psql[@]}" 2>/dev/null | tail -1)
    echo "what the server answers to COMMIT: $told"
} >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "postgres-commit-of-failed: it has changed" >&2
    exit 1
fi
echo "as told: $("$bin/postgres" --version), sqlx 0.9.0, tokio-postgres 0.7.18"
