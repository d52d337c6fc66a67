# shellcheck shell=bash
# The packages and features that `scripts/test` builds, always the same, so that nothing is compiled
# twice. Cargo unifies the features of all packages that a command names, and builds a dependency
# again where they differ.

one_set=()
for package in breaker-core breaker-macros breaker-axum breaker-tower breaker-tests breaker-examples breaker-code-search; do
    one_set+=(-p "$package")
done
one_set+=(--features "breaker-axum/axum-0-7,breaker-examples/virtual-time")

# Where cargo puts programs.
target=${CARGO_TARGET_DIR:-target}

# `in_one_set clippy --all-targets`: a cargo command on that set. The debug information is what
# Cargo.toml says; trybuild compiles in a workspace of its own, which would have all of it: 2 GB.
in_one_set() {
    local command=$1
    shift
    CARGO_PROFILE_DEV_DEBUG=${CARGO_PROFILE_DEV_DEBUG:-line-tables-only} \
        step cargo "$command" -q "${one_set[@]}" "$@"
}

# Prints `--test NAME` for each test in these directories.
tests_in() {
    local directory file
    for directory in "$@"; do
        for file in "$directory"/*.rs "$directory"/*/main.rs; do
            case $file in
            *'*'*) ;;
            */main.rs) file=${file%/main.rs} && printf -- '--test %s ' "${file##*/}" ;;
            *) file=${file##*/} && printf -- '--test %s ' "${file%.rs}" ;;
            esac
        done
    done
}

# The code search indexes the examples on SQLite, and finds in them.
search_on_sqlite() {
    local work
    work=$(mktemp -d)
    search() {
        step env "DATABASE_URL=sqlite://$work/index.db?mode=rwc" "$target/debug/examples/code_search" "$@"
    }
    search index examples
    search search "what is served while the breaker is open"
    rm -rf "$work"
}
