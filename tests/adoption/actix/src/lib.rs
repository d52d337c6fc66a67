//! A shop: customers and orders in PostgreSQL, the stock behind a line protocol, and the routes before them.

pub mod customers;
pub mod orders;
pub mod stock;
pub mod web;

/// Makes the tables, if they are not there.
pub async fn migrate(pool: &sqlx::PgPool) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS customers (id BIGSERIAL PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS orders (
             id BIGSERIAL PRIMARY KEY,
             customer BIGINT NOT NULL REFERENCES customers ON DELETE CASCADE,
             item TEXT NOT NULL,
             quantity INTEGER NOT NULL,
             paid BOOLEAN NOT NULL DEFAULT FALSE
         )",
    )
    .execute(pool)
    .await?;
    Ok(())
}
