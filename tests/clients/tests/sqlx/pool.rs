//! Tests the caller's pool: busy, held by timed-out calls, or without a server.

use super::{ask_with_pool, limited, one, operate, options, patient, patient_pool, pool, pool_with, shared};
use breaker_clients::{FAIL_MAX, breaker, closes, opens};
use breaker_core::{CircuitBreaker, State, presets};
use breaker_servers::{Path, Server, refused, until};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgQueryResult;
use sqlx::{PgPool, Postgres};
use std::time::Duration;

/// The number of connections in the pools of these tests.
const SIZE: u32 = 2;

async fn one_with_pool(breaker: &CircuitBreaker, pool: &PgPool) {
    ask_with_pool(breaker, pool, "SELECT 1").await;
}

/// All connections that the pool may have.
async fn all_of(pool: &PgPool) -> Vec<PoolConnection<Postgres>> {
    let mut all = Vec::new();
    until("all are made", async || {
        all.extend(pool.acquire().await.ok());
        all.len() as u32 == pool.options().get_max_connections()
    })
    .await;
    all
}

#[tokio::test]
async fn a_busy_pool_is_ignored_where_the_preset_knows_it_and_a_failure_where_it_does_not() {
    let Some(server) = shared().await else { return };
    let pool = pool(SIZE, server.port);
    let taken = all_of(&pool).await;
    let (with_pool, without) = (limited("sqlx-busy"), limited("sqlx-busy-unknown"));
    for _ in 0..FAIL_MAX * 2 {
        one_with_pool(&with_pool, &pool).await;
    }
    let snapshot = with_pool.snapshot();
    assert_eq!((snapshot.ignored_count, with_pool.state()), (u64::from(FAIL_MAX) * 2, State::Closed));
    opens(&without, async || one(&without, &pool).await).await;
    drop(taken);
    closes(&without, async || one(&without, &pool).await).await;
    until("it answers", async || {
        one_with_pool(&with_pool, &pool).await;
        with_pool.snapshot().success_count > 0
    })
    .await;
}

/// sqlx tests the last connection on its return, and it holds the only place meanwhile.
#[tokio::test]
async fn a_server_that_freezes_opens_it_though_its_places_are_held() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let pool = pool_with(SIZE, options(server.port));
    let held = all_of(&pool).await;
    let breaker = limited("sqlx-frozen-held");
    server.freeze();
    // They are not returned, since that test does not end.
    drop(held);
    until("it opens", async || {
        one_with_pool(&breaker, &pool).await;
        breaker.state() == State::Open
    })
    .await;
    assert!(breaker.snapshot().ignored_count > 0, "{:?}", breaker.snapshot());
    assert_eq!(pool.size(), SIZE);
    server.thaw();
    closes(&breaker, async || one_with_pool(&breaker, &pool).await).await;
}

/// Connections are returned all the time, but too few for all calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pool_with_more_calls_than_it_can_serve_leaves_it_closed() {
    const CALLERS: u64 = 80;
    let Some(server) = shared().await else { return };
    let (breaker, pool) = (patient("sqlx-overrun"), pool(SIZE, server.port));
    drop(all_of(&pool).await);
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (breaker, pool) = (breaker.clone(), pool.clone());
            tokio::spawn(async move {
                for _ in 0..1_000 / CALLERS {
                    ask_with_pool(&breaker, &pool, "SELECT pg_sleep(0.02)").await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.failure_count, snapshot.rejected_count), (0, 0), "{snapshot:?}");
    assert!(snapshot.ignored_count > CALLERS, "{snapshot:?}");
}

/// Many concurrent calls, long enough for each to fail.
async fn many(breaker: &CircuitBreaker, pool: &PgPool) {
    let calls: Vec<_> = (0..SIZE * 8)
        .map(|_| {
            let (breaker, pool) = (breaker.clone(), pool.clone());
            tokio::spawn(async move { one_with_pool(&breaker, &pool).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
}

/// The preset distinguishes a server that refuses or hangs from a busy pool, although more calls
/// wait than the pool has places.
async fn away_is_told_under_load() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let (breaker, refusing) = (limited("sqlx-refused-load"), pool(SIZE, refused()));
    until("it opens", async || {
        many(&breaker, &refusing).await;
        breaker.state() == State::Open
    })
    .await;
    let (breaker, pool) = (limited("sqlx-frozen-load"), pool(SIZE, server.port));
    drop(all_of(&pool).await);
    until("they are back", async || pool.num_idle() == SIZE as usize).await;
    server.freeze();
    until("it opens", async || {
        many(&breaker, &pool).await;
        breaker.state() == State::Open
    })
    .await;
    server.thaw();
    closes(&breaker, async || one_with_pool(&breaker, &pool).await).await;
}

#[tokio::test]
async fn away_is_told_under_load_on_one_thread() {
    away_is_told_under_load().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn away_is_told_under_load_on_many_threads() {
    away_is_told_under_load().await;
}

#[tokio::test]
async fn calls_that_wait_for_a_lock_leave_it_closed() {
    let Some(server) = shared().await else { return };
    operate(server.port, "CREATE TABLE locked (a int)").await;
    let (own, others) = (pool(SIZE, server.port), patient_pool(1, options(server.port)));
    let breaker = patient("sqlx-locked");
    drop(all_of(&own).await);
    let mut transaction = others.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE locked").execute(&mut *transaction).await.unwrap();
    let waiting = async {
        tokio::join!(
            ask_with_pool(&breaker, &own, "SELECT * FROM locked"),
            ask_with_pool(&breaker, &own, "SELECT * FROM locked")
        );
    };
    let neighbours = async {
        until("both wait", async || own.num_idle() == 0).await;
        tokio::join!(one_with_pool(&breaker, &own), one_with_pool(&breaker, &own), one_with_pool(&breaker, &own));
        transaction.rollback().await.unwrap();
    };
    tokio::join!(waiting, neighbours);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.failure_count, snapshot.ignored_count), (0, 3), "{snapshot:?}");
    assert_eq!(snapshot.success_count, 2);
}

#[tokio::test]
async fn a_call_that_was_cut_off_holds_its_place_until_its_statement_ends() {
    let Some(server) = shared().await else { return };
    let short = breaker("sqlx-cut-off", Some(Duration::from_millis(100)));
    let endless = pool(1, server.port);
    drop(all_of(&endless).await);
    ask_with_pool(&short, &endless, "SELECT pg_sleep(1)").await;
    // The place is not free, which is not this call's fault.
    let breaker = limited("sqlx-held");
    one_with_pool(&breaker, &endless).await;
    assert_eq!(breaker.snapshot().ignored_count, 1);
    until("it is free again", async || {
        one_with_pool(&breaker, &endless).await;
        breaker.snapshot().success_count > 0
    })
    .await;

    // With a server's own limit below the breaker's the place is free before the call times out,
    // and the call counts.
    let within = pool_with(1, options(server.port).options([("statement_timeout", "200ms")]));
    let breaker = limited("sqlx-statement-timeout");
    opens(&breaker, async || ask_with_pool(&breaker, &within, "SELECT pg_sleep(60)").await).await;
    closes(&breaker, async || one_with_pool(&breaker, &within).await).await;
}

/// A connection that is closed when its call times out, in place of a return to the pool.
struct Own(Option<PoolConnection<Postgres>>);

impl Own {
    async fn execute(pool: &PgPool, query: &'static str) -> sqlx::Result<PgQueryResult> {
        let mut own = Self(Some(pool.acquire().await?));
        let answer = sqlx::query(query).execute(&mut **own.0.as_mut().expect("it is there")).await;
        drop(own.0.take()); // back to the pool
        answer
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// Waits until as many of these are in flight as the pool has places.
async fn until_all_run(port: u16, query: &'static str) {
    let operator = patient_pool(1, options(port));
    until("all run", async || {
        let running = "SELECT count(*) FROM pg_stat_activity WHERE query = $1 AND state = 'active'";
        sqlx::query_scalar(running)
            .bind(query)
            .fetch_one(&operator)
            .await
            .is_ok_and(|count: i64| count == i64::from(SIZE))
    })
    .await;
    operator.close().await;
}

#[tokio::test]
async fn places_of_a_way_that_went_silent_in_mid_call_are_held() {
    const QUERY: &str = "SELECT pg_sleep(60) AS held";
    let Some(server) = shared().await else { return };
    let path = Path::to(server.port).await;
    let pool = pool(SIZE, path.port);
    drop(all_of(&pool).await);
    let breaker = limited("sqlx-dark-mid-call");
    let asked = async || ask_with_pool(&breaker, &pool, QUERY).await;
    let darkened = async {
        until_all_run(server.port, QUERY).await;
        path.darken();
    };
    tokio::join!(asked(), asked(), darkened);
    assert_eq!(breaker.snapshot().failure_count, 2);
    // The pool makes no connection, although a new one would work. It looks busy.
    let connections = path.accepted();
    for _ in 0..FAIL_MAX {
        one_with_pool(&breaker, &pool).await;
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.ignored_count, path.accepted()), (u64::from(FAIL_MAX), connections), "{snapshot:?}");
    assert_eq!((pool.size(), pool.num_idle()), (SIZE, 0));
    // When the sockets time out the places are free again.
    path.cut();
    until("the places are there", async || {
        one_with_pool(&breaker, &pool).await;
        breaker.snapshot().success_count > 0
    })
    .await;
}

#[tokio::test]
async fn a_call_that_takes_its_connection_along_when_it_is_cut_off_holds_no_place() {
    const QUERY: &str = "SELECT pg_sleep(60) AS taken_along";
    let Some(server) = shared().await else { return };
    let path = Path::to(server.port).await;
    let pool = pool(SIZE, path.port);
    drop(all_of(&pool).await);
    let breaker = limited("sqlx-own-connection");
    let asked = async |query| {
        let _ = breaker.call_classified(Own::execute(&pool, query), presets::sqlx::with_pool(&pool)).await;
    };
    let darkened = async {
        until_all_run(server.port, QUERY).await;
        path.darken();
    };
    tokio::join!(asked(QUERY), asked(QUERY), darkened);
    assert_eq!((breaker.snapshot().failure_count, pool.size()), (2, 0));
    // The next call has a new connection, and returns it.
    until("it answers", async || {
        asked("SELECT 1").await;
        breaker.snapshot().success_count > 0
    })
    .await;
    assert_eq!(pool.size(), 1);
}

#[tokio::test]
async fn the_attribute_reaches_the_pool_by_a_function() {
    use breaker_core::presets::Shown;
    use breaker_core::{Registry, circuit_breaker};
    use std::sync::OnceLock;

    static POOL: OnceLock<PgPool> = OnceLock::new();

    fn with_pool<T>(result: &sqlx::Result<T>) -> Shown<sqlx::Error> {
        presets::sqlx::with_pool(POOL.get().expect("it is set at the start"))(result)
    }

    #[circuit_breaker(name = "sqlx-attribute", fail_max = 3, classify = with_pool, open = |_| sqlx::Error::PoolClosed)]
    async fn asked() -> sqlx::Result<()> {
        sqlx::query("SELECT 1").execute(POOL.get().expect("it is set at the start")).await.map(drop)
    }

    let Some(server) = shared().await else { return };
    let pool = POOL.get_or_init(|| pool(1, server.port));
    let taken = all_of(pool).await;
    asked().await.unwrap_err();
    drop(taken);
    let snapshot = Registry::global().get("sqlx-attribute").unwrap().snapshot();
    assert_eq!((snapshot.ignored_count, snapshot.failure_count), (1, 0));
}
