//! Stores cached texts in the database, the lowest level of the caches.
//!
//! It outlives the process and needs no Redis.

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::AnyConnection;

pub(super) async fn get(connection: &mut AnyConnection, key: &str) -> Result<Option<String>, sqlx::Error> {
    let query = sqlx::query_scalar("SELECT value FROM cache_entries WHERE key = $1 AND expires_at > $2");
    query.bind(key).bind(now()).fetch_optional(connection).await
}

/// In a transaction. Each insert deletes the expired entries: there is no task for it.
pub(super) async fn put(
    connection: &mut AnyConnection,
    key: &str,
    value: &str,
    seconds: u64,
) -> Result<(), sqlx::Error> {
    let now = now();
    sqlx::query("DELETE FROM cache_entries WHERE expires_at <= $1").bind(now).execute(&mut *connection).await?;
    sqlx::query(
        "INSERT INTO cache_entries (key, value, expires_at) VALUES ($1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at",
    )
    .bind(key)
    .bind(value)
    .bind(now.saturating_add_unsigned(seconds))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn delete(connection: &mut AnyConnection, key: &str) -> Result<bool, sqlx::Error> {
    let delete = sqlx::query("DELETE FROM cache_entries WHERE key = $1").bind(key);
    Ok(delete.execute(connection).await?.rows_affected() > 0)
}

/// Seconds since 1970, which machines that share a database agree on.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
