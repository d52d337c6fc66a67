//! Runs a server's program, from its start to its end.

use crate::PATIENCE;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server that ends with the test.
#[derive(Debug)]
pub struct Server {
    command: Command,
    child: Option<Child>,
    /// The port of loopback that it listens on.
    pub port: u16,
    directory: TempDir,
    how: How,
}

/// The differences between servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// The signal that ends it at once, with all of its processes.
    pub(crate) end: &'static str,
    /// Checks whether it answers.
    pub(crate) answers: fn(u16) -> bool,
}

impl Server {
    /// Starts the program, and waits until it answers.
    pub(crate) async fn start(command: Command, port: u16, directory: TempDir, how: How) -> Self {
        let mut server = Self { command, child: None, port, directory, how };
        server.run();
        server.until_it_answers().await;
        server
    }

    fn run(&mut self) {
        let log = fs::File::create(self.directory.path().join("log")).expect("there is room");
        let errors = log.try_clone().expect("a file has more than one handle");
        let started = self.command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.child = Some(started.unwrap_or_else(|error| panic!("{:?}: {error}", self.command)));
    }

    async fn until_it_answers(&self) {
        let (answers, port, begun) = (self.how.answers, self.port, Instant::now());
        while !tokio::task::spawn_blocking(move || answers(port)).await.is_ok_and(|answered| answered) {
            let program = self.command.get_program();
            assert!(
                begun.elapsed() < PATIENCE,
                "{program:?} does not answer in {PATIENCE:?}; its log:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Its output.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Its directory, which is removed with it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Kills it, like a crash; connections are refused from now on.
    pub fn kill(&mut self) {
        // A stopped process does not react to other signals.
        self.thaw();
        let Some(mut child) = self.child.take() else { return };
        // It may have ended by itself.
        let _ = signal(child.id(), self.how.end);
        child.wait().expect("it is a child of this process");
    }

    /// Sends it an operator's signal to stop, by name (`TERM`, `INT`). It does not wait for the
    /// end.
    pub fn stop(&self, name: &str) {
        let Some(child) = &self.child else { return };
        let _ = signal(child.id(), name);
    }

    /// Starts it again, on the same port.
    pub async fn restart(&mut self) {
        self.kill();
        self.run();
        self.until_it_answers().await;
    }

    /// Freezes it: connections are accepted, and no request is answered. It has stopped when this
    /// returns.
    pub fn freeze(&self) {
        self.signal_all("STOP");
        let begun = Instant::now();
        while !self.child.as_ref().is_none_or(|child| is_stopped(child.id())) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Unfreezes it.
    pub fn thaw(&self) {
        self.signal_all("CONT");
    }

    /// Includes its children: some servers have a process for each connection.
    fn signal_all(&self, name: &str) {
        let Some(child) = &self.child else { return };
        let _ = signal(child.id(), name);
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        for id in fs::read_to_string(children).unwrap_or_default().split_whitespace() {
            // A process that has ended meanwhile counts too.
            let _ = id.parse().map(|id| signal(id, name));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether all of its threads have stopped, which they do one by one some time after the signal.
fn is_stopped(id: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    threads.map(|thread| fs::read_to_string(thread.path().join("stat")).unwrap_or_default()).all(|stat| {
        // The fields after the name, which may contain anything.
        stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('T'))
    })
}

fn signal(id: u32, name: &str) -> std::io::Result<std::process::ExitStatus> {
    Command::new("kill").args(["-s", name, &id.to_string()]).stderr(Stdio::null()).status()
}

/// A port of loopback without a listener, outside of the kernel's range for connections. A port in
/// that range may be taken when a server returns to it. A client that connects to it meanwhile may
/// also get it for its own end, and reach itself.
///
/// # Panics
///
/// When loopback has no port.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let end: u16 = range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768);
    let many = end.checked_sub(FIRST).filter(|many| *many > 0).expect("there are ports below those of connections");
    // Tests of other processes begin at other ports.
    let start = u16::try_from(std::process::id() % u32::from(many)).expect("it is below a port");
    let places =
        (0..many).map(|_| TRIED.fetch_add(1, Ordering::Relaxed).wrapping_mul(7).wrapping_add(start) % many + FIRST);
    places.into_iter().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a loopback port is free")
}

/// A directory that another user can use too.
///
/// # Panics
///
/// When the disk is full.
#[must_use]
pub fn directory() -> TempDir {
    let directory = tempfile::tempdir().expect("there is room");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
    directory
}

/// A program on the path, or in one of Debian's directories for servers.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    places.extend(std::env::split_paths(&path));
    places.push("/usr/sbin".into());
    places.into_iter().map(|place| place.join(name)).find(|program| program.exists())
}

/// Prints on the test's output why it is skipped.
#[allow(clippy::print_stderr, reason = "it is a test's output")]
pub fn missing(program: &str, package: &str) {
    eprintln!("skipped: {program} is not installed (Debian: apt-get install {package})");
}

/// Changes a file's owner to the user that a server runs as, where the test runs as root. A server
/// refuses a key that others can read.
///
/// # Panics
///
/// When the file or the user does not exist.
pub fn give_to(file: &Path, user: &str) {
    if is_root() {
        let (user, group) = ids(user);
        chown(file, Some(user), Some(group)).expect("root may do so");
    }
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("it is there");
}

/// The program as a user of the system where the test runs as root, for servers that refuse to run
/// as root.
pub(crate) fn as_user(program: &Path, user: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory);
    if is_root() {
        let (user, group) = ids(user);
        command.uid(user).gid(group);
    }
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

/// The ids of a user and its group.
fn ids(user: &str) -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("there are users");
    let prefix = format!("{user}:x:");
    let user = users.lines().find_map(|line| line.strip_prefix(&prefix)).expect("its package has made the user");
    let mut ids = user.split(':').map_while(|id| id.parse().ok());
    (ids.next().expect("a user has a number"), ids.next().expect("and a group"))
}
