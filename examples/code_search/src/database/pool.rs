//! The room of the connections and the tables: a pool that connects when it is asked, and the migrations before its first use.

use std::time::Duration;

use sqlx::{
    AnyPool, SqlSafeStr,
    any::{AnyPoolOptions, install_default_drivers},
    migrate::{Migration, MigrationType, Migrator},
};
use tokio::sync::OnceCell;

use super::DatabaseError;

/// How long a call looks for a connection. The pool tries again meanwhile when it is refused, so this is what a refusal costs.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// SQLite's write-ahead log lets queries go on while something is written; its end survives a crash of the process, which is enough here.
/// Large pages, since a query reads all vectors.
const SQLITE_SETTINGS: &str =
    "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON";

/// Which SQL is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// The pool, and whether its tables are there.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) dialect: Dialect,
    pool: AnyPool,
    migrated: OnceCell<()>,
}

impl Tables {
    pub(super) fn new(url: &str) -> Result<Self, sqlx::Error> {
        install_default_drivers();
        let dialect = if url.starts_with("sqlite:") { Dialect::Sqlite } else { Dialect::Postgres };
        let options = AnyPoolOptions::new().max_connections(4).acquire_timeout(CONNECT_TIMEOUT);
        let options = options.after_connect(move |connection, _| {
            Box::pin(async move {
                if dialect == Dialect::Sqlite {
                    sqlx::raw_sql(SQLITE_SETTINGS).execute(connection).await?;
                }
                Ok(())
            })
        });
        Ok(Self { dialect, pool: options.connect_lazy(url)?, migrated: OnceCell::new() })
    }

    /// The pool, with all tables in their present form.
    pub(super) async fn pool(&self) -> Result<&AnyPool, DatabaseError> {
        self.migrated.get_or_try_init(|| self.migrate()).await?;
        Ok(&self.pool)
    }

    async fn migrate(&self) -> Result<(), DatabaseError> {
        // So that a database that is away is told as that, and not as tables that could not be made.
        drop(self.pool.acquire().await?);
        Ok(self.migrations().run(&self.pool).await?)
    }

    /// They are part of the program, so that nobody has to carry files about.
    fn migrations(&self) -> Migrator {
        let index = match self.dialect {
            Dialect::Sqlite => include_str!("migrations/sqlite/1_index.sql"),
            Dialect::Postgres => include_str!("migrations/postgres/1_index.sql"),
        };
        let migrations = [(1, "index", index)].map(|(version, name, sql)| {
            Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
        });
        Migrator::with_migrations(migrations.into())
    }
}
