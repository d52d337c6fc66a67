//! Starts a RabbitMQ node with its own port mapper, cookie, data and logs.

use crate::process::{How, Server, as_user, directory, find, free_port, missing};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";
const USER: &str = "rabbitmq";

/// A broker for AMQP 0.9.1. The user `guest` may do anything.
#[derive(Debug)]
pub struct RabbitMq {
    /// The broker, which ends first.
    pub server: Server,
    mapper: Server,
    distribution: u16,
}

impl RabbitMq {
    /// A node, or `None` where it is not installed. It takes seconds to start.
    ///
    /// # Panics
    ///
    /// When the disk is full.
    pub async fn start() -> Option<Self> {
        let script = PathBuf::from(SCRIPTS).join("rabbitmq-server");
        let (Some(epmd), true) = (find("epmd"), script.exists()) else {
            missing("rabbitmq-server", "rabbitmq-server");
            return None;
        };
        let mapper = start_mapper(&epmd).await;
        let (port, distribution, directory) = (free_port(), free_port(), directory());
        fs::write(directory.path().join("rabbitmq.conf"), format!("listeners.tcp.1 = 127.0.0.1:{port}\n"))
            .expect("there is room");
        fs::write(directory.path().join("plugins"), "[].").expect("there is room");
        // The cookie must belong to the user, and be readable only to it.
        let made = in_environment(Path::new("/bin/sh"), directory.path(), mapper.port, distribution)
            .args(["-c", "umask 077 && echo cookie > .erlang.cookie && chmod 400 .erlang.cookie"])
            .status();
        assert!(made.is_ok_and(|made| made.success()), "the cookie is written");
        let mut command = in_environment(&script, directory.path(), mapper.port, distribution);
        // The script then becomes the virtual machine itself, so that a signal to it reaches the
        // broker.
        command.env("RUNNING_UNDER_SYSTEMD", "1");
        let server = Server::start(command, port, directory, How { end: "KILL", answers: amqp_answers }).await;
        Some(Self { server, mapper, distribution })
    }

    /// Runs `rabbitmqctl` with these arguments.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn control(&self, arguments: &[&str]) {
        let script = PathBuf::from(SCRIPTS).join("rabbitmqctl");
        let mut command = in_environment(&script, self.server.directory(), self.mapper.port, self.distribution);
        let done = command.args(["-q", "-n", "breaker@localhost"]).args(arguments).output().expect("it was found");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// Erlang's port mapper. Without one of its own, the first node would start one that outlives it.
async fn start_mapper(program: &Path) -> Server {
    let (port, directory) = (free_port(), directory());
    let mut command = Command::new(program);
    command.args(["-port", &port.to_string(), "-address", "127.0.0.1"]).current_dir(directory.path());
    let answers = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
    Server::start(command, port, directory, How { end: "KILL", answers }).await
}

fn in_environment(program: &Path, directory: &Path, mapper: u16, distribution: u16) -> Command {
    // Allows writes by the user that it runs as.
    fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).expect("it is ours");
    let mut command = as_user(program, USER, directory);
    let path = |name: &str| directory.join(name);
    command
        .env("HOME", directory)
        .env("ERL_EPMD_PORT", mapper.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODENAME", "breaker@localhost")
        .env("RABBITMQ_DIST_PORT", distribution.to_string())
        .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
        .env("RABBITMQ_FEATURE_FLAGS_FILE", path("flags"))
        .env("RABBITMQ_GENERATED_CONFIG_DIR", path("generated"))
        .env("RABBITMQ_LOG_BASE", path("logs"))
        .env("RABBITMQ_MNESIA_BASE", path("data"))
        .env("RABBITMQ_PID_FILE", path("pid"))
        .env("RABBITMQ_PLUGINS_EXPAND_DIR", path("expanded"))
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1");
    command
}

/// Whether it answers the protocol's header with its first method.
fn amqp_answers(port: u16) -> bool {
    let asked = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"AMQP\x00\x00\x09\x01")?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    asked().is_ok_and(|answer| answer == [1])
}
