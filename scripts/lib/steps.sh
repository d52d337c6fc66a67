# shellcheck shell=bash
# Runs steps, and says at the end how long each took and what was left out. Other scripts source it.

export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

# Seconds and command of each step; and each thing that was left out, with its reason.
steps=()
skipped=()

# Runs a command and notes its time; the script ends where it fails. The packages and features of
# scripts/lib/one_set.sh are shown as `[one set]`.
step() {
    local begin=$SECONDS shown=$*
    shown=${shown/"${one_set[*]-}"/[one set]}
    printf '\n== %s\n' "$shown"
    "$@"
    steps+=("$((SECONDS - begin)) $shown")
}

# The same for a command that exits with 3 where the machine lacks what it needs. The first argument
# says what is left out then.
step_or_skip() {
    local left_out=$1 begin=$SECONDS status=0
    shift
    printf '\n== %s\n' "$*"
    "$@" || status=$?
    case $status in
    0) steps+=("$((SECONDS - begin)) $*") ;;
    3) skip "$left_out" ;;
    *) return "$status" ;;
    esac
}

# Notes what is left out.
skip() {
    skipped+=("$1")
}

# The steps that took longest, and what was left out.
summary() {
    local what
    printf '\nseconds  step\n'
    printf '%s\n' "${steps[@]}" | sort -rn | head -n 15 | cut -c 1-110 |
        awk '{ seconds = $1; sub(/^[0-9]+ /, ""); printf "%7d  %s\n", seconds, $0 }'
    for what in ${skipped[@]+"${skipped[@]}"}; do
        printf 'skipped: %s\n' "$what"
    done
    printf '\nscripts/test: everything passed in %d:%02d minutes, %d skipped\n' \
        $((SECONDS / 60)) $((SECONDS % 60)) ${#skipped[@]}
}
