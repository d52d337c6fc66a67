//! Tests the preset for sqlx 0.8 with a real PostgreSQL.
//!
//! Both versions share the text of the preset, so the tests of 0.9 cover the errors one by one.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_clients::{FAIL_MAX, breaker, closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, State, presets};
use breaker_servers::{PATIENCE, Path, Server, refused, until};
use sqlx_0_8::PgPool;
use sqlx_0_8::postgres::{PgConnectOptions, PgPoolOptions};
use std::time::Duration;

const ACQUIRE: Duration = Duration::from_millis(400);
const LIMIT: Duration = Duration::from_millis(1_500);

fn pool_of(wait: Duration) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(1).acquire_timeout(wait)
}

fn options(port: u16) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("postgres").database("postgres")
}

async fn ask(breaker: &CircuitBreaker, pool: &PgPool, query: &str) {
    let asked = async { sqlx_0_8::query(query).execute(pool).await.map(drop) };
    let _ = breaker.call_classified(asked, presets::sqlx::with_pool(pool)).await;
}

async fn one(breaker: &CircuitBreaker, pool: &PgPool) {
    ask(breaker, pool, "SELECT 1").await;
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
async fn a_server_that_is_away_frozen_or_killed_opens_it_and_closes_it_when_it_is_back() {
    let (breaker, away) =
        (breaker("sqlx-0-8-away", Some(LIMIT)), pool_of(ACQUIRE).connect_lazy_with(options(refused())));
    opens(&breaker, async || one(&breaker, &away).await).await;
    let Some(mut server) = Server::postgres(&[]).await else { return };
    let pool = pool_of(ACQUIRE).connect_lazy_with(options(server.port));
    closes(&breaker, async || one(&breaker, &pool).await).await;
    // A connection that sqlx tests on its return holds the place for a while.
    let until_open = async || {
        until("it opens", async || {
            one(&breaker, &pool).await;
            breaker.state() == State::Open
        })
        .await;
    };
    server.freeze();
    until_open().await;
    server.thaw();
    closes(&breaker, async || one(&breaker, &pool).await).await;
    server.kill();
    until_open().await;
    server.restart().await;
    closes(&breaker, async || one(&breaker, &pool).await).await;
}

#[tokio::test]
async fn mistakes_of_the_caller_and_an_own_pool_that_is_busy_leave_it_closed() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let (breaker, pool) = (breaker("sqlx-0-8-own", None), pool_of(PATIENCE).connect_lazy_with(options(server.port)));
    stays_closed(&breaker, async || ask(&breaker, &pool, "SELECT * FROM no_such").await).await;
    assert_eq!(breaker.snapshot().success_count, 1_000);
    let small = pool_of(ACQUIRE).connect_lazy_with(options(server.port));
    let mut taken = None;
    until("it is taken", async || {
        taken = small.acquire().await.ok();
        taken.is_some()
    })
    .await;
    for _ in 0..FAIL_MAX {
        one(&breaker, &small).await;
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.ignored_count, snapshot.failure_count), (u64::from(FAIL_MAX), 0), "{snapshot:?}");
}

#[tokio::test]
async fn a_server_that_goes_in_mid_call_opens_it_though_sqlx_holds_the_place() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let path = Path::to(server.port).await;
    let pool = pool_of(ACQUIRE).min_connections(1).connect_lazy_with(options(path.port));
    let (breaker, called) = (breaker("sqlx-0-8-fixed", Some(LIMIT)), breaker("sqlx-0-8-called", None));
    until_answered(&breaker, &pool).await;
    let operator = pool_of(PATIENCE).connect_lazy_with(options(server.port));
    let gone = async {
        until("the query runs", async || {
            let running = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'";
            sqlx_0_8::query(running).fetch_optional(&operator).await.is_ok_and(|row| row.is_some())
        })
        .await;
        server.freeze();
        path.cut();
    };
    tokio::join!(ask(&called, &pool, "SELECT pg_sleep(60)"), gone);
    until("sqlx tries", async || path.accepted() == 2).await;
    until("it opens", async || {
        one(&breaker, &pool).await;
        breaker.state() == State::Open
    })
    .await;
    server.thaw();
    closes(&breaker, async || one(&breaker, &pool).await).await;
}
