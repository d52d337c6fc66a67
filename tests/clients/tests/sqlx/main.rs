//! Tests the preset for sqlx with a real PostgreSQL.
//!
//! The tests check what a breaker counts, and whether it opens and closes again.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod answers;
mod migrations;
mod operated;
mod outages;
mod pool;
mod pool_that_fills_itself;
mod sqlite;

use breaker_clients::breaker;
use breaker_core::{CallError, CircuitBreaker, presets};
use breaker_servers::{PATIENCE, Server};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Mutex;

/// The pool gives up below the limit of the breaker.
const ACQUIRE: Duration = Duration::from_millis(400);
const LIMIT: Duration = Duration::from_millis(1_500);

fn limited(name: &str) -> CircuitBreaker {
    breaker(name, Some(LIMIT))
}

/// For tests in which no call may fail, even on a busy machine.
fn patient(name: &str) -> CircuitBreaker {
    breaker(name, None)
}

fn options(port: u16) -> PgConnectOptions {
    // No file and no variable of the machine has an effect.
    PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("postgres").database("postgres")
}

fn pool_with(size: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE).connect_lazy_with(options)
}

fn pool(size: u32, port: u16) -> PgPool {
    pool_with(size, options(port))
}

/// As [`patient`].
fn patient_pool(size: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(size).acquire_timeout(PATIENCE).connect_lazy_with(options)
}

/// One guarded query. It returns the library's error.
async fn ask(breaker: &CircuitBreaker, pool: &PgPool, query: &'static str) -> Result<(), CallError<sqlx::Error>> {
    breaker.call_classified(async { sqlx::query(query).execute(pool).await.map(drop) }, presets::sqlx).await
}

/// The same, with the preset that looks at the pool.
async fn ask_with_pool(breaker: &CircuitBreaker, pool: &PgPool, query: &'static str) {
    let asked = async { sqlx::query(query).execute(pool).await.map(drop) };
    let _ = breaker.call_classified(asked, presets::sqlx::with_pool(pool)).await;
}

async fn one(breaker: &CircuitBreaker, pool: &PgPool) {
    let _ = ask(breaker, pool, "SELECT 1").await;
}

/// A server for tests that do not change it, shared by all concurrent tests. Each has tables and
/// queries with names of its own.
async fn shared() -> Option<Arc<Server>> {
    static SHARED: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let server = Arc::new(Server::postgres(&["deadlock_timeout=20ms"]).await?);
    *shared = Arc::downgrade(&server);
    Some(server)
}

/// A query of the server's operator, on a connection of its own.
async fn operate(port: u16, query: &'static str) {
    use sqlx::Connection as _;
    let mut connection = sqlx::PgConnection::connect_with(&options(port)).await.expect("the server answers");
    sqlx::raw_sql(query).execute(&mut connection).await.expect("it is well");
}
