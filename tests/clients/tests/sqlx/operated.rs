//! Tests what an operator does to a PostgreSQL.
//!
//! It is stopped in each of three ways, starts, recovers, and is a standby that is promoted.

use super::{ask, limited, one, operate, options, patient, patient_pool, pool};
use breaker_clients::{FAIL_MAX, closes, opens, stays_closed};
use breaker_core::{CallError, CircuitBreaker, presets};
use breaker_servers::{Server, until};
use sqlx::{Connection as _, PgConnection, PgPool};

/// A query on a connection of its own, without a pool, which would retry.
async fn alone(breaker: &CircuitBreaker, port: u16) -> Option<String> {
    let asked = async { PgConnection::connect_with(&options(port)).await?.close().await };
    let done: Result<(), CallError<sqlx::Error>> = breaker.call_classified(asked, presets::sqlx).await;
    let error = done.err().and_then(CallError::into_inner)?;
    Some(error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default().into_owned())
}

async fn until_it_runs(port: u16, query: &'static str) {
    let operator = patient_pool(1, options(port));
    until("the query runs", async || {
        let running = "SELECT 1 FROM pg_stat_activity WHERE query = $1 AND state = 'active'";
        sqlx::query(running).bind(query).fetch_optional(&operator).await.is_ok_and(|row| row.is_some())
    })
    .await;
    operator.close().await;
}

/// Stops it during a query. Returns how the call ended.
async fn stopped(server: &Server, signal: &str, query: &'static str) -> (CircuitBreaker, PgPool) {
    let (breaker, pool) = (patient("sqlx-stopped"), patient_pool(1, options(server.port)));
    let stopped = async {
        until_it_runs(server.port, query).await;
        server.stop(signal);
    };
    let (_, ()) = tokio::join!(ask(&breaker, &pool, query), stopped);
    (breaker, pool)
}

#[tokio::test]
async fn each_way_to_stop_it_opens_it_and_its_start_closes_it() {
    let Some(mut server) = Server::postgres(&[]).await else { return };
    const LONG: &str = "SELECT pg_sleep(60)";
    // Smart lets the call end, and accepts no new one. Fast says so. Immediate says nothing
    // readable.
    for (signal, query, failures) in [("TERM", "SELECT pg_sleep(1)", 0), ("INT", LONG, 1), ("QUIT", LONG, 1)] {
        let (ended, old) = stopped(&server, signal, query).await;
        let snapshot = ended.snapshot();
        assert_eq!(
            (snapshot.failure_count, snapshot.success_count),
            (failures, 1 - failures),
            "{signal}: {snapshot:?}"
        );
        let (breaker, pool) = (limited("sqlx-stopped-next"), pool(1, server.port));
        opens(&breaker, async || one(&breaker, &pool).await).await;
        old.close().await;
        server.restart().await;
        closes(&breaker, async || one(&breaker, &pool).await).await;
    }
}

#[tokio::test]
async fn a_process_of_one_session_that_crashes_is_a_failure_for_all_of_them() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let (breaker, pool) = (patient("sqlx-crashed"), patient_pool(2, options(server.port)));
    let process: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.unwrap();
    let mut bystander = PgConnection::connect_with(&options(server.port)).await.unwrap();
    let waits = async {
        let waited = sqlx::query("SELECT pg_sleep(60)").execute(&mut bystander);
        drop(breaker.call_classified(waited, presets::sqlx).await);
    };
    let crashed = async {
        until_it_runs(server.port, "SELECT pg_sleep(60)").await;
        let killed = std::process::Command::new("kill").args(["-s", "KILL", &process.to_string()]).status();
        assert!(killed.unwrap().success());
    };
    tokio::join!(waits, crashed);
    assert_eq!(breaker.snapshot().failure_count, 1);
    // It restarts by itself, and the pool waits for that.
    until("it answers", async || {
        one(&breaker, &pool).await;
        breaker.snapshot().success_count > 0
    })
    .await;
}

#[tokio::test]
async fn a_standby_opens_it_for_writes_alone_until_it_is_promoted() {
    const INSERT: &str = "INSERT INTO copied VALUES (1)";
    let Some(primary) = Server::postgres(&[]).await else { return };
    operate(primary.port, "CREATE TABLE copied (a int)").await;
    let Some(standby) = Server::postgres_standby(&primary, &[]).await else { return };
    let (reads, writes) = (patient("sqlx-standby-reads"), limited("sqlx-standby-writes"));
    let pool = patient_pool(2, options(standby.port));
    stays_closed(&reads, async || ask(&reads, &pool, "SELECT * FROM copied").await.unwrap()).await;
    let snapshot = opens(&writes, async || {
        ask(&writes, &pool, INSERT).await.unwrap_err();
    })
    .await;
    assert_eq!(snapshot.failure_count, u64::from(FAIL_MAX));
    operate(standby.port, "SELECT pg_promote()").await;
    closes(&writes, async || drop(ask(&writes, &pool, INSERT).await)).await;
}

#[tokio::test]
async fn a_server_that_recovers_and_lets_nobody_in_opens_it_until_it_does() {
    let Some(primary) = Server::postgres(&[]).await else { return };
    let Some(standby) = Server::postgres_standby(&primary, &["hot_standby=off"]).await else { return };
    // The pool waits for it, and reports only that. A single connection returns the server's
    // message.
    let (pooled, single) = (limited("sqlx-recovery"), limited("sqlx-recovery-single"));
    let pool = pool(1, standby.port);
    opens(&pooled, async || one(&pooled, &pool).await).await;
    opens(&single, async || assert_eq!(alone(&single, standby.port).await.as_deref(), Some("57P03"))).await;
    // It accepts no queries, so a file and a signal promote it.
    let promoted = standby.directory().join("data/promote");
    std::fs::write(&promoted, "").unwrap();
    standby.stop("USR1");
    closes(&pooled, async || one(&pooled, &pool).await).await;
    closes(&single, async || drop(alone(&single, standby.port).await)).await;
}
