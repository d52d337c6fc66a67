# shellcheck shell=bash
# Looks for the programs that the checks need, and installs what root may install.

# Whether one of these programs is there, on the PATH or where Debian has its servers.
has() {
    local program
    for program in "$@"; do
        if command -v "$program" >/dev/null || [[ -x /usr/sbin/$program ]]; then
            return 0
        fi
    done
    return 1
}

need_rust() {
    if ! has cargo; then
        echo "scripts/test: cargo is not on the PATH; install Rust with rustup and run this again" >&2
        exit 1
    fi
    if ! has cc gcc clang; then
        echo "scripts/test: no C compiler on the PATH (Debian: apt-get install gcc)" >&2
        echo "The examples need one for TLS and SQLite." >&2
        exit 1
    fi
}

may_install() {
    [[ $EUID == 0 ]] && has apt-get
}

# Installs the servers that tests start. Those of the first list must be there. What needs one of
# the second list is left out without it.
need_servers() {
    local servers=() optional=()
    has redis-server || servers+=(redis-server)
    has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || servers+=(postgresql)
    has prometheus && has promtool || servers+=(prometheus)
    has chromium chromium-browser google-chrome || servers+=(chromium)
    has nats-server || optional+=(nats-server)
    has rabbitmq-server || optional+=(rabbitmq-server)
    has nutcracker || optional+=(nutcracker)
    has mosquitto || optional+=(mosquitto)
    has valgrind || optional+=(valgrind)
    python3 -c 'import ensurepip, venv' 2>/dev/null || optional+=(python3-venv)
    # An installation that was interrupted is done to its end.
    if may_install && [[ -n $(dpkg --audit) ]]; then
        step env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q --fix-broken
        step env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive dpkg --configure -a
    fi
    if may_install && ((${#servers[@]} + ${#optional[@]})); then
        step apt-get update -q
        # RUNLEVEL=1: none of them is started for the whole machine.
        step env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
            --no-install-recommends ${servers[@]+"${servers[@]}"} ${optional[@]+"${optional[@]}"}
    elif ((${#servers[@]})); then
        echo "scripts/test: missing (Debian: apt-get install ${servers[*]})" >&2
        exit 1
    fi
    local server
    for server in nats-server rabbitmq-server nutcracker mosquitto; do
        has "$server" || skip "the tests of clients with $server, which is not installed"
    done
    has valgrind || skip "scripts/check-cost, which needs valgrind"
}

# Installs what scripts install into target/tools; without it some tests are left out, and say so.
need_llm_programs() {
    local reason
    echo "llama.cpp's server: scripts/llama install"
    reason=$(scripts/llama install 2>&1) ||
        skip "the assistant with a real LLM server, its tests and scripts/llm-table: ${reason##*$'\n'}"
    echo "official clients of LLM APIs: scripts/llm-clients install"
    reason=$(scripts/llm-clients install 2>&1) ||
        skip "the assistant's tests with official clients: ${reason##*$'\n'}"
}

# Installs a cargo command into target/tools, once for each version:
# `cargo_tool NAME VERSION [OPTION..]`. Without optimisation, which is the quickest way.
cargo_tool() {
    local name=$1 version=$2 tools=target/tools
    shift 2
    if [[ $("$tools/bin/$name" "${name#cargo-}" --version 2>/dev/null) != *" $version"* ]]; then
        echo "installing $name $version into $tools" >&2
        CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
            cargo install -q --locked --debug --force "$@" --root "$tools" "$name@$version"
    fi
    # Cargo looks for its commands there.
    [[ :$PATH: == *":$PWD/$tools/bin:"* ]] || PATH=$PWD/$tools/bin:$PATH
}
