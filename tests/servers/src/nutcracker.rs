//! Starts nutcracker (twemproxy), a proxy before Redis.
//!
//! It answers for a server that it cannot reach.

use crate::process::{How, Server, directory, find, free_port, missing};
use crate::redis::redis_answers;
use std::fs;
use std::process::Command;

impl Server {
    /// A nutcracker before the Redis at this port of loopback, or `None` where it is not installed.
    /// That Redis has 200 ms for an answer.
    ///
    /// # Panics
    ///
    /// When the disk is full.
    pub async fn nutcracker(redis: u16) -> Option<Self> {
        let Some(program) = find("nutcracker") else {
            missing("nutcracker", "nutcracker");
            return None;
        };
        let (port, directory) = (free_port(), directory());
        let settings = directory.path().join("nutcracker.yml");
        let pool = format!(
            "pool:\n  listen: 127.0.0.1:{port}\n  redis: true\n  timeout: 200\n  servers:\n   - 127.0.0.1:{redis}:1\n"
        );
        fs::write(&settings, pool).expect("there is room");
        let mut command = Command::new(program);
        command.arg("-c").arg(settings).args(["-a", "127.0.0.1", "-s", &free_port().to_string()]);
        Some(Self::start(command, port, directory, How { end: "KILL", answers: redis_answers }).await)
    }
}
