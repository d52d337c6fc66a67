//! PostgreSQL: a cluster of its own, with one database for a user without a password.

use crate::process::{How, Server, as_user, directory, find, free_port, missing};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

impl Server {
    /// A PostgreSQL with these settings (`name=value`), or none where it is not installed.
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
        let mut command = as_user(&postgres, "postgres", directory.path());
        command
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-F", "-k"])
            .arg(directory.path());
        for setting in settings {
            command.args(["-c", setting]);
        }
        // Its processes for single connections outlive a `SIGKILL` of the first one for a moment, and hold the data.
        Some(Self::start(command, port, directory, How { end: "QUIT", answers: postgres_answers }).await)
    }
}

/// Whether it lets a session begin: the first message of the protocol is answered by a request for authentication (`R`).
fn postgres_answers(port: u16) -> bool {
    let asked = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let parameters = b"user\0postgres\0database\0postgres\0\0";
        let length = u32::try_from(8 + parameters.len()).expect("it is short");
        stream.write_all(&length.to_be_bytes())?;
        stream.write_all(&196_608_u32.to_be_bytes())?;
        stream.write_all(parameters)?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    asked().is_ok_and(|answer| answer == *b"R")
}
