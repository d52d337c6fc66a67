#!/usr/bin/env bash
# aws-sdk-s3 1.157.0: one endpoint that fails takes the retries from every other client of the
# process.
#
# A guess: retries are settings of a client. A new client begins with all of its retries, and a
# client for another endpoint has nothing to do with the first one's.
#
# What happens: the tokens that pay for retries are kept in a table of the process, by service and
# region. Neither the client nor its configuration nor its endpoint is part of the key. Once one
# endpoint (a private store that speaks S3, say) has failed often enough, a new client makes each
# call once. It does so at a healthy endpoint too. A single 500 there reaches the caller. A client
# with another region still has its three attempts. Nothing in the error says that retries were left
# out.
#
# Why it matters: a service may read from S3 and from a store of its own under the same region. When
# one fails, it loses its retries at both. A test of retries fails in a process where another test
# has spent them. A partition of one's own (`retry_partition`) keeps them apart.
#
# Seen (attempts of each call; every answer is a 500):
#   first client: 3 for 25 calls, then 1
#   another client, same region, another endpoint: 1
#   another client, another region, the first endpoint: 3
#   another client, same region, a retry partition of its own: 3
#
# Needs cargo, a registry of crates and a C compiler. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "aws-sdk-retry-quota"
version = "0.0.0"
edition = "2024"

[dependencies]
aws-sdk-s3 = { version = "=1.157.0", default-features = false, features = ["behavior-version-latest", "http-1x", "rt-tokio"] }
aws-smithy-http-client = { version = "=1.5.2", default-features = false, features = ["default-client"] }
tokio = { version = "=1.54.1", features = ["macros", "net", "io-util", "rt", "time"] }
TOML
cat >"$work/src/main.rs" <<'RUST'
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_s3::{Client, Config};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// An endpoint whose every answer is a 500, and how many requests it had.
async fn endpoint() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (port, requests) = (listener.local_addr().expect("bound").port(), Arc::new(AtomicUsize::new(0)));
    let count = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = count.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while let Ok(byte) = stream.read_u8().await {
                    head.push(byte);
                    if head.ends_with(b"\r\n\r\n") {
                        head.clear();
                        count.fetch_add(1, Ordering::SeqCst);
                        let answer = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
                        if stream.write_all(answer).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    (port, requests)
}

fn config(port: u16, region: &'static str) -> Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(Credentials::new("id", "secret", None, None, "none"))
        .region(Region::new(region))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .force_path_style(true)
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
}

async fn attempts(client: &Client, requests: &AtomicUsize) -> usize {
    let before = requests.load(Ordering::SeqCst);
    let _ = client.get_object().bucket("b").key("k").send().await;
    requests.load(Ordering::SeqCst) - before
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (first, at_first) = endpoint().await;
    let (second, at_second) = endpoint().await;
    let client = Client::from_conf(config(first, "eu-central-1").build());
    let mut whole = 0;
    let last = loop {
        match attempts(&client, &at_first).await {
            3 if whole < 1_000 => whole += 1,
            other => break other,
        }
    };
    println!("first client: 3 for {whole} calls, then {last}");
    let other = Client::from_conf(config(second, "eu-central-1").build());
    println!("another client, same region, another endpoint: {}", attempts(&other, &at_second).await);
    let far = Client::from_conf(config(first, "eu-west-1").build());
    println!("another client, another region, the first endpoint: {}", attempts(&far, &at_first).await);
    let apart = config(second, "eu-central-1").retry_partition(RetryPartition::new("apart")).build();
    let apart = Client::from_conf(apart);
    println!("another client, same region, a retry partition of its own: {}", attempts(&apart, &at_second).await);
}
RUST

cat >"$work/expected" <<'TEXT'
first client: 3 for 25 calls, then 1
another client, same region, another endpoint: 1
another client, another region, the first endpoint: 3
another client, same region, a retry partition of its own: 3
TEXT
CARGO_TARGET_DIR=$work/target cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "aws-sdk-retry-quota: it has changed" >&2
    exit 1
fi
echo "as told: aws-sdk-s3 1.157.0"
