//! Keeps a pool that connects on demand and closes every connection in doubt.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use breaker_core::{AddedListener, Listener, Registry, event::ProbeFailed};
use sqlx::{Any, AnyConnection, AnyPool, Error, any::AnyPoolOptions, pool::PoolConnection};

use super::{DatabaseError, tables::Dialect};

/// How long a call looks for a connection. The pool retries meanwhile after a refusal, so this is
/// the cost of a refusal.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The connections of the calls of one breaker.
#[derive(Debug)]
pub(super) struct Connections {
    settings: Settings,
    current: Arc<RwLock<Arc<Pool>>>,
    /// A listener that observes the breaker's probes.
    renews: Option<AddedListener>,
}

/// The settings of a pool.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) dialect: Dialect,
    pub(super) url: String,
    /// The most connections.
    pub(super) places: u32,
    /// The name of the breaker whose calls use it.
    pub(super) breaker: &'static str,
    /// The first statement on each connection.
    pub(super) first: fn(&'static str) -> String,
}

impl fmt::Debug for Settings {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("breaker", &self.breaker).field("places", &self.places).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Pool {
    connections: AnyPool,
    /// How many of them calls hold now. A place that is taken without one is lost: sqlx tests a
    /// returned connection without a limit, and never finishes while the server is silent.
    lent: AtomicU32,
    /// How many times a call got a connection or an answer.
    signs_of_life: AtomicU64,
}

impl Connections {
    pub(super) fn new(settings: Settings) -> Result<Self, Error> {
        let current = Arc::new(RwLock::new(Arc::new(Pool::new(&settings)?)));
        let renew = Renew { settings: settings.clone(), current: Arc::downgrade(&current) };
        let breaker = Registry::global().get(settings.breaker);
        let renews = breaker.map(|breaker| breaker.add_listener(renew));
        Ok(Self { settings, current, renews })
    }

    /// A connection for one call.
    pub(super) async fn lend(&self) -> Result<Lease, DatabaseError> {
        loop {
            let pool = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
            let before = pool.signs_of_life.load(Ordering::SeqCst);
            match pool.connections.acquire().await {
                Ok(connection) => return Ok(Lease::new(self.settings.dialect, connection, pool)),
                // Another task replaced it during the wait.
                Err(Error::PoolClosed) if !self.is_current(&pool) => {}
                Err(Error::PoolTimedOut) if pool.is_busy(before, self.settings.places) => {
                    return Err(DatabaseError::NoFreeConnection);
                }
                Err(error) => return Err(DatabaseError::told(self.settings.dialect, error)),
            }
        }
    }

    fn is_current(&self, pool: &Arc<Pool>) -> bool {
        Arc::ptr_eq(pool, &self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        if let Some(renews) = &self.renews {
            renews.remove();
        }
    }
}

impl Pool {
    fn new(settings: &Settings) -> Result<Self, Error> {
        let options = AnyPoolOptions::new().max_connections(settings.places).acquire_timeout(CONNECT_TIMEOUT);
        let (first, breaker) = (settings.first, settings.breaker);
        let options = options.after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(sqlx::AssertSqlSafe(first(breaker))).execute(connection).await?;
                Ok(())
            })
        });
        let connections = options.connect_lazy(&settings.url)?;
        Ok(Self { connections, lent: AtomicU32::new(0), signs_of_life: AtomicU64::new(0) })
    }

    /// Whether a call without a connection waited for other calls, and not for the database. The
    /// other calls hold all connections, or got one since.
    fn is_busy(&self, before: u64, places: u32) -> bool {
        self.lent.load(Ordering::SeqCst) >= places || self.signs_of_life.load(Ordering::SeqCst) > before
    }
}

/// Replaces the pool when a probe fails. None of its connections has helped. A silent network may
/// hold some of them, and places that wait for them. The next probe makes a new connection.
struct Renew {
    settings: Settings,
    current: Weak<RwLock<Arc<Pool>>>,
}

impl Listener for Renew {
    fn wants_calls(&self) -> bool {
        false
    }

    fn on_probe_failed(&self, event: &ProbeFailed<'_>) {
        let (Some(current), Ok(new)) = (self.current.upgrade(), Pool::new(&self.settings)) else { return };
        let old = std::mem::replace(&mut *current.write().unwrap_or_else(PoisonError::into_inner), Arc::new(new));
        // It is closed from now on. The code does not wait until all of its connections have ended.
        drop(old.connections.close());
        let breaker = self.settings.breaker;
        tracing::debug!(
            event_type = "connections_renewed",
            breaker,
            probes = event.consecutive,
            "the next probe connects anew"
        );
    }
}

/// A connection while a call is in flight. One that is dropped without an end is in doubt, and is
/// closed. Its caller has gone or the breaker's time limit has passed, so an answer may still come.
#[derive(Debug)]
pub(super) struct Lease {
    dialect: Dialect,
    connection: PoolConnection<Any>,
    pool: Arc<Pool>,
    in_doubt: bool,
}

impl Lease {
    fn new(dialect: Dialect, connection: PoolConnection<Any>, pool: Arc<Pool>) -> Self {
        pool.lent.fetch_add(1, Ordering::SeqCst);
        pool.signs_of_life.fetch_add(1, Ordering::SeqCst);
        Self { dialect, connection, pool, in_doubt: true }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the connection, with the result of the call on it.
    pub(super) fn end<T>(mut self, result: Result<T, Error>) -> Result<T, DatabaseError> {
        self.in_doubt = result.as_ref().is_err_and(is_in_doubt);
        result.map_err(|error| DatabaseError::told(self.dialect, error))
    }
}

impl Deref for Lease {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.in_doubt {
            self.connection.close_on_drop();
        } else {
            self.pool.signs_of_life.fetch_add(1, Ordering::SeqCst);
        }
        self.pool.lent.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether a connection should be closed after this error.
fn is_in_doubt(error: &Error) -> bool {
    match error {
        // A statement that was prepared before its table was altered fails on this connection from
        // now on. A standby takes no writes, and may have been the primary until a moment ago. A
        // new connection may lead to the new primary.
        Error::Database(answer) => answer.code().is_some_and(|code| code == "0A000" || code == "25006"),
        Error::RowNotFound | Error::ColumnNotFound(_) | Error::ColumnDecode { .. } | Error::Decode(_) => false,
        _ => true,
    }
}
