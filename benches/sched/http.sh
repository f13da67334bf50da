#!/usr/bin/env bash
# Measures HTTP servers with wrk: http.sh [SECONDS [SERVER]...]
# Each on core 0, wrk on core 1; a second of warm-up, then so many seconds (5 unless said otherwise).
# Needs wrk, strace, taskset; Go for one of the peers.
set -euo pipefail
source "$(dirname "$0")/servers.sh"

# The servers by name. To measure another is one line here.
command_of() {
    case $1 in
    ironloom) echo "$programs/ironloom_server" ;;
    hyper) echo "$programs/hyper_server" ;;
    hyper-plain) echo "$programs/hyper_server plain" ;;
    node) echo "$programs/node_server" ;;
    nginx) echo "bash $here/benches/node/nginx.sh $there" ;;
    go) echo "env GOMAXPROCS=1 $there/go_server" ;;
    *) return 1 ;;
    esac
}

seconds=${1:-5}
names=("${@:2}")
[ ${#names[@]} -gt 0 ] || names=(ironloom hyper hyper-plain go)

# One run of wrk, as a row of the table.
row() {
    local name=$1 label=$2 connections=$3 before used
    shift 3
    local url=http://127.0.0.1:$port/
    client 20 wrk -t1 -c "$connections" -d 1s "$@" "$url" >/dev/null
    before=$(cpu_micros)
    client $((seconds + 20)) wrk -t1 -c "$connections" -d "${seconds}s" --latency "$@" "$url" >"$there/wrk"
    used=$(($(cpu_micros) - before))
    local requests rate half most
    requests=$(awk '/ requests in / { print $1 }' "$there/wrk")
    rate=$(awk '/^Requests\/sec/ { printf "%.0f", $2 }' "$there/wrk")
    half=$(awk '$1 == "50%" { print $2 }' "$there/wrk")
    most=$(awk '$1 == "99%" { print $2 }' "$there/wrk")
    # What wrk says of the latency of pipelined requests means nothing.
    [ "$label" = "$connections" ] || half=- most=-
    printf '| %-11s | %-18s | %9s | %8s | %8s | %6s µs | %s\n' "$name" "$label" "$rate" "$half" "$most" \
        "$(ratio "$used" "$requests")" "$(grep -E 'Socket errors|Non-2xx' "$there/wrk" | tr -s ' ' || true)"
}

rates() {
    local name=$1 connections
    for connections in 30 1000 10000; do
        possible "$connections" || continue
        row "$name" "$connections" "$connections"
    done
    row "$name" "30, 16 pipelined" 30 -s "$here/benches/sched/pipeline.lua"
}

# System calls per request, counted by strace while wrk runs with so many connections.
system_calls() {
    local name=$1 label=$2 tracer calls requests
    shift 2
    strace -c -f -o "$there/calls" -p "$server" 2>/dev/null &
    tracer=$!
    sleep 0.3
    client 20 wrk -t1 -c 30 -d 2s "$@" "http://127.0.0.1:$port/" >"$there/wrk"
    kill -INT "$tracer"
    wait "$tracer" || true
    calls=$(awk '$NF == "total" { print $4 }' "$there/calls")
    requests=$(awk '/ requests in / { print $1 }' "$there/wrk")
    echo "$name, system calls per request, $label: $(ratio "${calls:-0}" "$requests")"
}

# What a connection costs that was used once and now only stands there; and what is left when it is gone.
idle() {
    local name=$1 connections=1000 before descriptors_before during
    mkfifo "$there/hold"
    # The first request makes what is made once.
    client 10 "$programs/load" idle "$port" 1 </dev/null >/dev/null
    before=$(resident) descriptors_before=$(descriptors)
    client 60 "$programs/load" idle "$port" "$connections" <"$there/hold" >"$there/ready" &
    local pid=$!
    exec 9>"$there/hold"
    for _ in $(seq 200); do
        [ ! -s "$there/ready" ] || break
        sleep 0.05
    done
    during=$(resident)
    exec 9>&-
    wait "$pid" || true
    rm "$there/hold"
    sleep 0.5
    echo "$name, bytes per idle connection: $(ratio $((during - before)) "$connections");" \
        "descriptors before and after: $descriptors_before, $(descriptors)"
}

# One client pipelines for ever; another sends a request every 5 ms.
fairness() {
    local name=$1 greedy
    echo "$name, polite client alone: $(client 30 "$programs/load" polite "$port" 5 "$seconds")"
    client 40 "$programs/load" greedy "$port" 1 $((seconds + 1)) >"$there/greedy" &
    greedy=$!
    sleep 0.5
    echo "$name, polite client beside a greedy one: $(client 40 "$programs/load" polite "$port" 5 "$seconds")"
    wait "$greedy" || true
    echo "$name, what the greedy one got: $(cat "$there/greedy")"
}

# A server that has just started, for each thing that is measured.
fresh() {
    local name=$1 measure=$2
    shift 2
    # The command may have arguments.
    # shellcheck disable=SC2046
    start $(command_of "$name")
    "$measure" "$name" "$@"
    stop
}

build
if command -v go >/dev/null; then
    GOCACHE="$there/cache" GO111MODULE=off go build -o "$there/go_server" "$here/benches/sched/peers/http.go"
fi
present=()
for name in "${names[@]}"; do
    if [ "$name" = go ] && [ ! -x "$there/go_server" ]; then
        echo "skipped: Go is not installed"
    else
        present+=("$name")
    fi
done

printf '| %-11s | %-18s | %9s | %8s | %8s | %9s |\n' server connections requests/s p50 p99 "cpu each"
echo '|---|---|---|---|---|---|'
for name in "${present[@]}"; do fresh "$name" rates; done
echo
for name in "${present[@]}"; do
    if command -v strace >/dev/null; then
        fresh "$name" system_calls "30 connections"
        fresh "$name" system_calls "30 connections, 16 pipelined" -s "$here/benches/sched/pipeline.lua"
    else
        echo "skipped: strace is not installed"
    fi
    fresh "$name" idle
    fresh "$name" fairness
done
