//! Tests a server that answers: mistakes of the caller, and the server's own state.

use super::{ask, limited, one, operate, options, patient, patient_pool, pool_with, shared};
use breaker_clients::{FAIL_MAX, opens, stays_closed};
use breaker_core::{CircuitBreaker, presets};
use sqlx::{Connection as _, PgPool, Row as _};

async fn guarded<T>(breaker: &CircuitBreaker, call: impl Future<Output = sqlx::Result<T>>) -> Option<sqlx::Error> {
    breaker.call_classified(call, presets::sqlx).await.err().map(|error| error.into_inner().expect("it is not open"))
}

#[tokio::test]
async fn mistakes_of_the_caller_leave_it_closed() {
    let Some(server) = shared().await else { return };
    operate(
        server.port,
        "CREATE TABLE goods (a int PRIMARY KEY, b text NOT NULL, c int CHECK (c > 0), d int REFERENCES goods (a));
         INSERT INTO goods VALUES (1, 'b', 1, 1); CREATE ROLE nobody LOGIN",
    )
    .await;
    let (pool, breaker) = (patient_pool(2, options(server.port)), patient("sqlx-mistakes"));
    let nobody = patient_pool(1, options(server.port).username("nobody"));
    let wrong = [
        "INSERT INTO goods VALUES (1, 'b', 1, 1)",
        "INSERT INTO goods VALUES (2, NULL, 1, 1)",
        "INSERT INTO goods VALUES (2, 'b', 0, 1)",
        "INSERT INTO goods VALUES (2, 'b', 1, 9)",
        "SELECT 1 / (a - 1) FROM goods",
        "SELECT 'x'::int",
        "SELEKT",
        "SELECT * FROM no_such",
        "SELECT no_such FROM goods",
        "SELECT no_such()",
        "DO $$ BEGIN RAISE EXCEPTION 'mine'; END $$",
    ];
    let mut next = wrong.iter().cycle();
    stays_closed(&breaker, async || {
        ask(&breaker, &pool, next.next().unwrap()).await.unwrap_err();
    })
    .await;
    stays_closed(&breaker, async || {
        ask(&breaker, &nobody, "SELECT * FROM goods").await.unwrap_err();
        let none = sqlx::query("SELECT a FROM goods WHERE a = 7").fetch_one(&pool);
        guarded(&breaker, none).await.unwrap();
        let too_few = sqlx::query("SELECT $1::int + $2::int").bind(1).execute(&pool);
        assert_eq!(code(&guarded(&breaker, too_few).await.unwrap()), "08P01");
    })
    .await;
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.success_count, snapshot.ignored_count), (4_000, 0), "{snapshot:?}");
}

#[tokio::test]
async fn mistakes_in_the_callers_types_are_ignored() {
    let Some(server) = shared().await else { return };
    let (pool, breaker) = (patient_pool(1, options(server.port)), patient("sqlx-types"));
    stays_closed(&breaker, async || {
        for column in ["a", "no_such"] {
            let read = async { sqlx::query("SELECT 'text' AS a").fetch_one(&pool).await?.try_get::<i32, _>(column) };
            guarded(&breaker, read).await.unwrap();
        }
    })
    .await;
    assert_eq!(breaker.snapshot().ignored_count, 2_000);
}

/// Two transactions of which the second one fails.
async fn conflict(breaker: &CircuitBreaker, pool: &PgPool) -> sqlx::Error {
    let second = async {
        let (mut first, mut second) = (pool.begin().await?, pool.begin().await?);
        for transaction in [&mut first, &mut second] {
            sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(&mut **transaction).await?;
            sqlx::query("SELECT * FROM shared_goods").execute(&mut **transaction).await?;
        }
        sqlx::query("UPDATE shared_goods SET a = a + 1").execute(&mut *first).await?;
        first.commit().await?;
        sqlx::query("UPDATE shared_goods SET a = a + 1").execute(&mut *second).await
    };
    guarded(breaker, second).await.unwrap()
}

fn code(error: &sqlx::Error) -> String {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default().into_owned()
}

#[tokio::test]
async fn a_conflict_with_another_transaction_is_ignored() {
    let Some(server) = shared().await else { return };
    operate(server.port, "CREATE TABLE shared_goods (a int); INSERT INTO shared_goods VALUES (1)").await;
    let (pool, breaker) = (patient_pool(3, options(server.port)), patient("sqlx-conflict"));
    assert_eq!(code(&conflict(&breaker, &pool).await), "40001");
    // A lock that is taken, and a transaction that has failed.
    let mut holder = pool.begin().await.unwrap();
    sqlx::query("SELECT * FROM shared_goods FOR UPDATE").execute(&mut *holder).await.unwrap();
    let taken = sqlx::query("SELECT * FROM shared_goods FOR UPDATE NOWAIT").execute(&pool);
    assert_eq!(code(&guarded(&breaker, taken).await.unwrap()), "55P03");
    let mut failed = pool.begin().await.unwrap();
    sqlx::query("SELEKT").execute(&mut *failed).await.unwrap_err();
    let after = sqlx::query("SELECT 1").execute(&mut *failed);
    assert_eq!(code(&guarded(&breaker, after).await.unwrap()), "25P02");
    holder.rollback().await.unwrap();
    failed.rollback().await.unwrap();
    // A table that is altered under a prepared statement.
    let mut connection = pool.acquire().await.unwrap();
    sqlx::query("SELECT * FROM shared_goods").execute(&mut *connection).await.unwrap();
    operate(server.port, "ALTER TABLE shared_goods ADD b int").await;
    let stale = sqlx::query("SELECT * FROM shared_goods").execute(&mut *connection);
    assert_eq!(code(&guarded(&breaker, stale).await.unwrap()), "0A000");
    drop(connection);
    assert_eq!(code(&deadlock(&breaker, &pool).await), "40P01");
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.ignored_count, snapshot.failure_count), (5, 0), "{snapshot:?}");
}

#[tokio::test]
async fn a_transaction_that_was_left_open_for_too_long_is_ignored() {
    let Some(server) = shared().await else { return };
    let own = options(server.port).options([("idle_in_transaction_session_timeout", "20ms")]);
    let (pool, breaker) = (patient_pool(1, own), patient("sqlx-left-open"));
    let mut transaction = pool.begin().await.unwrap();
    breaker_servers::until("the server has ended it", async || {
        let ended = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query = 'BEGIN'";
        let mut operator = sqlx::PgConnection::connect_with(&options(server.port)).await.unwrap();
        sqlx::query_scalar::<_, i64>(ended).fetch_one(&mut operator).await.is_ok_and(|count| count == 0)
    })
    .await;
    let late = guarded(&breaker, sqlx::query("SELECT 1").execute(&mut *transaction)).await;
    assert_eq!((code(&late.unwrap()).as_str(), breaker.snapshot().ignored_count), ("25P03", 1));
}

#[tokio::test]
async fn a_limit_of_the_servers_own_opens_it() {
    let Some(server) = shared().await else { return };
    operate(server.port, "CREATE ROLE crowded LOGIN CONNECTION LIMIT 0").await;
    let crowded = options(server.port).username("crowded");
    let small = patient_pool(1, options(server.port).options([("temp_file_limit", "64kB"), ("work_mem", "64kB")]));
    for expected in ["53300", "53400"] {
        let breaker = limited("sqlx-limits");
        opens(&breaker, async || {
            let error = if expected == "53300" {
                guarded(&breaker, sqlx::PgConnection::connect_with(&crowded)).await
            } else {
                let sorted = "SELECT a FROM generate_series(1, 100000) a ORDER BY a % 7";
                guarded(&breaker, sqlx::query(sorted).fetch_all(&small)).await
            };
            assert_eq!(code(&error.unwrap()), expected);
        })
        .await;
    }
}

/// The error of the transaction that is the victim.
async fn deadlock(breaker: &CircuitBreaker, pool: &PgPool) -> sqlx::Error {
    let (mut first, mut second) = (pool.begin().await.unwrap(), pool.begin().await.unwrap());
    sqlx::query("SELECT pg_advisory_xact_lock(1)").execute(&mut *first).await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(2)").execute(&mut *second).await.unwrap();
    // The other one gets its answer as soon as the victim is rolled back.
    let one = async {
        let error = guarded(breaker, sqlx::query("SELECT pg_advisory_xact_lock(2)").execute(&mut *first)).await;
        first.rollback().await.unwrap();
        error
    };
    let other = async {
        let error = guarded(breaker, sqlx::query("SELECT pg_advisory_xact_lock(1)").execute(&mut *second)).await;
        second.rollback().await.unwrap();
        error
    };
    let (one, other) = tokio::join!(one, other);
    one.or(other).expect("one of them is chosen")
}

#[tokio::test]
async fn a_statement_that_the_server_cuts_off_opens_it() {
    let Some(server) = shared().await else { return };
    let pool = pool_with(1, options(server.port).options([("statement_timeout", "50ms")]));
    let breaker = limited("sqlx-slow");
    let snapshot = opens(&breaker, async || {
        ask(&breaker, &pool, "SELECT pg_sleep(60)").await.unwrap_err();
    })
    .await;
    assert_eq!(snapshot.failure_count, u64::from(FAIL_MAX));
    breaker_clients::closes(&breaker, async || one(&breaker, &pool).await).await;
}
