# shellcheck shell=bash
# What a newcomer and a developer run. It has to work with the bash 3.2 of macOS.

test_short() {
    need_rust
    check_texts
    # The default tree of breaker-core stays small, and the README has the numbers of the features.
    step scripts/bench-compile crates
    in_one_set clippy --all-targets -- -D warnings
    run_tests
    run_examples
}

check_texts() {
    step check_format
    if has python3; then
        step python3 scripts/lib/prose_test.py
        step python3 scripts/lib/workflow_commands_test.py
        step scripts/prose
        step scripts/prose --sentences --strict
        step scripts/pictures --check
    else
        skip "scripts/prose and scripts/pictures, which need python3"
    fi
    step scripts/bench check
}

# Each workspace of the repository: ours, and those of the annotated services.
check_format() {
    local manifest
    git ls-files '*Cargo.toml' | while read -r manifest; do
        if grep -q '^\[workspace\]' "$manifest"; then
            cargo fmt --all --check --manifest-path "$manifest" || return
        fi
    done
}

# Tests of core, macros, axum, tower and of their behaviour. A wrong body must give the same error
# in every run, so trybuild compares with the pinned toolchain's words.
run_tests() {
    local tests
    # The models come below, with fewer cases. Some tests start the examples, so they come first.
    tests=$(tests_in breaker-axum/tests breaker-tower/tests tests/tests)
    tests=${tests/--test model /}
    tests=${tests/--test nesting_model /}
    in_one_set build --example quickstart --example reload --example assistant \
        --example code_search
    # shellcheck disable=SC2086
    UI_EVERY=10 in_one_set test --lib $tests
    PROPTEST_CASES=5000 in_one_set test --test model --test nesting_model
    in_one_set test --doc
}

run_examples() {
    step "$target/debug/examples/quickstart"
    step "$target/debug/examples/reload"
    search_on_sqlite
    # An outage of three seconds, until the breaker has closed again.
    step "$target/debug/examples/assistant" --seconds 3 --until-recovery
}
