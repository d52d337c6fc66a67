//! Tests a pool with a minimum of connections.
//!
//! sqlx takes places itself, to replace lost connections.

use super::{ask_with_pool, limited, operate, options, patient, shared};
use breaker_clients::{FAIL_MAX, closes};
use breaker_core::{CircuitBreaker, State};
use breaker_servers::{PATIENCE, Path, Server, refused, until};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(100);

/// The minimum is the maximum.
fn fixed(size: u32, wait: Duration, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(size).min_connections(size).acquire_timeout(wait).connect_lazy_with(options)
}

async fn one(breaker: &CircuitBreaker, pool: &PgPool) {
    ask_with_pool(breaker, pool, "SELECT 1").await;
}

/// The first calls may be those of a busy pool. After ten waits without a connection they are not.
async fn opens_after_ten_waits(breaker: &CircuitBreaker, pool: &PgPool) {
    until("it opens", async || {
        one(breaker, pool).await;
        breaker.state() == State::Open
    })
    .await;
    let snapshot = breaker.snapshot();
    assert!(snapshot.ignored_count > 0, "{snapshot:?}");
    assert_eq!((snapshot.failure_count, pool.num_idle()), (u64::from(FAIL_MAX), 0), "{snapshot:?}");
}

async fn until_answered(breaker: &CircuitBreaker, pool: &PgPool) {
    let before = breaker.snapshot().success_count;
    until("it answers", async || {
        one(breaker, pool).await;
        breaker.snapshot().success_count > before
    })
    .await;
}

#[tokio::test]
async fn a_server_that_goes_in_mid_call_opens_it_though_sqlx_holds_the_place() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let path = Path::to(server.port).await;
    let (breaker, pool) = (limited("sqlx-fixed-mid-call"), fixed(1, SHORT, options(path.port)));
    until_answered(&breaker, &pool).await;
    let (patient, operator) = (patient("sqlx-fixed-called"), super::pool(1, server.port));
    let gone = async {
        until("the query runs", async || {
            let running = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'";
            sqlx::query(running).fetch_optional(&operator).await.is_ok_and(|row| row.is_some())
        })
        .await;
        server.freeze();
        path.cut();
    };
    tokio::join!(ask_with_pool(&patient, &pool, "SELECT pg_sleep(60)"), gone);
    assert_eq!(patient.snapshot().failure_count, 1);
    // sqlx itself takes its place, to make the connection again.
    until("sqlx tries", async || path.accepted() == 2).await;
    opens_after_ten_waits(&breaker, &pool).await;
    assert_eq!(pool.size(), 1);
    server.thaw();
    closes(&breaker, async || one(&breaker, &pool).await).await;
}

#[tokio::test]
async fn a_server_that_is_away_from_the_start_opens_it_though_sqlx_holds_the_place() {
    let (breaker, options) = (limited("sqlx-fixed-away"), options(refused()));
    // Without limits of its connections' age sqlx begins at once.
    let pool = PgPoolOptions::new().max_connections(1).min_connections(1).acquire_timeout(SHORT);
    let pool = pool.max_lifetime(None).idle_timeout(None).connect_lazy_with(options);
    until("sqlx tries", async || pool.size() == 1).await;
    opens_after_ten_waits(&breaker, &pool).await;
    assert_eq!(pool.size(), 1);
}

#[tokio::test]
async fn its_own_calls_in_all_places_are_a_busy_pool() {
    let Some(server) = shared().await else { return };
    for size in [1, 2] {
        // Ten waits are longer than any pause of the machine.
        let (breaker, pool) = (patient("sqlx-fixed-busy"), fixed(size, PATIENCE / 30, options(server.port)));
        until_answered(&breaker, &pool).await;
        let mut taken = Vec::new();
        until("all are taken", async || {
            taken.extend(pool.acquire().await.ok());
            taken.len() as u32 == size
        })
        .await;
        for _ in 0..FAIL_MAX {
            one(&breaker, &pool).await;
        }
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.failure_count, snapshot.ignored_count), (0, u64::from(FAIL_MAX)), "{snapshot:?}");
        drop(taken);
        until_answered(&breaker, &pool).await;
        assert_eq!((breaker.state(), breaker.snapshot().failure_count), (State::Closed, 0));
    }
}

/// The preset's records keep no pool alive, and are removed with it.
#[tokio::test]
async fn a_pool_that_was_looked_at_goes_with_its_last_handle() {
    use std::sync::Arc;

    let Some(server) = shared().await else { return };
    let (breaker, path, held) = (patient("sqlx-fixed-gone"), Path::to(server.port).await, Arc::new(()));
    let inside = held.clone();
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).before_acquire(move |_, _| {
        let _ = &inside;
        Box::pin(async { Ok(true) })
    });
    let pool = pool.connect_lazy_with(options(path.port));
    until_answered(&breaker, &pool).await;
    operate(server.port, "SELECT 1").await;
    let mut closed = pool.close_event();
    drop(pool);
    until("it is gone", async || Arc::strong_count(&held) == 1).await;
    // The preset relies on this signal.
    tokio::time::timeout(PATIENCE, &mut closed).await.unwrap();
}
