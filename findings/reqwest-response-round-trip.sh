#!/usr/bin/env bash
# reqwest 0.13.5: a response that is made an `http::Response` and a `reqwest::Response` again has
# another URL, `http://no.url.provided.local/`, and says it in its errors.
#
# A guess: the two conversions are one another's inverse, as the comment in reqwest says. A layer
# that puts a body of its own into a response loses nothing. If the URL could not be kept, there
# would be none.
#
# What happens: the way to `http::Response` drops the URL. The way back looks for one that the
# caller has put there (`ResponseBuilderExt::url`), and makes one up if there is none. All else
# stays: the status, the headers, the remote address, and that the error of a body is one of a
# timeout.
#
# Why it matters: `error_for_status` and the errors of a body name a host that was never asked, in
# logs and alerts. A relative link of a page leads there too. What helps: take the URL first, put it
# on a `http::response::Builder`, and move its extensions into the response.
#
# Seen:
#   as it came: url http://127.0.0.1:PORT/here, error "HTTP status server error (503 Service Unavailable) for url (http://127.0.0.1:PORT/here)"
#   there and back: url http://no.url.provided.local/, error "HTTP status server error (503 Service Unavailable) for url (http://no.url.provided.local/)"
#   the remote address after that: the same
#
# Needs cargo and a registry of crates. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "reqwest-response-round-trip"
version = "0.0.0"
edition = "2024"

[dependencies]
http = "=1.5.0"
reqwest = { version = "=0.13.5", default-features = false }
tokio = { version = "=1.54.1", features = ["macros", "net", "io-util", "rt"] }
TOML
cat >"$work/src/main.rs" <<'RUST'
use reqwest::{Body, Client, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// An endpoint whose every answer is a 503.
async fn endpoint() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while let Ok(byte) = stream.read_u8().await {
                    head.push(byte);
                    if head.ends_with(b"\r\n\r\n") {
                        head.clear();
                        let answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
                        if stream.write_all(answer).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    port
}

fn say(what: &str, port: u16, response: Response) {
    let url = response.url().to_string();
    let error = response.error_for_status().expect_err("a 503").to_string();
    println!("{}", format!("{what}: url {url}, error {error:?}").replace(&port.to_string(), "PORT"));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port = endpoint().await;
    let client = Client::builder().no_proxy().build().expect("a client");
    let ask = async || client.get(format!("http://127.0.0.1:{port}/here")).send().await.expect("an answer");
    say("as it came", port, ask().await);
    let response = ask().await;
    let address = response.remote_addr();
    let response = Response::from(http::Response::<Body>::from(response));
    let same = response.remote_addr() == address && address.is_some();
    say("there and back", port, response);
    println!("the remote address after that: {}", if same { "the same" } else { "another" });
}
RUST
cat >"$work/expected" <<'TEXT'
as it came: url http://127.0.0.1:PORT/here, error "HTTP status server error (503 Service Unavailable) for url (http://127.0.0.1:PORT/here)"
there and back: url http://no.url.provided.local/, error "HTTP status server error (503 Service Unavailable) for url (http://no.url.provided.local/)"
the remote address after that: the same
TEXT
CARGO_TARGET_DIR=$work/target cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "reqwest-response-round-trip: it has changed" >&2
    exit 1
fi
echo "as told: reqwest 0.13.5"
