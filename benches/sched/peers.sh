#!/usr/bin/env bash
# Measures Erlang/OTP and Go on this machine, as `cargo bench --bench sched` measures the others: peers.sh
# Needs `erl` and `erlc`, or `go`; skips what is not installed.
set -euo pipefail
cd "$(dirname "$0")/peers"

there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
# A failure is shown, not dumped.
export ERL_CRASH_DUMP_SECONDS=0
benches="spawn ring ping_pong pinned wake"

# Shows lines of "what<TAB>value" as rows of a table.
rows() {
    local peer=$1 what value
    while IFS=$'\t' read -r what value; do
        printf '| %-10s | %-36s | %-26s |\n' "$peer" "$what" "$value"
    done
}

erlang() {
    erlc -o "$there" storm.erl
    local bench
    for bench in $benches; do
        timeout 120 erl -noshell -pa "$there" +S 2:2 +P 4000000 -s storm main "$bench" </dev/null | rows Erlang/OTP
    done
}

go_lang() {
    GOCACHE="$there/cache" GOFLAGS=-mod=mod GO111MODULE=off go build -o "$there/storm" storm.go
    local bench
    for bench in $benches; do
        timeout 120 "$there/storm" "$bench" | rows Go
    done
}

printf '| %-10s | %-36s | %-26s |\n' peer what value
echo '|---|---|---|'
if command -v erlc >/dev/null; then erlang; else echo "skipped: Erlang/OTP is not installed"; fi
if command -v go >/dev/null; then go_lang; else echo "skipped: Go is not installed"; fi
