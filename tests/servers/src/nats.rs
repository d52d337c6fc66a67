//! Starts nats-server, with JetStream where the settings say so.

use crate::process::{How, Server, directory, find, free_port, missing};
use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

impl Server {
    /// A NATS with these lines in its configuration, or `None` where it is not installed. `DIR` in
    /// a line is its directory.
    ///
    /// # Panics
    ///
    /// When the disk is full.
    pub async fn nats(settings: &str) -> Option<Self> {
        let Some(program) = find("nats-server") else {
            missing("nats-server", "nats-server");
            return None;
        };
        let (port, directory) = (free_port(), directory());
        let file = directory.path().join("nats.conf");
        let settings = settings.replace("DIR", &directory.path().display().to_string());
        fs::write(&file, format!("listen: 127.0.0.1:{port}\n{settings}\n")).expect("there is room");
        let mut command = Command::new(program);
        command.arg("-c").arg(file).current_dir(directory.path());
        Some(Self::start(command, port, directory, How { end: "KILL", answers: nats_answers }).await)
    }
}

/// Whether it sends its first message, which says who it is.
fn nats_answers(port: u16) -> bool {
    let asked = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    asked().is_ok_and(|answer| answer == *b"INFO")
}
