#!/usr/bin/env bash
# hyper 1.12.0: over HTTP/2 a body that the server resets with NO_ERROR is whole, whatever its
# `content-length` says.
#
# A guess: a body that ends before its `content-length` is an error, as over HTTP/1.1 and as where
# an HTTP/2 stream ends too early. A stream that was reset did not end at all, so its body is an
# error too.
#
# What happens: hyper takes a reset with NO_ERROR for the end of the body, and looks at no length
# then. The caller gets `Ok` with what came: 3 bytes of 10. Every other reset is an error. RFC 9113
# has NO_ERROR for a server that has sent its whole answer and wants no more of the request. A proxy
# that ends a stream after its own time limit uses it as well.
#
# Why it matters: a file without its end is stored, or a stream of text without its end is parsed.
# Nothing reports it: no error, no status and no circuit breaker. The header is still there, and
# only the caller can compare with it.
#
# Seen (reqwest 0.13.5 over hyper; the answer has `content-length: 10`, and 3 bytes come):
#   HTTP/2, reset with NO_ERROR: Ok, 3 bytes of 10
#   HTTP/2, reset with CANCEL: an error
#   HTTP/2, reset with INTERNAL_ERROR: an error
#   HTTP/2, end of the stream: an error
#   HTTP/1.1, end of the connection: an error
#
# Needs cargo and a registry of crates. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "hyper-http2-cut-body"
version = "0.0.0"
edition = "2024"

[dependencies]
bytes = "=1.12.1"
h2 = "=0.4.20"
http = "=1.5.0"
hyper = "=1.12.0"
hyper-util = "=0.1.21"
reqwest = { version = "=0.13.5", default-features = false, features = ["http2"] }
tokio = { version = "=1.54.1", features = ["io-util", "macros", "net", "rt", "time"] }
TOML
cat >"$work/src/main.rs" <<'RUST'
use bytes::Bytes;
use h2::Reason;
use http::Response;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    (listener, url)
}

/// A head, 3 bytes of 10, and a reset, or without one the end of the stream.
async fn second(reset: Option<Reason>) -> String {
    let (listener, url) = listener().await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut connection = h2::server::handshake(stream).await.expect("it speaks HTTP/2");
        while let Some(Ok((_, mut answer))) = connection.accept().await {
            tokio::spawn(async move {
                let head = Response::builder().header("content-length", "10").body(()).expect("a head");
                let mut body = answer.send_response(head, false).expect("it is asked");
                body.send_data(Bytes::from_static(b"abc"), reset.is_none()).expect("there is room");
                // A reset overtakes what is not sent yet.
                tokio::time::sleep(Duration::from_millis(200)).await;
                if let Some(reason) = reset {
                    body.send_reset(reason);
                }
            });
        }
    });
    url
}

async fn first() -> String {
    let (listener, url) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc").await;
    });
    url
}

async fn say(what: &str, client: reqwest::Client, url: String) {
    let response = client.get(url).send().await.expect("a head");
    let length = response.headers()["content-length"].to_str().expect("a number").to_owned();
    match response.bytes().await {
        Ok(bytes) => println!("{what}: Ok, {} bytes of {length}", bytes.len()),
        Err(_) => println!("{what}: an error"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = || reqwest::Client::builder().no_proxy();
    let two = || client().http2_prior_knowledge().build().expect("a client");
    for reason in [Reason::NO_ERROR, Reason::CANCEL, Reason::INTERNAL_ERROR] {
        say(&format!("HTTP/2, reset with {reason:?}"), two(), second(Some(reason)).await).await;
    }
    say("HTTP/2, end of the stream", two(), second(None).await).await;
    say("HTTP/1.1, end of the connection", client().build().expect("a client"), first().await).await;
}
RUST
cat >"$work/expected" <<'TEXT'
HTTP/2, reset with NO_ERROR: Ok, 3 bytes of 10
HTTP/2, reset with CANCEL: an error
HTTP/2, reset with INTERNAL_ERROR: an error
HTTP/2, end of the stream: an error
HTTP/1.1, end of the connection: an error
TEXT
CARGO_TARGET_DIR=$work/target cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "hyper-http2-cut-body: it has changed" >&2
    exit 1
fi
echo "as told: hyper 1.12.0, h2 0.4.20, reqwest 0.13.5"
