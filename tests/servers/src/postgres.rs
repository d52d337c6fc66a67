//! Starts PostgreSQL with a cluster of its own, and one database for a user without a password.

use crate::process::{How, Server, as_user, directory, find, free_port, missing};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

impl Server {
    /// A PostgreSQL with these settings (`name=value`), or `None` where it is not installed.
    ///
    /// # Panics
    ///
    /// When `initdb` fails.
    pub async fn postgres(settings: &[&str]) -> Option<Self> {
        let (Some(initdb), Some(postgres)) = (find("initdb"), find("postgres")) else {
            missing("postgres", "postgresql");
            return None;
        };
        let (port, directory) = (free_port(), directory());
        let data = directory.path().join("data");
        let mut initdb = as_user(&initdb, "postgres", directory.path());
        initdb.args(["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"]);
        let made = initdb.arg(&data).output().expect("it was found");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // Its processes for single connections outlive a `SIGKILL` of the main one for a moment,
        // and hold the data.
        let how = How { end: "QUIT", answers: postgres_answers };
        Some(Self::start(run(&postgres, &data, directory.path(), port, settings), port, directory, how).await)
    }

    /// A standby of this PostgreSQL, with these further settings.
    ///
    /// # Panics
    ///
    /// When `pg_basebackup` fails.
    pub async fn postgres_standby(primary: &Self, settings: &[&str]) -> Option<Self> {
        let (Some(copy), Some(postgres)) = (find("pg_basebackup"), find("postgres")) else {
            missing("pg_basebackup", "postgresql");
            return None;
        };
        let (port, directory) = (free_port(), directory());
        let data = directory.path().join("data");
        let mut copy = as_user(&copy, "postgres", directory.path());
        copy.args(["-h", "127.0.0.1", "-U", "postgres", "-X", "stream", "-c", "fast", "--no-sync", "-R"]);
        let made = copy.args(["-p", &primary.port.to_string(), "-D"]).arg(&data).output().expect("it was found");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // A server that accepts no session yet has answered too.
        let answers = |port| matches!(postgres_says(port), Ok(b'R' | b'E'));
        let command = run(&postgres, &data, directory.path(), port, settings);
        Some(Self::start(command, port, directory, How { end: "QUIT", answers }).await)
    }
}

fn run(postgres: &Path, data: &Path, directory: &Path, port: u16, settings: &[&str]) -> Command {
    let mut command = as_user(postgres, "postgres", directory);
    command.arg("-D").arg(data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-F", "-k"]).arg(directory);
    for setting in settings {
        command.args(["-c", setting]);
    }
    command
}

/// Whether it accepts a session.
fn postgres_answers(port: u16) -> bool {
    postgres_says(port).is_ok_and(|answer| answer == b'R')
}

/// The answer to the first message of the protocol: a request for authentication (`R`), or an error
/// (`E`).
fn postgres_says(port: u16) -> std::io::Result<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let parameters = b"user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(8 + parameters.len()).expect("it is short");
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&196_608_u32.to_be_bytes())?;
    stream.write_all(parameters)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer[0])
}
