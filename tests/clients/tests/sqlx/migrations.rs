//! Tests migrations: an error of the database behind them, and faults of the migrations themselves.

use super::{limited, options, patient, patient_pool, pool, shared};
use breaker_clients::{closes, opens, stays_closed};
use breaker_core::{CallError, CircuitBreaker, presets};
use breaker_servers::{Server, refused};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection as _, PgPool};
use std::fs;
use std::path::Path;

async fn migrations(directory: &Path, files: &[(&str, &str)]) -> Migrator {
    for (name, query) in files {
        fs::write(directory.join(name), query).unwrap();
    }
    Migrator::new(directory.to_owned()).await.unwrap()
}

/// The migrations' own error, from a function that runs only them.
async fn migrate(breaker: &CircuitBreaker, pool: &PgPool, all: &Migrator) -> Option<MigrateError> {
    let ran: Result<(), CallError<MigrateError>> = breaker.call_classified(all.run(pool), presets::sqlx).await;
    ran.err().and_then(CallError::into_inner)
}

#[tokio::test]
async fn a_database_that_is_away_opens_it_for_migrations() {
    let Some(mut server) = Server::postgres(&[]).await else { return };
    let all = migrations(server.directory(), &[("1_goods.sql", "CREATE TABLE goods (a int)")]).await;
    let (breaker, nobody) = (limited("sqlx-migrations-away"), pool(1, refused()));
    opens(&breaker, async || {
        assert!(matches!(migrate(&breaker, &nobody, &all).await, Some(MigrateError::Execute(_))));
    })
    .await;
    server.restart().await;
    let there = patient_pool(1, options(server.port));
    closes(&breaker, async || {
        migrate(&breaker, &there, &all).await;
    })
    .await;
}

#[tokio::test]
async fn migrations_that_are_not_as_the_database_has_them_leave_it_closed() {
    let Some(server) = shared().await else { return };
    // A database of its own, for their table.
    let mut operator = sqlx::PgConnection::connect_with(&options(server.port)).await.unwrap();
    sqlx::raw_sql("CREATE DATABASE migrated").execute(&mut operator).await.unwrap();
    let pool = patient_pool(1, options(server.port).database("migrated"));
    let [first, other, none, wrong] = [(); 4].map(|()| breaker_servers::directory());
    let breaker = patient("sqlx-migrations");
    let all = migrations(first.path(), &[("1_goods.sql", "CREATE TABLE goods (a int)")]).await;
    assert!(migrate(&breaker, &pool, &all).await.is_none());
    let modified = migrations(other.path(), &[("1_goods.sql", "CREATE TABLE goods (a bigint)")]).await;
    let missing = migrations(none.path(), &[]).await;
    // The statement of a migration is wrong: the database has answered.
    let files = [("1_goods.sql", "CREATE TABLE goods (a int)"), ("2_wrong.sql", "SELEKT")];
    let wrong = migrations(wrong.path(), &files).await;
    stays_closed(&breaker, async || {
        let told = migrate(&breaker, &pool, &modified).await;
        assert!(matches!(told, Some(MigrateError::VersionMismatch(1))), "{told:?}");
        let told = migrate(&breaker, &pool, &missing).await;
        assert!(matches!(told, Some(MigrateError::VersionMissing(1))), "{told:?}");
    })
    .await;
    assert_eq!(breaker.snapshot().ignored_count, 2_000);
    let told = migrate(&breaker, &pool, &wrong).await;
    assert!(matches!(told, Some(MigrateError::ExecuteMigration(_, 2))), "{told:?}");
    assert_eq!(breaker.snapshot().success_count, 2, "{:?}", breaker.snapshot());
}
