//! Customers: free functions, which give what sqlx gives.

use breaker_core::{circuit_breaker, fallback};
use serde::{Deserialize, Serialize};
use sqlx::{PgExecutor, PgPool, Postgres, Transaction};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Customer {
    pub id: i64,
    pub email: String,
    pub name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct NewCustomer {
    pub email: String,
    pub name: String,
}

/// Which part of a long list: so many, after this number.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub after: i64,
    pub limit: i64,
}

type Row = (i64, String, String);

impl From<Row> for Customer {
    fn from((id, email, name): Row) -> Self {
        Self { id, email, name }
    }
}

/// One customer; `RowNotFound` when there is none of this number.
#[circuit_breaker(
    name = "customers", fail_max = 3, critical = true, timeout = "10s", success(sqlx::Error::RowNotFound),
    open = |rejection| sqlx::Error::Io(rejection.into()),
)]
pub async fn customer(pool: &PgPool, id: i64) -> Result<Customer, sqlx::Error> {
    let row: Row =
        sqlx::query_as("SELECT id, email, name FROM customers WHERE id = $1").bind(id).fetch_one(pool).await?;
    Ok(row.into())
}

#[circuit_breaker(name = "customers", timeout = "10s", open = |rejection| sqlx::Error::Io(rejection.into()))]
pub async fn customer_by_email(pool: &PgPool, email: &str) -> Result<Option<Customer>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as("SELECT id, email, name FROM customers WHERE email = $1")
        .bind(email)
        .fetch_optional(pool)
        .await?;
    Ok(row.map(Customer::from))
}

#[circuit_breaker(name = "customers", timeout = "30s", open = |rejection| sqlx::Error::Io(rejection.into()))]
pub async fn customers(pool: &PgPool, page: Page) -> sqlx::Result<Vec<Customer>> {
    let rows: Vec<Row> = sqlx::query_as("SELECT id, email, name FROM customers WHERE id > $1 ORDER BY id LIMIT $2")
        .bind(page.after)
        .bind(page.limit)
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().map(Customer::from).collect())
}

/// Adds one, and gives its number. It works on a pool and within a transaction.
#[circuit_breaker(
    name = "customers", timeout = "10s", success(sqlx::Error::Database(told) if told.is_unique_violation()),
    open = |rejection| sqlx::Error::Io(rejection.into()),
)]
pub async fn add_customer<'c>(db: impl PgExecutor<'c>, new: &NewCustomer) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("INSERT INTO customers (email, name) VALUES ($1, $2) RETURNING id")
        .bind(&new.email)
        .bind(&new.name)
        .fetch_one(db)
        .await
}

#[circuit_breaker(
    name = "customers", timeout = "10s", success(sqlx::Error::RowNotFound),
    open = |rejection| sqlx::Error::Io(rejection.into()),
)]
pub async fn rename_customer<'c, E>(db: E, id: i64, name: &str) -> Result<(), sqlx::Error>
where
    E: PgExecutor<'c>,
{
    let done = sqlx::query("UPDATE customers SET name = $2 WHERE id = $1").bind(id).bind(name).execute(db).await?;
    if done.rows_affected() == 0 {
        return Err(sqlx::Error::RowNotFound);
    }
    Ok(())
}

/// Removes one with all orders, and says how many orders those were.
#[circuit_breaker(name = "customers", open = |rejection| sqlx::Error::Io(rejection.into()))]
pub async fn remove_customer(tx: &mut Transaction<'_, Postgres>, id: i64) -> Result<i64, sqlx::Error> {
    let orders: i64 =
        sqlx::query_scalar("SELECT count(*) FROM orders WHERE customer = $1").bind(id).fetch_one(&mut **tx).await?;
    sqlx::query("DELETE FROM customers WHERE id = $1").bind(id).execute(&mut **tx).await?;
    Ok(orders)
}

/// How many there are; nothing when nobody can tell.
#[circuit_breaker(name = "customers", timeout = "10s", failure_if(Option::is_none))]
#[fallback(value(None))]
pub async fn customer_count(pool: &PgPool) -> Option<i64> {
    sqlx::query_scalar("SELECT count(*) FROM customers").fetch_one(pool).await.ok()
}

#[circuit_breaker(name = "customers", timeout = "10s", failure_if(|reachable| !reachable))]
#[fallback(value(false))]
pub async fn is_reachable(pool: &PgPool) -> bool {
    sqlx::query("SELECT 1").execute(pool).await.is_ok()
}
