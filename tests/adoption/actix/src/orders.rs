//! Orders: a repository with a pool of its own.

use breaker_core::circuit_breaker;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Order {
    pub id: i64,
    pub customer: i64,
    pub item: String,
    pub quantity: i32,
    pub paid: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct NewOrder {
    pub customer: i64,
    pub item: String,
    pub quantity: i32,
}

type Row = (i64, i64, String, i32, bool);

impl From<Row> for Order {
    fn from((id, customer, item, quantity, paid): Row) -> Self {
        Self { id, customer, item, quantity, paid }
    }
}

#[derive(Clone, Debug)]
pub struct Orders {
    pool: PgPool,
}

#[circuit_breaker(
    name = "orders", fail_max = 3, timeout = "10s",
    success(sqlx::Error::RowNotFound, sqlx::Error::Database(told) if told.is_foreign_key_violation()),
    open = |rejection| sqlx::Error::Io(rejection.into()),
)]
impl Orders {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Places an order; a customer who does not exist violates a foreign key.
    pub async fn place(&self, new: &NewOrder) -> Result<i64, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        let id = sqlx::query_scalar("INSERT INTO orders (customer, item, quantity) VALUES ($1, $2, $3) RETURNING id")
            .bind(new.customer)
            .bind(&new.item)
            .bind(new.quantity)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(id)
    }

    pub async fn order(&self, id: i64) -> Result<Order, sqlx::Error> {
        let mut found = self.rows("WHERE id = $1", id).await?;
        found.pop().ok_or(sqlx::Error::RowNotFound)
    }

    pub async fn orders_of(&self, customer: i64) -> sqlx::Result<Vec<Order>> {
        self.rows("WHERE customer = $1 ORDER BY id", customer).await
    }

    pub async fn open_orders(&self, least: i64) -> sqlx::Result<Vec<Order>> {
        self.rows("WHERE NOT paid AND quantity >= $1 ORDER BY id", least).await
    }

    /// Marks it as paid; `RowNotFound` when it is already, or there is none.
    pub async fn pay(&self, id: i64) -> Result<(), sqlx::Error> {
        let done = sqlx::query("UPDATE orders SET paid = TRUE WHERE id = $1 AND NOT paid")
            .bind(id)
            .execute(&self.pool)
            .await?;
        match done.rows_affected() {
            0 => Err(sqlx::Error::RowNotFound),
            _ => Ok(()),
        }
    }

    /// Whether there was an order that could be cancelled.
    pub async fn cancel(&self, id: i64) -> Result<bool, sqlx::Error> {
        let done = sqlx::query("DELETE FROM orders WHERE id = $1 AND NOT paid").bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn quantity_of(&self, item: impl AsRef<str>) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT coalesce(sum(quantity), 0) FROM orders WHERE item = $1")
            .bind(item.as_ref())
            .fetch_one(&self.pool)
            .await
    }

    /// All orders, read as they are asked for.
    pub fn all(&self) -> BoxStream<'_, Result<Order, sqlx::Error>> {
        sqlx::query_as::<_, Row>("SELECT id, customer, item, quantity, paid FROM orders ORDER BY id")
            .fetch(&self.pool)
            .map_ok(Order::from)
            .boxed()
    }

    async fn rows(&self, condition: &str, value: i64) -> sqlx::Result<Vec<Order>> {
        let query = format!("SELECT id, customer, item, quantity, paid FROM orders {condition}");
        let rows: Vec<Row> = sqlx::query_as(&query).bind(value).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(Order::from).collect())
    }
}
