#!/usr/bin/env bash
# Measures TCP echo servers: echo.sh [SECONDS [SERVER]...]
# Each on core 0, the client on core 1: every connection sends 64 bytes, waits until they are back, and sends again.
# The client is a program on tokio, so that rates above its own are not seen; the processor time of the server is.
set -euo pipefail
source "$(dirname "$0")/servers.sh"

# The servers by name. To measure another is one line here.
command_of() {
    case $1 in
    ironloom) echo "$programs/ironloom_server echo" ;;
    tokio) echo "$programs/tokio_echo_server" ;;
    *) return 1 ;;
    esac
}

seconds=${1:-5}
names=("${@:2}")
[ ${#names[@]} -gt 0 ] || names=(ironloom tokio)

row() {
    local name=$1 connections=$2 before used answer
    client 20 "$programs/load" echo "$port" "$connections" 1 >/dev/null
    before=$(cpu_micros)
    answer=$(client $((seconds + 20)) "$programs/load" echo "$port" "$connections" "$seconds")
    used=$(($(cpu_micros) - before))
    printf '| %-10s | %11s | %-55s | %6s µs |\n' "$name" "$connections" "$answer" \
        "$(ratio "$used" $((${answer%%/*} * seconds)))"
}

build
printf '| %-10s | %11s | %-55s | %9s |\n' server connections "round trips" "cpu each"
echo '|---|---|---|---|'
for name in "${names[@]}"; do
    # shellcheck disable=SC2046
    start $(command_of "$name")
    for connections in 30 1000 10000; do
        possible "$connections" || continue
        row "$name" "$connections"
    done
    stop
done
