//! Classifies the errors of the pools deadpool and bb8, which hold connections of any client.
//!
//! This file has what both need; `deadpool` and `bb8` have a preset each.
//!
//! May use: what `presets` may. To add a client, add its errors to both lists below.

/// What an error of a pool counts as, where the error of its connections is of a client whose
/// feature is on.
macro_rules! of_clients {
    ($error:expr, $pool:ident) => {{
        let error: &(dyn std::error::Error + 'static) = $error;
        #[cfg(feature = "redis-1")]
        if let Some(outcome) = crate::classify::presets::subject::of::<$pool<::redis_1::RedisError>>(error) {
            return Some(outcome);
        }
        #[cfg(feature = "tokio-postgres-0-7")]
        if let Some(outcome) = crate::classify::presets::subject::of::<$pool<::tokio_postgres_0_7::Error>>(error) {
            return Some(outcome);
        }
        crate::classify::presets::subject::of::<$pool<std::io::Error>>(error)
    }};
}

/// The errors of the connections themselves. They are behind those of a pool, or come from the
/// queries.
fn of_connections(error: &(dyn std::error::Error + 'static)) -> Option<crate::Outcome> {
    #[cfg(feature = "redis-1")]
    if let Some(outcome) = super::redis::known(error) {
        return Some(outcome);
    }
    #[cfg(feature = "tokio-postgres-0-7")]
    if let Some(outcome) = super::tokio_postgres::known(error) {
        return Some(outcome);
    }
    super::io::known(error)
}

#[cfg(any(feature = "bb8-0-8", feature = "bb8-0-9"))]
pub(super) mod bb8;
#[cfg(any(feature = "deadpool-0-12", feature = "deadpool-0-13"))]
pub(super) mod deadpool;
