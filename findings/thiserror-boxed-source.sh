#!/usr/bin/env bash
# thiserror 2.0.21 (and std's `Error`): a source in a `Box` or an `Arc` can no longer be found by
# its type.
#
# A guess: `#[source] Box<Lower>` gives the same chain as `#[source] Lower`, since a box is only
# where the error lies.
#
# What happens: `Box<T>` and `Arc<T>` are errors themselves, so the link of the chain is the box.
# Its `source()` is the one of the error inside, so the chain goes on behind that error.
# `downcast_ref::<Lower>()` is `None` at every link, while the error below is still found. All texts
# stay as they were, so a log shows no difference. The containers differ: `Box<dyn Error>` is no
# error itself and is looked through, `Arc<dyn Error>` is not. No type that is kept in an `Arc` can
# be found, unless the caller names the whole container:
# `downcast_ref::<Arc<dyn Error + Send + Sync>>()`.
#
# Why it matters: clippy's `result_large_err` suggests boxing a large field. It compiles, and keeps
# every message and the length of every chain. But it ends each decision that asks for the type:
# retries, status codes, what counts as a failure. Code that walks chains has to ask for `T`,
# `Box<T>` and `Arc<T>`.
#
# Seen (the field; the length of the chain; whether `Lower` is found, then the error below it; its
# texts):
#   Lower         3 links  Lower true   Lowest true   upper / lower / lowest
#   Box<Lower>    3 links  Lower false  Lowest true   upper / lower / lowest
#   Box<dyn>      3 links  Lower true   Lowest true   upper / lower / lowest
#   Arc<Lower>    3 links  Lower false  Lowest true   upper / lower / lowest
#   Arc<dyn>      3 links  Lower false  Lowest true   upper / lower / lowest
#   as containers: Box<Lower> true, Arc<Lower> true, Arc<dyn> true
#
# Needs cargo and a registry of crates. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "boxed-source"
version = "0.0.0"
edition = "2024"

[dependencies]
thiserror = "=2.0.21"
TOML
cat >"$work/src/main.rs" <<'RUST'
use std::error::Error;
use std::sync::Arc;

type BoxedDyn = Box<dyn Error + Send + Sync>;
type SharedDyn = Arc<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
#[error("lowest")]
struct Lowest;

#[derive(Debug, thiserror::Error)]
#[error("lower")]
struct Lower(#[source] Lowest);

#[derive(Debug, thiserror::Error)]
#[error("upper")]
enum Upper {
    Plain(#[source] Lower),
    Boxed(#[source] Box<Lower>),
    BoxedDyn(#[source] BoxedDyn),
    Shared(#[source] Arc<Lower>),
    SharedDyn(#[source] SharedDyn),
}

fn chain<'a>(first: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    std::iter::successors(Some(first), |error| (*error).source()).collect()
}

fn has<T: Error + 'static>(error: &Upper) -> bool {
    chain(error).iter().any(|link| link.downcast_ref::<T>().is_some())
}

fn show(field: &str, error: &Upper) {
    let texts: Vec<String> = chain(error).iter().map(ToString::to_string).collect();
    let (lower, lowest) = (has::<Lower>(error), has::<Lowest>(error));
    println!("{field:<13} {} links  Lower {lower:<6} Lowest {lowest:<6} {}", texts.len(), texts.join(" / "));
}

fn main() {
    let lower = || Lower(Lowest);
    let boxed = Upper::Boxed(Box::new(lower()));
    let shared = Upper::Shared(Arc::new(lower()));
    let shared_dyn = Upper::SharedDyn(Arc::new(lower()));
    show("Lower", &Upper::Plain(lower()));
    show("Box<Lower>", &boxed);
    show("Box<dyn>", &Upper::BoxedDyn(Box::new(lower())));
    show("Arc<Lower>", &shared);
    show("Arc<dyn>", &shared_dyn);
    let (boxed, shared) = (has::<Box<Lower>>(&boxed), has::<Arc<Lower>>(&shared));
    println!("as containers: Box<Lower> {boxed}, Arc<Lower> {shared}, Arc<dyn> {}", has::<SharedDyn>(&shared_dyn));
}
RUST

cat >"$work/expected" <<'TEXT'
Lower         3 links  Lower true   Lowest true   upper / lower / lowest
Box<Lower>    3 links  Lower false  Lowest true   upper / lower / lowest
Box<dyn>      3 links  Lower true   Lowest true   upper / lower / lowest
Arc<Lower>    3 links  Lower false  Lowest true   upper / lower / lowest
Arc<dyn>      3 links  Lower false  Lowest true   upper / lower / lowest
as containers: Box<Lower> true, Arc<Lower> true, Arc<dyn> true
TEXT
CARGO_TARGET_DIR=$work/target cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "thiserror-boxed-source: it has changed" >&2
    exit 1
fi
echo "as told: thiserror 2.0.21"
