//! The servers that the shop needs: a PostgreSQL and a stock, each of the test that starts it.

use shop::orders::Orders;
use shop::web::Shop;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::PgPool;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

const INSTALL: &str = "these tests need PostgreSQL (Debian: apt-get install postgresql)";

/// A PostgreSQL with an empty database, which ends with the test.
pub struct Database {
    process: Child,
    port: u16,
    _directory: TempDir,
}

impl Database {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("there is room");
        // PostgreSQL's user has to write there too.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
        let data = directory.path().join("data");
        let made = program("initdb", directory.path())
            .args(["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .output()
            .expect("it is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let process = program("postgres", directory.path())
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-F", "-k"])
            .arg(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is installed");
        let database = Self { process, port, _directory: directory };
        // Until it takes connections the pool tries again.
        let pool = pool(database.address(), Duration::from_secs(30));
        shop::migrate(&pool).await.expect("PostgreSQL answers");
        pool.close().await;
        database
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // By this signal it ends at once, with the processes of its connections.
        let _ = Command::new("kill").args(["-s", "QUIT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

/// Connections to the database at this address; a call waits for one so long at most.
pub fn pool(address: SocketAddr, wait: Duration) -> PgPool {
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(address.port())
        .username("postgres")
        .database("postgres")
        .ssl_mode(PgSslMode::Disable);
    PgPoolOptions::new().max_connections(4).acquire_timeout(wait).connect_lazy_with(options)
}

/// A stock that has ten of everything, always; it ends with the process.
pub fn stock() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let _ = answer(client);
        }
    });
    address
}

fn answer(mut client: TcpStream) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(client.try_clone()?).read_line(&mut line)?;
    let words: Vec<_> = line.split_whitespace().collect();
    match words[..] {
        ["TAKE", _, quantity] if quantity.parse::<u32>().is_ok_and(|quantity| quantity <= 10) => {
            writeln!(client, "TAKEN 7")
        }
        ["TAKE", ..] => writeln!(client, "LEFT 10"),
        ["GIVE", "7"] => writeln!(client, "THANKS"),
        ["LEVEL", _] => writeln!(client, "10"),
        _ => writeln!(client, "WHAT?"),
    }
}

pub fn shop(database: SocketAddr, stock: SocketAddr) -> Shop {
    let pool = pool(database, Duration::from_secs(20));
    Shop { orders: Orders::new(pool.clone()), pool, stock }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    listener.local_addr().expect("it is bound").port()
}

/// A program of PostgreSQL, which Debian keeps off the path, and which refuses to run as root.
fn program(name: &str, directory: &Path) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).map(|path| path.join(name)));
    let found = places.into_iter().find(|place| place.exists());
    let mut command = Command::new(found.unwrap_or_else(|| panic!("{name} is missing; {INSTALL}")));
    command.current_dir(directory);
    if fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0) {
        let users = fs::read_to_string("/etc/passwd").expect("there are users");
        let user = users.lines().find_map(|line| line.strip_prefix("postgres:x:")).expect(INSTALL);
        let mut ids = user.split(':').map_while(|id| id.parse().ok());
        command.uid(ids.next().expect("a user has a number")).gid(ids.next().expect("and a group"));
    }
    command
}
