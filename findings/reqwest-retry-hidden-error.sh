#!/usr/bin/env bash
# reqwest-middleware 0.5.2, reqwest-retry 0.9.1: with retries, no error says any more that it is one
# of a timeout or of connecting. The error of reqwest is nowhere in its chain of sources.
#
# A guess: an error of reqwest-middleware has the predicates of reqwest's (`is_timeout()`,
# `is_connect()`). They answer the same with the retries in the client. Whoever walks the sources
# finds the `reqwest::Error`.
#
# What happens: the retries pass each error on as one of a middleware, also one that they have not
# repeated. Of such an error all predicates are false, and `status()` and `url()` are `None`. Both
# errors are `transparent`: they show the text of the error inside, and skip it among the sources.
# So a search of the chain for a `reqwest::Error` finds none, even in a client without any
# middleware. Nor does it find the error that a middleware of one's own has returned. After a retry,
# the chain has an error of reqwest-middleware, which has to be matched again.
#
# Why it matters: code may answer 504 to a timeout and 502 to the rest. With the retries added it
# answers 502 to all. The rejection of a circuit breaker is not found either. What helps: match
# `Error::Middleware`, take the `RetryError` out of it by `downcast_ref`, and match the error inside
# of that. An error of one's own middleware needs another one around it, whose `source()` it is.
#
# Seen (nothing listens at the port; `found` looks for a reqwest::Error among all sources):
#   no middleware: is_connect true, found false
#   retries, none left: is_connect false, found false
#   retries, all used: is_connect false, found false
#   an error of a middleware of one's own: found among the sources false, by downcast true
#
# Needs cargo and a registry of crates. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "reqwest-retry-hidden-error"
version = "0.0.0"
edition = "2024"

[dependencies]
async-trait = "=0.1.92"
http = "=1.5.0"
reqwest = { version = "=0.13.5", default-features = false }
reqwest-middleware = { version = "=0.5.2", default-features = false }
reqwest-retry = { version = "=0.9.1", default-features = false }
tokio = { version = "=1.54.1", features = ["macros", "net", "rt", "time"] }
TOML
cat >"$work/src/main.rs" <<'RUST'
use http::Extensions;
use reqwest::{Client, Request, Response};
use reqwest_middleware::{ClientBuilder, Error, Middleware, Next, Result};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use std::error::Error as _;
use std::fmt;
use std::net::TcpListener;
use std::time::Duration;

fn client() -> ClientBuilder {
    ClientBuilder::new(Client::builder().no_proxy().build().expect("a client"))
}

fn retries(most: u32) -> RetryTransientMiddleware<ExponentialBackoff> {
    let at_once = Duration::from_millis(1);
    let policy = ExponentialBackoff::builder().retry_bounds(at_once, at_once).build_with_max_retries(most);
    RetryTransientMiddleware::new_with_policy(policy)
}

/// Whether one of its sources is of this type.
fn found<E: std::error::Error + 'static>(error: &Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if error.is::<E>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// An error that is found by its type.
#[derive(Debug)]
struct Own;

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the caller's")
    }
}

impl std::error::Error for Own {}

struct Fails;

#[async_trait::async_trait]
impl Middleware for Fails {
    async fn handle(&self, _: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        Err(Error::middleware(Own))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Nothing listens once it is dropped.
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let url = format!("http://127.0.0.1:{port}/");
    for (what, client) in [
        ("no middleware", client().build()),
        ("retries, none left", client().with(retries(0)).build()),
        ("retries, all used", client().with(retries(2)).build()),
    ] {
        let error = client.get(&url).send().await.expect_err("nothing listens");
        println!("{what}: is_connect {}, found {}", error.is_connect(), found::<reqwest::Error>(&error));
    }
    let error = client().with(Fails).build().get(&url).send().await.expect_err("it fails");
    let Error::Middleware(inside) = &error else { unreachable!("a middleware failed") };
    let by_type = inside.downcast_ref::<Own>().is_some();
    println!("an error of a middleware of one's own: found among the sources {}, by downcast {by_type}", found::<Own>(&error));
}
RUST
cat >"$work/expected" <<'TEXT'
no middleware: is_connect true, found false
retries, none left: is_connect false, found false
retries, all used: is_connect false, found false
an error of a middleware of one's own: found among the sources false, by downcast true
TEXT
CARGO_TARGET_DIR=$work/target cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "reqwest-retry-hidden-error: it has changed" >&2
    exit 1
fi
echo "as told: reqwest-middleware 0.5.2, reqwest-retry 0.9.1"
