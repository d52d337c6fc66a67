//! Runs the migrations before the first use, and gives writers their turns.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use breaker_core::Registry;
use sqlx::{
    AnyConnection, Error, SqlSafeStr,
    any::install_default_drivers,
    migrate::{Migration, MigrationType, Migrator},
};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep},
};

use super::{
    BREAKER, DatabaseError, WRITE_BREAKER,
    connections::{Connections, Lease, Settings},
    error::is_locked,
};

/// How long a write waits while another process writes to the same SQLite file. It is shorter than
/// the limit of a call, so that the error names the reason.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// The pause between two attempts of a write to get the lock. SQLite itself asks less and less
/// often, every 100 ms in the end. A busy process leaves hardly a millisecond between two writes.
const LOCK_PAUSE: Duration = Duration::from_millis(3);

/// SQLite's write-ahead log lets queries run during a write. Its end survives a crash of the
/// process, which is enough here. Pages are large, since a query reads all vectors. The busy
/// time-out, in milliseconds, is for queries; the connection that writes retries by itself.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 3000; PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; \
                               PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON";
const SQLITE_WRITER_SETTINGS: &str = "; PRAGMA busy_timeout = 0";

/// PostgreSQL ends abandoned work by itself. It ends a session within half a minute after its
/// client has vanished. It ends an open transaction, which has locks, before a second call fails
/// for it.
const POSTGRES_SETTINGS: &str = "SET idle_in_transaction_session_timeout = '5s'; SET tcp_keepalives_idle = 10; \
                                 SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
                                 SET tcp_user_timeout = '30s'";

/// The number of the newest migration.
const NEWEST: i64 = 1;

/// The SQL dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// The connections, and whether the database has the tables.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) dialect: Dialect,
    readers: Connections,
    /// A single connection for writes, so that waiting writes do not delay reads.
    writer: Connections,
    migrated: OnceCell<()>,
}

impl Tables {
    pub(super) fn new(url: &str) -> Result<Self, Error> {
        install_default_drivers();
        let dialect = if url.starts_with("sqlite:") { Dialect::Sqlite } else { Dialect::Postgres };
        let first = match dialect {
            Dialect::Sqlite => sqlite_settings,
            Dialect::Postgres => postgres_settings,
        };
        let connections =
            |breaker, places| Connections::new(Settings { dialect, url: url.to_owned(), places, breaker, first });
        let (readers, writer) = (connections(BREAKER, 4)?, connections(WRITE_BREAKER, 1)?);
        Ok(Self { dialect, readers, writer, migrated: OnceCell::new() })
    }

    /// A connection for reading, to a database with all tables in their current form.
    pub(super) async fn read(&self) -> Result<Lease, DatabaseError> {
        self.migrated.get_or_try_init(|| self.migrate()).await?;
        self.readers.lend().await
    }

    /// A transaction that writes.
    pub(super) async fn write(&self) -> Result<Writing, DatabaseError> {
        self.migrated.get_or_try_init(|| self.migrate()).await?;
        let begin = match self.dialect {
            // `BEGIN IMMEDIATE` takes the lock at once: a transaction that begins by reading may
            // not get it later.
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        };
        let begun = Instant::now();
        let mut lease = self.writer.lend().await?;
        loop {
            match sqlx::raw_sql(begin).execute(&mut *lease).await {
                Ok(_) => return Ok(Writing(lease)),
                Err(error) if is_locked(&error) && begun.elapsed() < LOCK_TIMEOUT => sleep(LOCK_PAUSE).await,
                Err(error) => return lease.end(Err(error)),
            }
        }
    }

    async fn migrate(&self) -> Result<(), DatabaseError> {
        let mut lease = self.readers.lend().await?;
        // A read-only database can still be searched.
        if has_tables(&mut lease).await {
            return lease.end(Ok(()));
        }
        // `run` returns a future that the compiler does not see as `Send`; this is what it calls.
        let made = self.migrations().run_direct(None, &mut *lease, false).await;
        // Another process may have made them at the same time.
        if made.is_err() && has_tables(&mut lease).await {
            return lease.end(Ok(()));
        }
        made?;
        lease.end(Ok(()))
    }

    /// They are part of the program, so that there are no files to install.
    fn migrations(&self) -> Migrator {
        let index = match self.dialect {
            Dialect::Sqlite => include_str!("migrations/sqlite/1_index.sql"),
            Dialect::Postgres => include_str!("migrations/postgres/1_index.sql"),
        };
        let migrations = [(NEWEST, "index", index)].map(|(version, name, sql)| {
            Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
        });
        Migrator::with_migrations(migrations.into())
    }
}

async fn has_tables(connection: &mut AnyConnection) -> bool {
    let newest = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success");
    newest.fetch_one(connection).await.is_ok_and(|version: i64| version == NEWEST)
}

/// A transaction that writes. One that is dropped without an end is rolled back, with the
/// connection.
#[derive(Debug)]
pub(super) struct Writing(Lease);

impl Writing {
    /// Commits what was written, or rolls it back after an error.
    pub(super) async fn end<T>(mut self, written: Result<T, Error>) -> Result<T, DatabaseError> {
        let end = if written.is_ok() { "COMMIT" } else { "ROLLBACK" };
        match (written, sqlx::raw_sql(end).execute(&mut *self.0).await) {
            (written, Ok(_)) => self.0.end(written),
            (Ok(_), Err(error)) => self.0.end(Err(error)),
            // The transaction may still be open, so the connection is closed.
            (Err(error), Err(_)) => Err(DatabaseError::told(self.0.dialect(), error)),
        }
    }
}

impl Deref for Writing {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.0
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.0
    }
}

fn sqlite_settings(breaker: &'static str) -> String {
    let more = if breaker == WRITE_BREAKER { SQLITE_WRITER_SETTINGS } else { "" };
    format!("{SQLITE_SETTINGS}{more}")
}

/// A statement ends before the breaker's time limit. A call that the breaker times out goes on at
/// the server, and has locks there.
fn postgres_settings(breaker: &'static str) -> String {
    let limit = Registry::global().call_sites(breaker).iter().filter_map(|site| site.timeout).min();
    let statement = limit.map(|limit| format!("SET statement_timeout = {}; ", (limit * 4 / 5).as_millis().max(1)));
    format!("{}{POSTGRES_SETTINGS}", statement.unwrap_or_default())
}
