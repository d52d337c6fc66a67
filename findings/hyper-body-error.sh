#!/usr/bin/env bash
# hyper 1.12.0 (axum 0.8.9): an error of a streamed body takes with it what the body gave just
# before, and the head of the answer.
#
# A guess: what a body has given is sent, and then its error breaks the connection. The client has
# the status, the items, and an error after them.
#
# What happens: the server writes what is ready into its buffer, and sends the buffer when the body
# has nothing more for the moment. Where the error is ready in the same poll it drops the
# connection, or resets the stream, with the buffer. The client gets no status, no header and no
# item, and its error is that of a server that was never reached.
#
# Why it matters: a proxy or a service that passes a stream on shows "no answer" where there was
# half of one. The client may then ask again, since nothing seems to have come. Its log has no
# status. A circuit breaker sees a failed call instead of a stream that was cut. Whether it is the
# one or the other hangs on the speed of the upstream. A server that wants the items to arrive gives
# way once before the error (`tokio::task::yield_now`), or says the error in the stream.
#
# Seen (the body gives two items, and an error):
#   HTTP/1.1, an error 200 ms after the items: 200, "one two ", an error
#   HTTP/1.1, an error at once: no head, an error
#   HTTP/2, an error 200 ms after the items: 200, "one two ", an error
#   HTTP/2, an error at once: no head, an error
#
# Needs cargo and a registry of crates. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "hyper-body-error"
version = "0.0.0"
edition = "2024"

[dependencies]
axum = { version = "=0.8.9", default-features = false, features = ["http1", "http2", "tokio"] }
futures-util = { version = "=0.3.34", default-features = false }
hyper = "=1.12.0"
hyper-util = "=0.1.21"
reqwest = { version = "=0.13.5", default-features = false, features = ["http2"] }
tokio = { version = "=1.54.1", features = ["macros", "net", "rt", "time"] }
TOML
cat >"$work/src/main.rs" <<'RUST'
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;

/// Two items, and an error after this time; `None`: at once.
fn body(pause: Option<Duration>) -> Body {
    let items = stream::iter(["one ", "two "]).map(Ok::<_, io::Error>);
    let error = stream::once(async move {
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        Err(io::Error::other("the upstream broke"))
    });
    Body::from_stream(items.chain(error))
}

async fn say(what: &str, client: reqwest::Client, url: String) {
    match client.get(url).send().await {
        Err(_) => println!("{what}: no head, an error"),
        Ok(mut response) => {
            let mut seen = String::new();
            let end = loop {
                match response.chunk().await {
                    Ok(Some(chunk)) => seen.push_str(&String::from_utf8_lossy(&chunk)),
                    Ok(None) => break "the end",
                    Err(_) => break "an error",
                }
            };
            println!("{what}: {}, {seen:?}, {end}", response.status().as_u16());
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let routes = Router::new()
        .route("/at-once", get(async || body(None)))
        .route("/later", get(async || body(Some(Duration::from_millis(200)))));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let client = || reqwest::Client::builder().no_proxy();
    for (name, client) in
        [("HTTP/1.1", client().build()), ("HTTP/2", client().http2_prior_knowledge().build())]
    {
        let client = client.expect("a client");
        for (what, route) in [("an error 200 ms after the items", "/later"), ("an error at once", "/at-once")] {
            say(&format!("{name}, {what}"), client.clone(), format!("{url}{route}")).await;
        }
    }
}
RUST
cat >"$work/expected" <<'TEXT'
HTTP/1.1, an error 200 ms after the items: 200, "one two ", an error
HTTP/1.1, an error at once: no head, an error
HTTP/2, an error 200 ms after the items: 200, "one two ", an error
HTTP/2, an error at once: no head, an error
TEXT
CARGO_TARGET_DIR=$work/target cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "hyper-body-error: it has changed" >&2
    exit 1
fi
echo "as told: hyper 1.12.0, axum 0.8.9, reqwest 0.13.5"
