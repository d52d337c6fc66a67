#!/usr/bin/env bash
# rumqttc 0.25.1: messages that are still in the client's own queue when the connection breaks are
# thrown away at the next connection.
#
# A guess: `publish` with QoS 1 ("at least once") is `Ok`, so the message is in the queue of the
# client. The event loop goes on after an error, as its documentation asks, and connects again. What
# was never sent is sent then.
#
# What happens: when a connection breaks, the event loop moves all messages from the queue of the
# client into a list of pending ones. What was sent and not acknowledged goes there too. At the next
# connection it clears that list unless the broker says that it knows the session. So it is lost
# with `clean_session`, which is on by default. Without `clean_session` it is lost too where the
# broker was restarted and has no store. Nothing tells: each `publish` was `Ok`, and `poll` gives
# the new connection as if all were well. What is published a moment later, while the client still
# is without a connection, does arrive.
#
# Why it matters: a client may not have noticed an outage of ten seconds yet. Then all that was
# published in it is lost, up to the capacity of the queue. The same messages would wait if they
# were published after the first error. A service that counts a publish as done when it is `Ok`
# loses data in each outage. So wait for the acknowledgements, and keep a message until then. (A
# comment on `EventLoop::clean` recommends a queue with a capacity of 0; the examples have 10.)
#
# Seen (the broker hangs, 20 messages are published, the client notices after two pings; 5 may be in
# flight, so 15 were never sent):
#   clean session, the broker is started anew: 20 Ok, 0 acknowledged; one more while it is away: 1 acknowledged
#   kept session, the broker is started anew: 20 Ok, 0 acknowledged; one more while it is away: 1 acknowledged
#   kept session, the broker goes on: 20 Ok, 20 acknowledged; one more while it is away: 1 acknowledged
#
# Needs cargo, a registry of crates, and mosquitto of Debian 12 (`apt-get install mosquitto`); the
# broker listens on loopback only. Takes about a minute. Ends with 1 when the output is another one.
set -euo pipefail
if [ ! -x /usr/sbin/mosquitto ]; then
    echo "rumqttc-queue-after-outage: it needs /usr/sbin/mosquitto" >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "queue-after-outage"
version = "0.0.0"
edition = "2024"

[dependencies]
rumqttc = { version = "=0.25.1", default-features = false }
tokio = { version = "=1.54.1", features = ["macros", "rt", "time"] }

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use std::error::Error;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The broker, which ends with this.
struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    fn start(port: u16) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new("/usr/sbin/mosquitto");
        command.args(["-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let broker = Self { child: command.spawn()?, port };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(broker)
    }

    fn signal(&self, name: &str) {
        let _ = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn publish(client: &AsyncClient, count: usize) -> usize {
    let mut good = 0;
    for _ in 0..count {
        good += usize::from(client.publish("topic", QoS::AtLeastOnce, false, "text").await.is_ok());
    }
    good
}

/// Polls until nothing comes for two seconds, and counts acknowledgements.
async fn acknowledged(event_loop: &mut EventLoop) -> usize {
    let mut count = 0;
    while let Ok(polled) = tokio::time::timeout(Duration::from_secs(2), event_loop.poll()).await {
        match polled {
            Ok(Event::Incoming(Packet::PubAck(_))) => count += 1,
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    count
}

async fn outage(clean: bool, restart: bool) -> Result<(), Box<dyn Error>> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut broker = Broker::start(port)?;
    let mut options = MqttOptions::new("client", "127.0.0.1", port);
    options.set_clean_session(clean).set_inflight(5).set_keep_alive(Duration::from_secs(5));
    let (client, mut event_loop) = AsyncClient::new(options, 100);
    acknowledged(&mut event_loop).await;

    broker.signal("STOP");
    let good = publish(&client, 20).await;
    while event_loop.poll().await.is_ok() {} // until the client notices
    let one_more = publish(&client, 1).await;
    if restart {
        drop(broker);
        broker = Broker::start(port)?;
    } else {
        broker.signal("CONT");
    }

    let all = acknowledged(&mut event_loop).await;
    let session = if clean { "clean session" } else { "kept session" };
    let then = if restart { "is started anew" } else { "goes on" };
    println!("{session}, the broker {then}: {good} Ok, {} acknowledged; one more while it is away: {one_more} acknowledged", all - one_more);
    let _ = broker.port;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    outage(true, true).await?;
    outage(false, true).await?;
    outage(false, false).await
}
RUST

cat >"$work/expected" <<'TEXT'
clean session, the broker is started anew: 20 Ok, 0 acknowledged; one more while it is away: 1 acknowledged
kept session, the broker is started anew: 20 Ok, 0 acknowledged; one more while it is away: 1 acknowledged
kept session, the broker goes on: 20 Ok, 20 acknowledged; one more while it is away: 1 acknowledged
TEXT
CARGO_TARGET_DIR=$work/target cargo build --quiet --manifest-path "$work/Cargo.toml"
"$work/target/debug/queue-after-outage" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "rumqttc-queue-after-outage: it has changed" >&2
    exit 1
fi
echo "as told: $(/usr/sbin/mosquitto -h | head -n 1), rumqttc 0.25.1"
