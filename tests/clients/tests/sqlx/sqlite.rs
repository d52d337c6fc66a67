//! Tests SQLite: a file that is busy, full, read-only or missing, and mistakes of the caller.

use super::{limited, patient};
use breaker_clients::{FAIL_MAX, closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, presets};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::path::Path;
use std::time::Duration;

fn pool(file: &Path, options: SqliteConnectOptions) -> SqlitePool {
    let options = options.filename(file).busy_timeout(Duration::from_millis(20));
    SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options)
}

fn made_where_missing() -> SqliteConnectOptions {
    SqliteConnectOptions::new().create_if_missing(true)
}

async fn ask(breaker: &CircuitBreaker, pool: &SqlitePool, query: &'static str) {
    let _ = breaker.call_classified(async { sqlx::raw_sql(query).execute(pool).await }, presets::sqlx).await;
}

#[tokio::test]
async fn mistakes_of_the_caller_leave_it_closed() {
    let directory = breaker_servers::directory();
    let (breaker, pool) = (patient("sqlite-mistakes"), pool(&directory.path().join("db"), made_where_missing()));
    ask(&breaker, &pool, "CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL); INSERT INTO t VALUES (1, 1)").await;
    let wrong = ["INSERT INTO t VALUES (1, 1)", "INSERT INTO t VALUES (2, NULL)", "SELEKT", "SELECT * FROM no_such"];
    let mut next = wrong.iter().cycle();
    stays_closed(&breaker, async || ask(&breaker, &pool, next.next().unwrap()).await).await;
    assert_eq!(breaker.snapshot().success_count, 1_001);
}

#[tokio::test]
async fn a_database_that_another_one_holds_is_ignored() {
    let directory = breaker_servers::directory();
    let file = directory.path().join("db");
    let (breaker, own) = (patient("sqlite-busy"), pool(&file, made_where_missing()));
    ask(&breaker, &own, "CREATE TABLE t (a int)").await;
    let other = pool(&file, made_where_missing());
    let mut holder = other.acquire().await.unwrap();
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut *holder).await.unwrap();
    for _ in 0..FAIL_MAX {
        ask(&breaker, &own, "INSERT INTO t VALUES (1)").await;
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.failure_count, snapshot.ignored_count), (0, u64::from(FAIL_MAX)), "{snapshot:?}");
}

#[tokio::test]
async fn a_file_that_is_none_missing_full_or_not_to_be_written_opens_it() {
    let directory = breaker_servers::directory();
    let (file, garbage) = (directory.path().join("db"), directory.path().join("garbage"));
    std::fs::write(&garbage, [b'x'; 4096]).unwrap();
    let well = pool(&file, made_where_missing());
    sqlx::raw_sql("CREATE TABLE t (a)").execute(&well).await.unwrap();
    let full = pool(&file, made_where_missing().pragma("max_page_count", "4"));
    let insert = "INSERT INTO t VALUES (zeroblob(100000))";
    for (pool, query) in [
        (pool(&garbage, SqliteConnectOptions::new()), "SELECT * FROM t"),
        (pool(&directory.path().join("missing"), SqliteConnectOptions::new()), "SELECT * FROM t"),
        (pool(&file, SqliteConnectOptions::new().read_only(true)), insert),
        (full, insert),
    ] {
        let breaker = limited("sqlite-file");
        opens(&breaker, async || ask(&breaker, &pool, query).await).await;
        closes(&breaker, async || ask(&breaker, &well, "SELECT * FROM t").await).await;
    }
}
