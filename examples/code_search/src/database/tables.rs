//! The room of the connections and the tables: a pool that connects when it is asked, and the migrations before its first use.

use std::time::Duration;

use sqlx::{
    Any, AnyPool, SqlSafeStr, Transaction,
    any::{AnyPoolOptions, install_default_drivers},
    migrate::{Migration, MigrationType, Migrator},
    pool::PoolConnection,
};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep},
};

use super::DatabaseError;

/// How long a call looks for a connection. The pool tries again meanwhile when it is refused, so this is what a refusal costs.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a write waits while another process writes to the same SQLite file. Shorter than a call may take, so that the reason is told.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// SQLite asks ever more seldom for a lock, every 100 ms in the end, and between two writes of a busy process there is hardly a millisecond.
/// So a write asks itself, this often.
const LOCK_PAUSE: Duration = Duration::from_millis(3);

/// SQLite's write-ahead log lets queries go on while something is written; its end survives a crash of the process, which is enough here.
/// Large pages, since a query reads all vectors. The busy time-out, in milliseconds, is for what a query may have to wait for.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 3000; PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; \
                               PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON";

/// The connection that writes asks for the lock itself.
const SQLITE_WRITER: &str = "PRAGMA busy_timeout = 0";

/// The number of the newest migration.
const NEWEST: i64 = 1;

/// Which SQL is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// The pools, and whether their tables are there.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) dialect: Dialect,
    readers: AnyPool,
    /// One connection of its own, so that writes which wait hold up nobody who reads.
    writer: AnyPool,
    migrated: OnceCell<()>,
}

impl Tables {
    pub(super) fn new(url: &str) -> Result<Self, sqlx::Error> {
        install_default_drivers();
        let (dialect, readers, writer): (_, &[_], &[_]) = if url.starts_with("sqlite:") {
            (Dialect::Sqlite, &[SQLITE_SETTINGS], &[SQLITE_SETTINGS, SQLITE_WRITER])
        } else {
            (Dialect::Postgres, &[], &[])
        };
        Ok(Self { dialect, readers: pool(url, 4, readers)?, writer: pool(url, 1, writer)?, migrated: OnceCell::new() })
    }

    /// A connection for reading, to a database with all tables in their present form.
    pub(super) async fn read(&self) -> Result<PoolConnection<Any>, DatabaseError> {
        self.migrated.get_or_try_init(|| self.migrate()).await?;
        self.readers.acquire().await.map_err(|error| self.told(error))
    }

    /// A transaction that writes.
    pub(super) async fn write(&self) -> Result<Transaction<'static, Any>, DatabaseError> {
        self.migrated.get_or_try_init(|| self.migrate()).await?;
        let begun = Instant::now();
        loop {
            let transaction = match self.dialect {
                // At once with the lock: a transaction that begins by reading may not get it later.
                Dialect::Sqlite => self.writer.begin_with("BEGIN IMMEDIATE").await,
                Dialect::Postgres => self.writer.begin().await,
            };
            match transaction.map_err(|error| self.told(error)) {
                Err(DatabaseError::Locked) if begun.elapsed() < LOCK_TIMEOUT => sleep(LOCK_PAUSE).await,
                begun => return begun,
            }
        }
    }

    /// The error in the words of this database.
    pub(super) fn told(&self, error: sqlx::Error) -> DatabaseError {
        match (self.dialect, error) {
            (Dialect::Sqlite, sqlx::Error::PoolTimedOut) => DatabaseError::NoFreeConnection,
            (Dialect::Postgres, sqlx::Error::PoolTimedOut) => DatabaseError::NoConnection,
            (Dialect::Sqlite, sqlx::Error::Database(refusal))
                if refusal.code().is_some_and(|code| is_locked(&code)) =>
            {
                DatabaseError::Locked
            }
            (_, error) => DatabaseError::Query(error),
        }
    }

    async fn migrate(&self) -> Result<(), DatabaseError> {
        // So that a database that is away is told as that, and not as tables that could not be made.
        drop(self.readers.acquire().await.map_err(|error| self.told(error))?);
        // A database that takes no writes can be searched all the same.
        if self.has_tables().await {
            return Ok(());
        }
        let made = self.migrations().run(&self.readers).await;
        // Another process may have made them at the same time.
        if made.is_err() && self.has_tables().await {
            return Ok(());
        }
        Ok(made?)
    }

    async fn has_tables(&self) -> bool {
        let newest = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success");
        newest.fetch_one(&self.readers).await.is_ok_and(|version: i64| version == NEWEST)
    }

    /// They are part of the program, so that nobody has to carry files about.
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

/// A pool that connects when it is asked, and begins with these statements on each connection.
fn pool(url: &str, connections: u32, settings: &'static [&'static str]) -> Result<AnyPool, sqlx::Error> {
    let options = AnyPoolOptions::new().max_connections(connections).acquire_timeout(CONNECT_TIMEOUT);
    let options = options.after_connect(move |connection, _| {
        Box::pin(async move {
            for statement in settings {
                sqlx::raw_sql(*statement).execute(&mut *connection).await?;
            }
            Ok(())
        })
    });
    options.connect_lazy(url)
}

/// Whether this is one of SQLite's codes for a lock that somebody else has: `SQLITE_BUSY`, `SQLITE_LOCKED`, and what they are extended to.
fn is_locked(code: &str) -> bool {
    code.parse().is_ok_and(|code: u32| matches!(code & 0xff, 5 | 6))
}
