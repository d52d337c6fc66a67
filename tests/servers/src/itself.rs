//! Runs a test of the same program as a server, in a process of its own.
//!
//! Another test can kill and freeze it.

use crate::process::{How, Server, directory, free_port};
use std::net::TcpStream;
use std::process::Command;

/// The variable with the process's port.
const PORT: &str = "BREAKER_SERVES_ON";

impl Server {
    /// Runs the test `name` of this program in a process of its own. That test has to serve on the
    /// port of [`port_to_serve`] forever.
    ///
    /// # Panics
    ///
    /// When this program cannot be found.
    pub async fn itself(name: &str) -> Self {
        let (port, directory) = (free_port(), directory());
        let mut command = Command::new(std::env::current_exe().expect("this program has a place"));
        command.args(["--exact", name, "--nocapture"]).env(PORT, port.to_string());
        let answers = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
        Self::start(command, port, directory, How { end: "KILL", answers }).await
    }
}

/// The port that this process is to serve on, if it is one of [`Server::itself`].
#[must_use]
pub fn port_to_serve() -> Option<u16> {
    std::env::var(PORT).ok()?.parse().ok()
}
