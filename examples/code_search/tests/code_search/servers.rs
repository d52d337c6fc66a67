//! The servers: a Redis and a PostgreSQL of each test's own, on free ports, which end with the test.

use std::{
    fs,
    io::ErrorKind,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::harness::until;

/// A process that ends with the test.
pub(crate) struct Server {
    command: Command,
    child: Option<Child>,
    pub(crate) port: u16,
    directory: TempDir,
}

impl Server {
    /// A Redis with these further options.
    pub(crate) async fn redis(options: &[&str]) -> Self {
        let (port, directory) = (free_port(), directory());
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(options).current_dir(directory.path());
        let mut server = Self { command, child: None, port, directory };
        server.start();
        server.until_redis_answers().await;
        server
    }

    /// A PostgreSQL with one database, for a user without a password.
    pub(crate) async fn postgres() -> Self {
        let (port, directory) = (free_port(), directory());
        let data = directory.path().join("data");
        let mut initdb = as_postgres(&postgres_program("initdb"), directory.path());
        initdb
            .args(["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data);
        let made = initdb.output().expect("`postgres_program` has found it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut command = as_postgres(&postgres_program("postgres"), directory.path());
        command
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-F", "-k"])
            .arg(directory.path());
        let mut server = Self { command, child: None, port, directory };
        server.start();
        server.until_postgres_answers().await;
        server
    }

    fn start(&mut self) {
        let log = fs::File::create(self.directory.path().join("log")).expect("there is room");
        let errors = log.try_clone().expect("a file has more than one handle");
        let started = self.command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.child = Some(started.unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => panic!("{:?} is missing; {INSTALL}", self.command.get_program()),
            _ => panic!("{:?}: {error}", self.command),
        }));
    }

    pub(crate) fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn postgres_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    async fn until_redis_answers(&self) {
        let client = redis::Client::open(self.redis_url()).expect("it is a URL");
        until("Redis answers", async || {
            let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return false };
            redis::cmd("PING").query_async::<()>(&mut connection).await.is_ok()
        })
        .await;
    }

    async fn until_postgres_answers(&self) {
        until("PostgreSQL answers", async || self.sql("SELECT 1").await.is_ok()).await;
    }

    /// Sends Redis a command, on a connection of its own.
    pub(crate) async fn command(&self, words: &[&str]) -> redis::RedisResult<()> {
        let client = redis::Client::open(self.redis_url()).expect("it is a URL");
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await
    }

    /// Sends PostgreSQL a statement, on a connection of its own.
    pub(crate) async fn sql(&self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.sql_as("postgres", statement).await
    }

    /// The same as another user.
    pub(crate) async fn sql_as(&self, user: &str, statement: &'static str) -> Result<(), sqlx::Error> {
        use sqlx::Connection as _;
        sqlx::any::install_default_drivers();
        let mut connection =
            sqlx::AnyConnection::connect(&self.postgres_url().replace("postgres@", &format!("{user}@"))).await?;
        sqlx::query(statement).execute(&mut connection).await?;
        connection.close().await
    }

    /// Ends it as a crash does; connections are refused from now on.
    pub(crate) fn kill(&mut self) {
        // A process that is stopped has no ear for what PostgreSQL ends by.
        self.thaw();
        let Some(mut child) = self.child.take() else { return };
        // PostgreSQL's processes for single connections outlive a `SIGKILL` of the first one for a moment, and hold the port's data.
        let _ = signal(&child, if self.is_postgres() { "QUIT" } else { "KILL" });
        child.wait().expect("it is a child of this process");
    }

    /// Starts it again, on the same port.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.start();
        if self.is_postgres() { self.until_postgres_answers().await } else { self.until_redis_answers().await }
    }

    /// Stops it where it is: connections are taken, and nothing is answered.
    pub(crate) fn freeze(&self) {
        self.signal_all("STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal_all("CONT");
    }

    /// PostgreSQL has a process for each connection, which are its children.
    fn signal_all(&self, name: &str) {
        let Some(child) = &self.child else { return };
        signal(child, name).expect("`kill` is there");
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        for id in fs::read_to_string(children).unwrap_or_default().split_whitespace() {
            // One that has ended meanwhile is as good.
            let _ = Command::new("kill").args(["-s", name, id]).stderr(Stdio::null()).status();
        }
    }

    fn is_postgres(&self) -> bool {
        self.directory.path().join("data").exists()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn signal(child: &Child, name: &str) -> std::io::Result<std::process::ExitStatus> {
    Command::new("kill").args(["-s", name, &child.id().to_string()]).status()
}

const INSTALL: &str = "these tests need redis-server and PostgreSQL (Debian: apt-get install redis-server postgresql)";

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
    listener.local_addr().expect("it is bound").port()
}

/// A directory that PostgreSQL's user can use too.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().expect("there is room");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(directory.path(), mode).expect("it is ours");
    directory
}

/// A program of PostgreSQL, which Debian keeps off the path.
fn postgres_program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<_> = versions.map(|version| version.path().join("bin").join(name)).collect();
    installed.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).map(|path| path.join(name)));
    installed.into_iter().find(|program| program.exists()).unwrap_or_else(|| panic!("{name} is missing; {INSTALL}"))
}

/// PostgreSQL refuses to run as root; it runs as its own user then.
fn as_postgres(program: &Path, directory: &Path) -> Command {
    use std::os::unix::fs::MetadataExt as _;
    let mut command = Command::new(program);
    command.current_dir(directory);
    if fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0) {
        let users = fs::read_to_string("/etc/passwd").expect("there are users");
        let user = users.lines().find_map(|line| line.strip_prefix("postgres:x:")).expect(INSTALL);
        let mut ids = user.split(':').map_while(|id| id.parse().ok());
        command.uid(ids.next().expect("a user has a number")).gid(ids.next().expect("and a group"));
    }
    command
}

/// A socket in the place of a server that is away: it counts who tries to connect, and hangs up.
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
        // It ends, and frees the port, when the count is gone.
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

    /// How many have tried to connect.
    pub(crate) fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }
}
