#!/usr/bin/env bash
# RabbitMQ 3.10.8 and lapin 4.12.3: a message to a durable queue whose node is down is confirmed,
# and gone.
#
# A guess: with publisher confirms, an ack says that the broker has the message, in a durable queue
# on disk. The node that has the queue is killed; the client is connected to the other node of the
# cluster, so that one cannot store it. It answers with a nack, an error, or not at all.
#
# What happens: it acks, within a millisecond. For the exchange, a queue that is down is no queue. A
# message that reaches no queue is thrown away, and one that is thrown away is confirmed. Only with
# `mandatory` does it come back, inside of the ack (`Ack(Some(..))`, 312 NO_ROUTE). A message to a
# queue that never existed comes back in the same way. Everything else on that queue is answered
# with 404, the code of a queue that is not there. Only the text shows the difference ("home node ..
# is down or inaccessible").
#
# Why it matters: a publisher that waits for each ack, as the tutorials advise, sees nothing of the
# outage and loses every message. A circuit breaker around it stays closed; one that takes 404 for
# the caller's mistake does so for the consumers too. So use quorum queues, which do not confirm
# without a majority, or publish with `mandatory` and look at what the ack holds.
#
# Seen:
#   both nodes, publish: Ack
#   the queue's node killed, publish: Ack
#   the queue's node killed, publish with mandatory: Ack with 312 NO_ROUTE
#   a queue that never was, publish with mandatory: Ack with 312 NO_ROUTE
#   the queue's node killed, declare: 404 home node is down
#   the queue's node is back: 1 of 3 messages that were confirmed
#
# Needs cargo, a registry of crates, and rabbitmq-server of Debian 12
# (`apt-get install rabbitmq-server`); both nodes and their port mapper are of this script, on
# loopback. Takes about a minute. Ends with 1 when the output is another one.
set -euo pipefail
bin=/usr/lib/rabbitmq/bin
if [ ! -x "$bin/rabbitmq-server" ]; then
    echo "rabbitmq-confirm-without-queue: it needs RabbitMQ in $bin" >&2
    exit 2
fi

work=$(mktemp -d)
declare -A pids=()
finish() {
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

# The nodes do not run as root.
plain=()
chmod 755 "$work"
if [ "$(id -u)" = 0 ]; then
    plain=(setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups)
fi
free_ports() {
    python3 -c '
import socket
sockets = [socket.socket() for _ in range(5)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*[each.getsockname()[1] for each in sockets])'
}
read -r mapper one two dist_one dist_two < <(free_ports)
declare -A port=([one]=$one [two]=$two) dist=([one]=$dist_one [two]=$dist_two)

# Runs a program of RabbitMQ's in the surroundings of a node.
at() {
    local node=$1 home=$work/$1
    shift
    cd "$home"
    exec env HOME="$home" ERL_EPMD_PORT="$mapper" ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_NODENAME="$node@localhost" \
        RABBITMQ_DIST_PORT="${dist[$node]}" RABBITMQ_CONFIG_FILE="$home/rabbitmq.conf" RABBITMQ_CONF_ENV_FILE=/dev/null \
        RABBITMQ_ENABLED_PLUGINS_FILE="$home/plugins" RABBITMQ_FEATURE_FLAGS_FILE="$home/flags" \
        RABBITMQ_GENERATED_CONFIG_DIR="$home/generated" RABBITMQ_LOG_BASE="$home/logs" RABBITMQ_MNESIA_BASE="$home/data" \
        RABBITMQ_PID_FILE="$home/pid" RABBITMQ_PLUGINS_EXPAND_DIR="$home/expanded" RUNNING_UNDER_SYSTEMD=1 \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 1:1" "${plain[@]}" "$@"
}
start() {
    (at "$1" "$bin/rabbitmq-server") >>"$work/$1.log" 2>&1 &
    pids[$1]=$!
    for _ in $(seq 100); do
        control "$1" await_startup && return
        sleep 0.2
    done
    cat "$work/$1.log" >&2
    exit 2
}
control() {
    (at "$1" "$bin/rabbitmqctl" -q -n "$1@localhost" "${@:2}") >>"$work/$1.log" 2>&1
}

"${plain[@]}" epmd -port "$mapper" -address 127.0.0.1 &
pids[mapper]=$!
for node in one two; do
    mkdir "$work/$node"
    printf 'listeners.tcp.1 = 127.0.0.1:%s\n' "${port[$node]}" >"$work/$node/rabbitmq.conf"
    printf '[].' >"$work/$node/plugins"
    printf cookie >"$work/$node/.erlang.cookie"
    chmod 400 "$work/$node/.erlang.cookie"
    [ "$(id -u)" != 0 ] || chown -R rabbitmq: "$work/$node"
    start "$node"
done
control two stop_app
control two reset
control two join_cluster one@localhost
control two start_app

mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "confirm-without-queue"
version = "0.0.0"
edition = "2024"

[dependencies]
lapin = { version = "=4.12.3", default-features = false, features = ["tokio"] }
tokio = { version = "=1.54.1", features = ["macros", "rt-multi-thread"] }

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind, Result};

const DURABLE: QueueDeclareOptions =
    QueueDeclareOptions { durable: true, passive: false, exclusive: false, auto_delete: false, nowait: false };

async fn channel(port: &str) -> Result<Channel> {
    let uri = format!("amqp://guest:guest@127.0.0.1:{}/%2f", std::env::var(port).expect("a port"));
    let channel = Connection::connect(&uri, ConnectionProperties::default()).await?.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// A message that is to be kept on disk.
async fn publish(channel: &Channel, queue: &str, mandatory: bool) -> Result<String> {
    let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let confirmed = channel.basic_publish("".into(), queue.into(), options, b"text", properties).await?.await?;
    Ok(match confirmed {
        Confirmation::Ack(None) => "Ack".into(),
        Confirmation::Ack(Some(returned)) => format!("Ack with {} {}", returned.reply_code, returned.reply_text),
        other => format!("{other:?}"),
    })
}

async fn declare(channel: &Channel) -> String {
    match channel.queue_declare("orders".into(), DURABLE, FieldTable::default()).await {
        Ok(queue) => format!("{} messages", queue.message_count()),
        Err(error) => match error.kind() {
            ErrorKind::ProtocolError(said) if said.get_message().as_str().contains("home node") => format!("{} home node is down", said.get_id()),
            _ => error.to_string(),
        },
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("before") => {
            declare(&channel("TWO").await?).await; // so that node two has it
            println!("both nodes, publish: {}", publish(&channel("ONE").await?, "orders", false).await?);
        }
        Some("killed") => {
            let channel = channel("ONE").await?;
            println!("the queue's node killed, publish: {}", publish(&channel, "orders", false).await?);
            println!("the queue's node killed, publish with mandatory: {}", publish(&channel, "orders", true).await?);
            println!("a queue that never was, publish with mandatory: {}", publish(&channel, "odrers", true).await?);
            println!("the queue's node killed, declare: {}", declare(&channel).await);
        }
        _ => {
            let count = declare(&channel("ONE").await?).await;
            println!("the queue's node is back: {} of 3 messages that were confirmed", count.trim_end_matches(" messages"));
        }
    }
    Ok(())
}
RUST

cat >"$work/expected" <<'TEXT'
both nodes, publish: Ack
the queue's node killed, publish: Ack
the queue's node killed, publish with mandatory: Ack with 312 NO_ROUTE
a queue that never was, publish with mandatory: Ack with 312 NO_ROUTE
the queue's node killed, declare: 404 home node is down
the queue's node is back: 1 of 3 messages that were confirmed
TEXT
CARGO_TARGET_DIR=$work/target cargo build --quiet --manifest-path "$work/Cargo.toml"
export ONE=$one TWO=$two
program=$work/target/debug/confirm-without-queue
"$program" before >"$work/seen"
kill -KILL "${pids[two]}"
wait "${pids[two]}" 2>/dev/null || true
# The other node has to have seen it.
for _ in $(seq 100); do
    control one eval "[] = rabbit_nodes:all_running() -- [node()]." && break
    sleep 0.1
done
"$program" killed >>"$work/seen"
start two
"$program" after >>"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "rabbitmq-confirm-without-queue: it has changed" >&2
    exit 1
fi
echo "as told: RabbitMQ $( (at one "$bin/rabbitmqctl" version) 2>/dev/null | tail -n 1), lapin 4.12.3"
