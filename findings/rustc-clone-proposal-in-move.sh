#!/usr/bin/env bash
# rustc 1.95.0: inside of anything that is `move`, no clone is proposed for a moved value, not even
# for one that was never captured.
#
# A guess: rustc leaves out the proposal "consider cloning the value" where a clone could not help.
# An example is a value that a `move` closure has captured. For the closure's own arguments and
# locals the message is the one of a plain function.
#
# What happens: the word `move` on any closure or async block around the code is enough. Take the
# same two lines, about an argument of the closure itself. In a plain function and in a closure
# without `move` their error has the proposal. In a `move` closure and in an `async move` block it
# has none. Error code, label and place are the same in all of them.
#
# Why it matters: attribute macros put the user's body into a closure or an async block, mostly a
# `move` one. Users then lose the fix-it that their editor would apply, and nothing in the message
# says why. A macro keeps the proposal for synchronous bodies by giving the arguments to a closure
# as its own, without `move`.
#
# Seen (where the value is used twice: the error, and whether a clone is proposed):
#   plain function: E0382, proposed
#   argument of a closure: E0382, proposed
#   argument of a move closure: E0382, not proposed
#   local of an async move block: E0382, not proposed
#
# Needs rustc 1.95.0 (by rustup, or as `rustc`). Ends with 1 when the output is another one.
set -euo pipefail
export RUSTUP_TOOLCHAIN=1.95.0
if ! rustc --version | grep -q '^rustc 1\.95\.0 '; then
    echo "rustc-clone-proposal-in-move: it needs rustc 1.95.0" >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Output: what rustc says of a function with this body
told() {
    local name=$1 body=$2 code proposed
    printf 'fn main() { whole(String::new()); }\nfn take(_: String) {}\nfn whole(text: String) { %s }\n' "$body" >"$work/case.rs"
    if rustc --edition=2024 --emit=metadata --out-dir "$work" "$work/case.rs" 2>"$work/case.txt"; then
        echo "$name: compiles"
        return
    fi
    code=$(sed -nE 's/^error\[(E[0-9]+)\].*/\1/p' "$work/case.txt" | sort -u | paste -sd ' ')
    proposed=proposed
    grep -q 'consider cloning the value' "$work/case.txt" || proposed='not proposed'
    echo "$name: $code, $proposed"
}

{
    told 'plain function' 'take(text); take(text);'
    told 'argument of a closure' 'let twice = |own: String| { take(own); take(own); }; twice(text);'
    told 'argument of a move closure' 'let twice = move |own: String| { take(own); take(own); }; twice(text);'
    told 'local of an async move block' 'drop(async move { let own = text; take(own); take(own); });'
} >"$work/seen"
cat >"$work/expected" <<'TEXT'
plain function: E0382, proposed
argument of a closure: E0382, proposed
argument of a move closure: E0382, not proposed
local of an async move block: E0382, not proposed
TEXT
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "rustc-clone-proposal-in-move: it has changed" >&2
    exit 1
fi
echo "as told: rustc 1.95.0"
