#!/usr/bin/env bash
# rustc 1.95.0: a method is chosen without a look at lifetimes, so a fallback method does not catch
# what is not `'static`.
#
# A guess: two methods have one name, an inherent one for `E: Error + 'static` and one of a trait
# for everything. The second is taken whenever the first does not apply. Macros choose by traits in
# this way ("autoref specialization").
#
# What happens: for a type that is no error the fallback is taken. For an error that borrows for
# `'a`, the bound `Error` holds and `'static` is not asked, so the inherent method is chosen. The
# borrow checker then refuses the call, although the fallback would do: called by its own name, it
# compiles.
#
# Why it matters: code that a macro emits for any type cannot choose by `'static`. Users whose types
# borrow do not get the fallback. They get an error about lifetimes, and the code that it is about
# is not theirs. So the method that is tried first has to do without `'static`, and with that
# without `downcast_ref`.
#
# Seen:
#   'static error: inherent
#   no error: fallback
#   borrowing error, fallback by name: fallback
#   borrowing error, by choice: refused with E0521, borrowed data escapes outside of function
#
# Needs rustc 1.95.0 (by rustup, or as `rustc`). Ends with 1 when the output is another one.
set -euo pipefail
export RUSTUP_TOOLCHAIN=1.95.0
if ! rustc --version | grep -q '^rustc 1\.95\.0 '; then
    echo "rustc-method-choice-lifetimes: it needs rustc 1.95.0" >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/common.rs" <<'RUST'
use std::error::Error;
use std::fmt;

struct Choice<'v, T>(&'v T);

impl<E: Error + 'static> Choice<'_, E> {
    fn chosen(&self) -> &'static str {
        "inherent"
    }
}

trait Fallback {
    fn chosen(&self) -> &'static str;
}

impl<T> Fallback for Choice<'_, T> {
    fn chosen(&self) -> &'static str {
        "fallback"
    }
}

#[derive(Debug)]
struct Borrowing<'a>(&'a str);

impl fmt::Display for Borrowing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Borrowing<'_> {}
RUST
cat "$work/common.rs" - >"$work/accepted.rs" <<'RUST'
fn by_name(text: &str) -> &'static str {
    Fallback::chosen(&Choice(&Borrowing(text)))
}

fn main() {
    println!("'static error: {}", Choice(&Borrowing("a text that lives on")).chosen());
    println!("no error: {}", Choice(&1_u8).chosen());
    println!("borrowing error, fallback by name: {}", by_name(&String::from("text")));
}
RUST
cat "$work/common.rs" - >"$work/refused.rs" <<'RUST'
fn by_choice(text: &str) -> &'static str {
    Choice(&Borrowing(text)).chosen()
}

fn main() {
    println!("{}", by_choice(&String::from("text")));
}
RUST

cat >"$work/expected" <<'TEXT'
'static error: inherent
no error: fallback
borrowing error, fallback by name: fallback
borrowing error, by choice: refused with E0521, borrowed data escapes outside of function
TEXT
{
    rustc --edition 2024 --cap-lints allow -o "$work/accepted" "$work/accepted.rs"
    "$work/accepted"
    if rustc --edition 2024 --cap-lints allow -o "$work/refused" "$work/refused.rs" 2>"$work/message"; then
        echo "borrowing error, by choice: $("$work/refused")"
    else
        sed -n 's/^error\[\(E[0-9]*\)\]: /borrowing error, by choice: refused with \1, /p' "$work/message"
    fi
} >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    cat "$work/message" >&2
    echo "rustc-method-choice-lifetimes: it has changed" >&2
    exit 1
fi
echo "as told: rustc 1.95.0"
