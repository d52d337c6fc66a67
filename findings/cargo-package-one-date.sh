#!/usr/bin/env bash
# cargo 1.95.0: a package that is unpacked over another one is not built again, since all files of
# all packages have one date.
#
# A guess: `tar` unpacks a `.crate` over the sources of an earlier one. Cargo compares the dates of
# sources, so the new ones are new to it.
#
# What happens: `cargo package` gives every file the same date, in 2006, so that packages are
# reproducible, and `tar` restores it. It is older than whatever was built, so `cargo check` takes
# the new sources for built, says so, and succeeds on code that does not compile. Unpacked with
# `tar -m`, which leaves the date out, the same sources are checked.
#
# Why it matters: scripts that build from packages, as to test what users get, keep their target
# directory between runs to be fast. Such a script is green for ever after its first run. `touch`,
# `tar -m` or an own directory for each package's checksum avoids it.
#
# Seen:
#   date of the files: 2006-07-24
#   good sources: checks
#   wrong sources, by tar: checks
#   wrong sources, by tar -m: E0308
#
# Needs cargo 1.95.0 (by rustup, or as `cargo`). Ends with 1 when the output is another one.
set -euo pipefail
export RUSTUP_TOOLCHAIN=1.95.0 TZ=UTC
if ! cargo --version | grep -q '^cargo 1\.95\.0 '; then
    echo "cargo-package-one-date: it needs cargo 1.95.0" >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/one/src" "$work/unpacked"
printf '[package]\nname = "one"\nversion = "1.0.0"\nedition = "2021"\nlicense = "MIT"\ndescription = "one"\n\n[workspace]\n' >"$work/one/Cargo.toml"

# Input:  the body of a function, and flags of tar
# Effect: a package with it, unpacked over the last one
unpack() {
    local body=$1
    shift
    printf 'pub fn one() -> u32 { %s }\n' "$body" >"$work/one/src/lib.rs"
    (cd "$work/one" && cargo package -q --no-verify --allow-dirty --offline 2>/dev/null)
    tar xzf "$work/one/target/package/one-1.0.0.crate" -C "$work/unpacked" --strip-components 1 "$@"
    grep -q '^\[workspace\]' "$work/unpacked/Cargo.toml" || printf '\n[workspace]\n' >>"$work/unpacked/Cargo.toml"
    touch -d 2006-07-24 "$work/unpacked/Cargo.toml"
}

# Output: whether cargo finds a mistake
checked() {
    local code=checks
    (cd "$work/unpacked" && cargo check -q --offline 2>"$work/errors") ||
        code=$(sed -nE 's/^error\[(E[0-9]+)\].*/\1/p' "$work/errors" | sort -u | paste -sd ' ')
    echo "$1: $code"
}

{
    unpack 1
    echo "date of the files: $(date -r "$work/unpacked/src/lib.rs" +%F)"
    checked 'good sources'
    unpack '"one"'
    checked 'wrong sources, by tar'
    unpack '"one"' -m
    checked 'wrong sources, by tar -m'
} >"$work/seen"
cat >"$work/expected" <<'TEXT'
date of the files: 2006-07-24
good sources: checks
wrong sources, by tar: checks
wrong sources, by tar -m: E0308
TEXT
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "cargo-package-one-date: it has changed" >&2
    exit 1
fi
echo "as told: cargo 1.95.0"
