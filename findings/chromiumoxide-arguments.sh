#!/usr/bin/env bash
# chromiumoxide 0.9.1: an argument for the browser replaces none of the library's own, however it is
# spelled.
#
# A guess: `BrowserConfig::builder().arg("--lang=de")`, written as on a command line, starts the
# browser with `--lang=de`.
#
# What happens: a string is taken as the name of an argument as it stands, and `--` is put before
# it.
#   "--lang=de"     becomes `----lang=de`, which Chromium does not heed
#   "lang=de"       becomes `--lang=de`, beside the library's own `--lang=en_US`
#   ("lang", "de")  is joined to the library's own: `--lang=en_US,de`
# So `"--remote-debugging-port=9333"` does not choose the port either: the library sees no such name
# and adds port 0. A pair gives what was meant where the library has no such argument itself, or
# with `disable_default_args`. The arguments come out of a `HashMap`. So which of two with one name
# is the last differs from start to start. Of sixty starts with "lang=de", some end with the one and
# some with the other.
#
# Why it matters: nothing fails and nothing is logged. A test that relies on the browser's language,
# or on a feature that is turned off, runs with the usual ones. With the second spelling it does so
# only sometimes, since Chromium uses the last of two switches.
#
# Seen, of the arguments that a program in the browser's place gets (sorted):
#   arg("--lang=de"): ----lang=de --lang=en_US
#   arg("lang=de"): --lang=de --lang=en_US
#   arg(("lang", "de")): --lang=en_US,de
#   arg(("lang", "de")) without the library's own: --lang=de
#   arg("--remote-debugging-port=9333"): ----remote-debugging-port=9333 --remote-debugging-port=0
#   arg(("remote-debugging-port", "9333")): --remote-debugging-port=9333
#   arg("lang=de"), the last of both in sixty starts: --lang=de, --lang=en_US
#
# Needs cargo and a registry of crates, but no browser. Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "arguments"
version = "0.0.0"
edition = "2024"

[dependencies]
chromiumoxide = { version = "=0.9.1", default-features = false }
tokio = { version = "=1.54.1", features = ["macros", "rt"] }

[profile.dev]
debug = false
TOML
cat >"$work/src/main.rs" <<'RUST'
use chromiumoxide::browser::{BrowserConfig, BrowserConfigBuilder};
use std::{collections::BTreeSet, env, error::Error, fs};

/// The arguments of this name, with any number of dashes, in the order in which a browser would get them.
async fn given(name: &str, builder: BrowserConfigBuilder) -> Result<Vec<String>, Box<dyn Error>> {
    let (program, file) = (env::var("PROGRAM")?, env::var("FILE")?);
    let ended = builder.chrome_executable(program).build()?.launch()?.wait().await?;
    assert!(ended.success());
    let text = fs::read_to_string(file)?;
    let named = |line: &&str| line.trim_start_matches('-').split('=').next() == Some(name);
    Ok(text.lines().filter(named).map(String::from).collect())
}

async fn show(title: &str, name: &str, builder: BrowserConfigBuilder) -> Result<(), Box<dyn Error>> {
    let mut seen = given(name, builder).await?;
    seen.sort_unstable();
    println!("{title}: {}", seen.join(" "));
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let new = BrowserConfig::builder;
    show(r#"arg("--lang=de")"#, "lang", new().arg("--lang=de")).await?;
    show(r#"arg("lang=de")"#, "lang", new().arg("lang=de")).await?;
    let pair = ("lang", "de");
    show(r#"arg(("lang", "de"))"#, "lang", new().arg(pair)).await?;
    show(r#"arg(("lang", "de")) without the library's own"#, "lang", new().disable_default_args().arg(pair)).await?;
    let (name, text) = ("remote-debugging-port", "--remote-debugging-port=9333");
    show(r#"arg("--remote-debugging-port=9333")"#, name, new().arg(text)).await?;
    show(r#"arg(("remote-debugging-port", "9333"))"#, name, new().arg((name, "9333"))).await?;
    let mut last = BTreeSet::new();
    for _ in 0..60 {
        last.extend(given("lang", new().arg("lang=de")).await?.pop());
    }
    let last: Vec<String> = last.into_iter().collect();
    println!(r#"arg("lang=de"), the last of both in sixty starts: {}"#, last.join(", "));
    Ok(())
}
RUST
cat >"$work/browser" <<'PROGRAM'
#!/bin/sh
printf '%s\n' "$@" >"$FILE"
PROGRAM
chmod +x "$work/browser"

cat >"$work/expected" <<'TEXT'
arg("--lang=de"): ----lang=de --lang=en_US
arg("lang=de"): --lang=de --lang=en_US
arg(("lang", "de")): --lang=en_US,de
arg(("lang", "de")) without the library's own: --lang=de
arg("--remote-debugging-port=9333"): ----remote-debugging-port=9333 --remote-debugging-port=0
arg(("remote-debugging-port", "9333")): --remote-debugging-port=9333
arg("lang=de"), the last of both in sixty starts: --lang=de, --lang=en_US
TEXT
CARGO_TARGET_DIR=$work/target cargo build --quiet --manifest-path "$work/Cargo.toml"
PROGRAM=$work/browser FILE=$work/arguments "$work/target/debug/arguments" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "chromiumoxide-arguments: it has changed" >&2
    exit 1
fi
echo "as told: chromiumoxide 0.9.1"
