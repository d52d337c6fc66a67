# shellcheck shell=bash
# What a machine checks after `scripts/test`. It does not repeat what that did.

editions=(breaker-edition-2015 breaker-edition-2018 breaker-edition-2021 breaker-edition-2024 breaker-renamed)

test_all() {
    need_rust
    need_servers
    need_llm_programs
    step scripts/each-feature
    rest_of_the_one_set
    other_sets
    guards
    as_users_get_it
    as_people_run_it
    habits
}

# What `scripts/test` has built, and runs only in part or not at all.
rest_of_the_one_set() {
    in_one_set test --test ui --test model --test nesting_model
    in_one_set test --test assistant --test tokens --test real --test prometheus --test code_search
}

other_sets() {
    local tests
    # The default features, on the clock that users have.
    step cargo test -q -p breaker-core
    step cargo test -q -p breaker-core --features reqwest-0-12,reqwest-0-13 --test https_without_tls
    # All features, and each preset with the real client before a real server.
    tests=$(tests_in tests/clients/tests)
    # shellcheck disable=SC2086
    step cargo test -q -p breaker-core -p breaker-clients --all-features --lib $tests
    step cargo test -q -p breaker-core -p breaker-clients --all-features --doc
    # The page in a real browser; other circuit breakers; the cases of the benches; each edition.
    local small=(-p breaker-browser -p breaker-compare -p breaker-benches -p breaker-servers)
    local edition
    for edition in "${editions[@]}"; do
        small+=(-p "$edition")
    done
    step cargo test -q "${small[@]}"
    # Replays what the fuzzer has kept.
    step cargo test -q -p breaker-fuzz
}

guards() {
    # All orders take minutes (`scripts/loom` alone); with three interruptions of a thread, seconds.
    step env LOOM_MAX_PREEMPTIONS=3 scripts/loom
    step scripts/check-cost
    # Each line of the machine and of what stands around it; all lines take minutes.
    step scripts/coverage short
}

as_users_get_it() {
    # Each package alone, with other versions than ours.
    step scripts/packages
    # Services that were annotated, through an outage; with PostgreSQL.
    step scripts/adoption
    # The pages with the features' badges, which docs.rs makes with a nightly compiler.
    step env RUSTC_BOOTSTRAP=1 RUSTDOCFLAGS="--cfg docsrs -D warnings" \
        cargo doc -q --no-deps -p breaker-core -p breaker-macros
    step env RUSTDOCFLAGS="-D warnings" cargo doc -q --no-deps -p breaker-axum -p breaker-tower --all-features
}

# In the set of features that `cargo run --example` has, for which the package may not be named.
as_people_run_it() {
    step cargo build -q --examples
    step cargo run -q --example quickstart
    # What users get at LLM servers that work, and at some that answer nobody.
    if [[ -e target/tools/llama/installed ]]; then
        step scripts/llm-table
    fi
    # The assistant under load, through a short outage.
    step scripts/load short
    # The story has a minute; `timeout` ends it, should it ever hang.
    step timeout 120 cargo run -q --example assistant
}

# What contributors and releases rely on.
habits() {
    if python3 -c 'import ensurepip, venv' 2>/dev/null; then
        step scripts/workflows
    else
        skip "scripts/workflows, which needs Python with venv"
    fi
    step_or_skip "scripts/other-systems, for which rustup has no target" scripts/other-systems
    step scripts/dependencies
    step scripts/semver
}
