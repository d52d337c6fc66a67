//! Starts redis-server, without files.

use crate::process::{How, Server, directory, find, free_port, missing};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

impl Server {
    /// A Redis with these further options, or `None` where it is not installed.
    pub async fn redis(options: &[&str]) -> Option<Self> {
        let Some(program) = find("redis-server") else {
            missing("redis-server", "redis-server");
            return None;
        };
        let (port, directory) = (free_port(), directory());
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(options).current_dir(directory.path());
        Some(Self::start(command, port, directory, How { end: "KILL", answers: redis_answers }).await)
    }
}

pub(crate) fn redis_answers(port: u16) -> bool {
    let asked = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        // In the form of a client's request: a proxy accepts no other.
        stream.write_all(b"*1\r\n$4\r\nPING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    // A server that asks for a password is ready too.
    asked().is_ok_and(|answer| answer == *b"+PONG" || answer == *b"-NOAU")
}
