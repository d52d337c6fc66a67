#!/usr/bin/env bash
# NATS 2.9.10 and async-nats 0.51.0: a stream that has lost its leader does not exist, at once.
#
# A guess: three servers hold a stream; two of them die. Its messages are safe, and the last server
# cannot decide to store another one. So a publish waits for its acknowledgement and times out. Or
# the server says that it cannot for now (503), as it says for other requests.
#
# What happens: the leader of a stream is what listens on its subjects. Without a leader there is no
# subscriber. So the server answers within a millisecond, as it does for a subject that belongs to
# no stream. The client returns "no stream found for given subject" (`StreamNotFound`). A misspelt
# subject gives the same error, also without a source. Meanwhile `get_stream` says that the stream
# is there, and making another one is answered with 503 "temporarily unavailable". Once two servers
# are there again, the publish goes on failing so until a leader is chosen.
#
# Why it matters: `StreamNotFound` reads like a 404. Code that takes it for the caller's mistake
# never sees the outage: no retry, no alarm, no breaker that opens. So count it as an outage, and
# find a misspelt subject by a test.
#
# Seen:
#   3 of 3 servers, the stream's subject: Ok
#   3 of 3 servers, a misspelt subject: StreamNotFound, no source
#   1 of 3 servers, the stream's subject: StreamNotFound, no source, within 100 ms
#   1 of 3 servers, get_stream: Ok
#   1 of 3 servers, create_stream: JetStream 503
#   3 of 3 servers again: Ok
#
# Needs cargo, a registry of crates, and nats-server 2.9.10 of Debian 12
# (`apt-get install nats-server`); the servers listen on loopback only. Ends with 1 when the output
# is another one.
set -euo pipefail
server=$(command -v nats-server || echo /usr/sbin/nats-server)
if [ ! -x "$server" ]; then
    echo "async-nats-lost-leader: it needs nats-server" >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "lost-leader"
version = "0.0.0"
edition = "2024"

[dependencies]
async-nats = { version = "=0.51.0", default-features = false, features = ["jetstream"] }
tokio = { version = "=1.54.1", features = ["macros", "rt", "time"] }

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context, context::CreateStreamErrorKind, stream::Config};
use std::error::Error;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server of the cluster, which ends with this.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &str, file: &Path) -> Result<Server, Box<dyn Error>> {
    let mut command = Command::new(program);
    command.arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(Server(command.spawn()?))
}

fn ports() -> Result<Vec<u16>, Box<dyn Error>> {
    let listeners = (0..6).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<Result<Vec<_>, _>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

async fn publish(stream: &Context, subject: &'static str) -> String {
    let begun = Instant::now();
    let published = async { stream.publish(subject, "text".into()).await?.await };
    match published.await {
        Ok(_) => "Ok".into(),
        Err(error) => {
            let source = if error.source().is_none() { "no source" } else { "a source" };
            let soon = if begun.elapsed() < Duration::from_millis(100) { "within 100 ms" } else { "later" };
            format!("{:?}, {source}, {soon}", error.kind())
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let program = std::env::var("SERVER")?;
    let work = PathBuf::from(std::env::var("WORK")?);
    let ports = ports()?;
    let (clients, routes) = ports.split_at(3);
    let all = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect::<Vec<_>>().join(", ");
    let mut servers = Vec::new();
    for (number, (client, route)) in clients.iter().zip(routes).enumerate() {
        let file = work.join(format!("{number}.conf"));
        let store = work.join(format!("store-{number}"));
        let cluster = format!("cluster {{ name: c, listen: \"127.0.0.1:{route}\", routes: [{all}] }}");
        let own = format!("listen: \"127.0.0.1:{client}\"\nserver_name: s{number}\njetstream {{ store_dir: \"{}\" }}", store.display());
        std::fs::write(&file, format!("{own}\n{cluster}\n"))?;
        servers.push((start(&program, &file)?, file));
    }

    let options = ConnectOptions::new().ignore_discovered_servers().retry_on_initial_connect();
    let client = options.connect(format!("127.0.0.1:{}", clients[0])).await?;
    let mut stream = jetstream::new(client);
    stream.set_timeout(Duration::from_secs(2));
    let config = Config { name: "S".into(), subjects: vec!["orders".into()], num_replicas: 3, ..Config::default() };
    let begun = Instant::now();
    while stream.create_stream(config.clone()).await.is_err() && begun.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("3 of 3 servers, the stream's subject: {}", publish(&stream, "orders").await);
    let misspelt = publish(&stream, "oders").await;
    println!("3 of 3 servers, a misspelt subject: {}", misspelt.trim_end_matches(", within 100 ms"));

    let away: Vec<_> = servers.drain(1..).map(|(server, file)| { drop(server); file }).collect();
    // The last server finds out within seconds that it is alone.
    let begun = Instant::now();
    let mut said = publish(&stream, "orders").await;
    while said == "Ok" && begun.elapsed() < Duration::from_secs(30) {
        said = publish(&stream, "orders").await;
    }
    tokio::time::sleep(Duration::from_secs(12)).await;
    println!("1 of 3 servers, the stream's subject: {}", publish(&stream, "orders").await);
    println!("1 of 3 servers, get_stream: {}", stream.get_stream("S").await.map_or_else(|error| format!("{error:?}"), |_| "Ok".into()));
    let other = Config { name: "T".into(), subjects: vec!["bills".into()], ..Config::default() };
    match stream.create_stream(other).await.map_err(|error| error.kind()) {
        Err(CreateStreamErrorKind::JetStream(error)) => println!("1 of 3 servers, create_stream: JetStream {}", error.code()),
        other => println!("1 of 3 servers, create_stream: {other:?}"),
    }

    for file in away {
        servers.push((start(&program, &file)?, file));
    }
    let begun = Instant::now();
    let mut said = publish(&stream, "orders").await;
    while said != "Ok" && begun.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        said = publish(&stream, "orders").await;
    }
    println!("3 of 3 servers again: {said}");
    Ok(())
}
RUST

cat >"$work/expected" <<'TEXT'
3 of 3 servers, the stream's subject: Ok
3 of 3 servers, a misspelt subject: StreamNotFound, no source
1 of 3 servers, the stream's subject: StreamNotFound, no source, within 100 ms
1 of 3 servers, get_stream: Ok
1 of 3 servers, create_stream: JetStream 503
3 of 3 servers again: Ok
TEXT
CARGO_TARGET_DIR=$work/target cargo build --quiet --manifest-path "$work/Cargo.toml"
SERVER=$server WORK=$work "$work/target/debug/lost-leader" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "async-nats-lost-leader: it has changed" >&2
    exit 1
fi
echo "as told: $("$server" --version), async-nats 0.51.0"
