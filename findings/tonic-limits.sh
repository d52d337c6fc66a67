#!/usr/bin/env bash
# tonic 0.14.9: `Endpoint::timeout` and `connect_timeout` leave out the waits that never end.
#
# A guess: `Endpoint::timeout` is "a timeout to each request", and `connect_timeout` one for
# connecting. A channel with both has no call that waits for ever. And a call that ran into its
# limit ends with `DeadlineExceeded`.
#
# What happens: the limit of a request begins once there is a connection. So a call on a channel
# that still connects waits for TCP as long as the kernel does, about two minutes. `connect_timeout`
# is that of hyper-util's connector, which is TCP alone. A server that takes the connection and is
# silent holds up the TLS handshake without end. Of a stream only the head is limited. And what does
# run into the limit is `Cancelled`, "Timeout expired", made by the client, which is also the code
# of a server's own word.
#
# Why it matters: a dead host is the case that limits are for, and it is where they do not hold. A
# connect that hangs is also one for all calls of the channel. Code that takes `Cancelled` for the
# caller's own doing, as the name says, sees no time-out at all. The caller has to put
# `tokio::time::timeout` around the call.
#
# Seen (every limit is 50 ms):
#   connecting hangs, timeout: waits, more than 40 times its limit
#   connecting hangs, connect_timeout: Unavailable, tcp connect error
#   TLS hangs, both: waits, more than 40 times its limit
#   head hangs, timeout: Cancelled, Timeout expired
#   stream hangs after its head, timeout: waits, more than 40 times its limit
#
# Needs cargo, a registry of crates and a C compiler. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "tonic-limits"
version = "0.0.0"
edition = "2024"

[dependencies]
bytes = "=1.12.1"
h2 = "=0.4.20"
http = "=1.5.0"
tokio = { version = "=1.54.1", features = ["macros", "net", "rt", "time"] }
tonic = { version = "=0.14.9", default-features = false, features = ["channel", "tls-ring"] }
TOML
cat >"$work/src/main.rs" <<'RUST'
use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use std::future::Future;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status, Streaming};

const LIMIT: Duration = Duration::from_millis(50);

#[derive(Clone, Copy)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// A stream of messages, to its end.
async fn ask(channel: Channel) -> Result<(), Status> {
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    let (request, path) = (Request::new(Bytes::new()), PathAndQuery::from_static("/a.B/C"));
    let mut stream: Streaming<Bytes> = client.server_streaming(request, path, Plain).await?.into_inner();
    while stream.message().await?.is_some() {}
    Ok(())
}

async fn say(what: &str, call: impl Future<Output = Result<(), Status>>) {
    match tokio::time::timeout(LIMIT * 40, call).await {
        Err(_) => println!("{what}: waits, more than 40 times its limit"),
        Ok(Ok(())) => println!("{what}: Ok"),
        Ok(Err(status)) => println!("{what}: {:?}, {}", status.code(), status.message()),
    }
}

fn endpoint(scheme: &str, port: u16) -> Endpoint {
    Endpoint::from_shared(format!("{scheme}://127.0.0.1:{port}")).expect("an address")
}

/// A server of HTTP/2 that gives no head, or a head and nothing more.
async fn server(head: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut connection = h2::server::handshake(stream).await.expect("it speaks HTTP/2");
        let mut kept = Vec::new();
        while let Some(Ok((_, mut answer))) = connection.accept().await {
            let response = http::Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
            let body = head.then(|| answer.send_response(response, false).expect("it is asked"));
            kept.push((answer, body));
        }
    });
    port
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // A listener whose queue is full: the next connection hangs.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let full = socket.listen(1).expect("bound");
    let address = full.local_addr().expect("bound");
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        queued.push(stream);
    }
    say("connecting hangs, timeout", ask(endpoint("http", address.port()).timeout(LIMIT).connect_lazy())).await;
    let limited = endpoint("http", address.port()).connect_timeout(LIMIT);
    say("connecting hangs, connect_timeout", ask(limited.connect_lazy())).await;

    // It takes the connection, and is silent.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let tls = ClientTlsConfig::new().domain_name("service.test");
    let secure = endpoint("https", silent.local_addr().expect("bound").port()).tls_config(tls).expect("a configuration");
    say("TLS hangs, both", ask(secure.timeout(LIMIT).connect_timeout(LIMIT).connect_lazy())).await;

    say("head hangs, timeout", ask(endpoint("http", server(false).await).timeout(LIMIT).connect_lazy())).await;
    let channel = endpoint("http", server(true).await).timeout(LIMIT).connect_lazy();
    say("stream hangs after its head, timeout", ask(channel)).await;
}
RUST
cat >"$work/expected" <<'TEXT'
connecting hangs, timeout: waits, more than 40 times its limit
connecting hangs, connect_timeout: Unavailable, tcp connect error
TLS hangs, both: waits, more than 40 times its limit
head hangs, timeout: Cancelled, Timeout expired
stream hangs after its head, timeout: waits, more than 40 times its limit
TEXT
CARGO_TARGET_DIR=$work/target cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "tonic-limits: it has changed" >&2
    exit 1
fi
echo "as told: tonic 0.14.9"
