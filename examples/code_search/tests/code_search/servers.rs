//! Sends the tests' commands to the servers, and counts connections where a server was killed.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use breaker_servers::{Server, until};

pub(crate) const INSTALL: &str =
    "these tests need redis-server and PostgreSQL (Debian: apt-get install redis-server postgresql)";

/// A Redis with these options.
pub(crate) async fn start_redis(options: &[&str]) -> Server {
    Server::redis(options).await.expect(INSTALL)
}

/// A PostgreSQL with one database, for a user without a password.
pub(crate) async fn start_postgres() -> Server {
    Server::postgres(&[]).await.expect(INSTALL)
}

pub(crate) fn redis_url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

pub(crate) fn postgres_url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
}

/// Sends Redis a command, on a connection of its own.
pub(crate) async fn command(server: &Server, words: &[&str]) -> redis::RedisResult<()> {
    let client = redis::Client::open(redis_url(server.port)).expect("it is a URL");
    let mut connection = client.get_multiplexed_async_connection().await?;
    redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await
}

/// Sends PostgreSQL a statement, on a connection of its own.
pub(crate) async fn sql(server: &Server, statement: &'static str) -> Result<(), sqlx::Error> {
    sql_as(server, "postgres", statement).await
}

/// Sends PostgreSQL a statement as another user.
pub(crate) async fn sql_as(server: &Server, user: &str, statement: &'static str) -> Result<(), sqlx::Error> {
    use sqlx::Connection as _;
    sqlx::any::install_default_drivers();
    let url = postgres_url(server.port).replace("postgres@", &format!("{user}@"));
    let mut connection = sqlx::AnyConnection::connect(&url).await?;
    sqlx::query(statement).execute(&mut connection).await?;
    connection.close().await
}

/// Another session of PostgreSQL, which holds locks until the test ends it.
pub(crate) struct Session(sqlx::AnyConnection);

impl Session {
    /// Begins a transaction with this statement.
    pub(crate) async fn begin(server: &Server, statement: &'static str) -> Self {
        use sqlx::Connection as _;
        sqlx::any::install_default_drivers();
        let connection = sqlx::AnyConnection::connect(&postgres_url(server.port)).await.expect("it is there");
        let mut session = Self(connection);
        session.say("BEGIN").await;
        session.say(statement).await;
        session
    }

    pub(crate) async fn say(&mut self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&mut self.0).await.expect("it is well");
    }

    /// Waits until N calls wait for a lock.
    pub(crate) async fn until_they_wait(&mut self, calls: i64) {
        // `pg_stat_activity` shows the same snapshot until this transaction ends.
        let waiting = "SELECT COUNT(DISTINCT pid) FROM pg_locks WHERE NOT granted";
        until(&format!("{calls} wait for a lock"), async || {
            sqlx::query_scalar(waiting).fetch_one(&mut self.0).await.is_ok_and(|count: i64| count == calls)
        })
        .await;
    }
}

/// A socket at the port of a killed server: it counts connections, and closes them.
pub(crate) struct Lookout {
    attempts: Arc<AtomicUsize>,
}

impl Lookout {
    /// Waits on the port of a server that was killed.
    pub(crate) async fn on(port: u16) -> Self {
        let mut bound = None;
        until("the port is free", async || {
            bound = TcpListener::bind(("127.0.0.1", port)).ok();
            bound.is_some()
        })
        .await;
        let (listener, attempts) = (bound.expect("it was waited for"), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::downgrade(&attempts);
        listener.set_nonblocking(true).expect("a socket can be");
        // It ends, and frees the port, when the count is dropped.
        thread::spawn(move || {
            while let Some(counted) = counted.upgrade() {
                while listener.accept().is_ok() {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
                drop(counted);
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { attempts }
    }

    /// How many clients have tried to connect.
    pub(crate) fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }
}
