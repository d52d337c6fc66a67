# shellcheck shell=bash
# What takes hours. No limit of a machine's time is kept.

# Cases of each model, twenty times as many as `scripts/test all` has.
cases=1000000
# How many seeds the soaks and the storms of threads have.
rounds=20

test_long() {
    need_rust
    need_servers
    need_llm_programs
    PROPTEST_CASES=$cases in_one_set test --test model --test nesting_model
    soaks
    # Every order of the racing threads' steps.
    step scripts/loom
    # Every line of both crates.
    step scripts/coverage
    # Looks for new inputs; it may write to fuzz/corpus.
    step scripts/fuzz
    # What an annotated function costs to compile.
    step scripts/bench-compile
    step scripts/other-systems all
    step scripts/load full
    step scripts/load hang
    step scripts/llm-table all
}

# Each round has a seed of its own, and threads meet in other orders.
soaks() {
    local round
    for ((round = 1; round <= rounds; round++)); do
        TEST_SEED=$round in_one_set test --test soak --test stress --test liveness
    done
}
