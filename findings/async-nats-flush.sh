#!/usr/bin/env bash
# async-nats 0.51.0: `flush` is `Ok` before a server that is stopped. It asks the server nothing.
#
# A guess: `publish` only queues, so `flush` after it is how one learns that the server has the message. In the clients of NATS for Go, C and
# Java it sends a PING and waits for the PONG, and services use it as the check of their connection.
#
# What happens: this `flush` waits until the bytes are with the operating system. A server that hangs, or whose host is gone, takes them
# as long as there is room in the buffers: publish, flush and subscribe are `Ok` within milliseconds. Only a
# request, which somebody has to answer, finds out, and that after its own time limit.
#
# Why it matters: a health check or a circuit breaker around `publish` and `flush` counts successes through an outage, and the messages
# are lost with the connection. Ask for something that has to come back: a request to a subject of one's own, or JetStream with its
# acknowledgement.
#
# Seen:
#   the server runs: publish Ok, flush Ok, a request to oneself: Ok
#   the server is stopped: publish Ok, flush Ok, a request to oneself: TimedOut
#   the server was killed then: 0 of 10 messages of that time have come
#
# Needs cargo, a registry of crates, and nats-server (seen with 2.9.10 of Debian 12, `apt-get install nats-server`); the server listens on loopback
# only. Ends with 1 when the output is another one.
set -euo pipefail
server=$(command -v nats-server || echo /usr/sbin/nats-server)
if [ ! -x "$server" ]; then
    echo "async-nats-flush: it needs nats-server" >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "flush"
version = "0.0.0"
edition = "2024"

[dependencies]
async-nats = { version = "=0.51.0", default-features = false }
futures-util = { version = "0.3", default-features = false }
tokio = { version = "=1.54.1", features = ["macros", "rt", "time"] }

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use async_nats::{Client, ConnectOptions};
use futures_util::StreamExt;
use std::error::Error;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(1);

/// The server, which ends with this.
struct Server(Child);

impl Server {
    fn start(port: u16) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::env::var("SERVER")?);
        command.args(["-a", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self(command.spawn()?);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn stop(&self) {
        let _ = Command::new("kill").args(["-s", "STOP", &self.0.id().to_string()]).status();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn told(client: &Client, count: usize) -> String {
    let mut good = 0;
    for _ in 0..count {
        good += usize::from(client.publish("messages", "text".into()).await.is_ok());
    }
    let flushed = match tokio::time::timeout(LIMIT, client.flush()).await {
        Ok(Ok(())) => "Ok".into(),
        Ok(Err(error)) => format!("{:?}", error.kind()),
        Err(_) => "no answer".into(),
    };
    let asked = match client.request("echo", "text".into()).await {
        Ok(_) => "Ok".into(),
        Err(error) => format!("{:?}", error.kind()),
    };
    let published = if good == count { "Ok" } else { "failed" };
    format!("publish {published}, flush {flushed}, a request to oneself: {asked}")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let server = Server::start(port)?;
    let options = || ConnectOptions::new().request_timeout(Some(LIMIT));
    let address = format!("127.0.0.1:{port}");
    let client = options().connect(&address).await?;
    let mut requests = client.subscribe("echo").await?;
    let answering = client.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(reply) = request.reply {
                let _ = answering.publish(reply, request.payload).await;
            }
        }
    });
    println!("the server runs: {}", told(&client, 1).await);

    let mut messages = client.subscribe("messages").await?;
    told(&client, 0).await; // the subscription is known
    server.stop();
    println!("the server is stopped: {}", told(&client, 10).await);
    drop(server);
    let _server = Server::start(port)?;
    let mut come = 0;
    while let Ok(Some(_)) = tokio::time::timeout(Duration::from_secs(5), messages.next()).await {
        come += 1;
    }
    println!("the server was killed then: {come} of 10 messages of that time have come");
    Ok(())
}
RUST

cat >"$work/expected" <<'TEXT'
the server runs: publish Ok, flush Ok, a request to oneself: Ok
the server is stopped: publish Ok, flush Ok, a request to oneself: TimedOut
the server was killed then: 0 of 10 messages of that time have come
TEXT
CARGO_TARGET_DIR=$work/target cargo build --quiet --manifest-path "$work/Cargo.toml"
SERVER=$server "$work/target/debug/flush" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "async-nats-flush: it has changed" >&2
    exit 1
fi
echo "as told: $("$server" --version), async-nats 0.51.0"
