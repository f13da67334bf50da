#!/usr/bin/env bash
# Measures the node's HTTP service beside nginx and hyper: http.sh [SECONDS [ROUNDS]]
# One worker each on core 0, wrk on core 1, with 30, 1,000 and 10,000 connections. Whoever else uses the machine makes
# absolute numbers lie, so the servers take turns in short rounds (9 of 2 seconds unless said otherwise), each round
# begins with another one, and what is told of two servers is the median of what each round says of them.
# Needs wrk, taskset and python3; nginx for the one peer. What is not there is left out, and told.
set -euo pipefail
shopt -s inherit_errexit # a client that fails is not a row of nothing
source "$(dirname "$0")/../sched/servers.sh"

seconds=${1:-2}
rounds=${2:-9}

command_of() {
    case $1 in
    ironloom) echo "$programs/node_server" ;;
    hyper) echo "$programs/hyper_server" ;;
    nginx) echo "bash $here/benches/node/nginx.sh $there" ;;
    esac
}

# One server's part of a round, as a line of requests/s, p50 and p99 in µs, µs of the server's processor for a request,
# and how many requests went wrong.
ask() {
    local connections=$1 before used url=http://127.0.0.1:$port/
    client 20 wrk -t1 -c "$connections" -d 1s "$url" >/dev/null
    before=$(cpu_micros)
    client $((seconds + 20)) wrk -t1 -c "$connections" -d "${seconds}s" --latency "$url" >"$there/wrk"
    used=$(($(cpu_micros) - before))
    awk -v used="$used" '
        function micros(text) { return text * (text ~ /us$/ ? 1 : text ~ /ms$/ ? 1e3 : 1e6) }
        / requests in / { requests = $1 }
        $1 == "50%" { half = micros($2) }
        $1 == "99%" { most = micros($2) }
        /^Requests\/sec/ { rate = $2 }
        /Socket errors/ { gsub(",", ""); wrong += $4 + $6 + $8 + $10 }
        /Non-2xx/ { wrong += $NF }
        END { print rate, half, most, (requests ? used / requests : 0), wrong + 0 }
    ' "$there/wrk"
}

# All rounds with so many connections, as lines: connections, round, server, and what `ask` says.
play() {
    local connections=$1 round turn name result
    for ((round = 0; round < rounds; round++)); do
        for ((turn = 0; turn < ${#names[@]}; turn++)); do
            name=${names[$(((round + turn) % ${#names[@]}))]}
            # The command may have arguments.
            # shellcheck disable=SC2046
            start $(command_of "$name")
            result=$(ask "$connections")
            echo "$connections $round $name $result"
            stop
        done
    done
}

# The table, and then what the goal is about: ours beside the better of the others.
summary() {
    awk '
        function median(list, count,    sorted, i, j, held) {
            for (i = 1; i <= count; i++) {
                held = list[i]
                for (j = i - 1; j > 0 && sorted[j] > held; j--) sorted[j + 1] = sorted[j]
                sorted[j + 1] = held
            }
            return count % 2 ? sorted[(count + 1) / 2] : (sorted[count / 2] + sorted[count / 2 + 1]) / 2
        }
        # The median over the rounds of a column of one server, or of ours divided by it.
        function of(connections, name, column, is_ratio,    round, list, count, value) {
            count = 0
            for (round = 0; round < rounds; round++) {
                value = found[connections, round, name, column]
                if (is_ratio) value = value ? found[connections, round, "ironloom", column] / value : 0
                list[++count] = value
            }
            return median(list, count)
        }
        # Ours divided by the best of the others: most requests, or the shortest time.
        function beside_best(connections, column, wants_most,    round, name, best, value, list, count) {
            count = 0
            for (round = 0; round < rounds; round++) {
                best = 0
                for (name in is_peer) {
                    value = found[connections, round, name, column]
                    if (!best || (wants_most ? value > best : value < best)) best = value
                }
                if (best) list[++count] = found[connections, round, "ironloom", column] / best
            }
            return count ? median(list, count) : 0
        }
        {
            if (!($1 in is_known)) { is_known[$1]; order[++kinds] = $1 }
            if (!($3 in is_present)) { is_present[$3]; present[++servers] = $3 }
            if ($3 != "ironloom") is_peer[$3]
            if ($2 + 1 > rounds) rounds = $2 + 1
            for (column = 1; column <= 5; column++) found[$1, $2, $3, column] = $(column + 3)
            wrong[$1, $3] += $8
        }
        END {
            print "| connections | server   | requests/s | ours beside it | p50, µs | p99, µs | ours beside it | cpu each, µs | errors |"
            print "|---|---|---|---|---|---|---|---|---|"
            for (kind = 1; kind <= kinds; kind++) for (server = 1; server <= servers; server++) {
                c = order[kind]; n = present[server]
                ours = n == "ironloom"
                printf "| %11d | %-8s | %10.0f | %14s | %7.0f | %7.0f | %14s | %12.2f | %6d |\n", c, n, of(c, n, 1, 0),
                    (ours ? "" : sprintf("%.2f×", of(c, n, 1, 1))), of(c, n, 2, 0), of(c, n, 3, 0),
                    (ours ? "" : sprintf("%.2f×", of(c, n, 3, 1))), of(c, n, 4, 0), wrong[c, n]
            }
            if (servers < 2) exit
            print ""
            for (kind = 1; kind <= kinds; kind++) {
                c = order[kind]
                rate = beside_best(c, 1, 1); tail = beside_best(c, 3, 0)
                if (!rate) { printf "%d connections: nobody answered in time; give each more seconds\n", c; continue }
                printf "%d connections, beside the better of each round: %.2f× the requests (goal above 1: %s), %.2f× the p99 (goal at most 1: %s)\n",
                    c, rate, (rate > 1 ? "reached" : "missed"), tail, (tail <= 1 ? "reached" : "missed")
            }
        }
    '
}

for tool in wrk taskset python3; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 0; }
done
names=(ironloom hyper)
if command -v nginx >/dev/null; then names+=(nginx); else echo "left out: nginx is not installed"; fi
build
for connections in 30 1000 10000; do
    ! possible "$connections" >"$there/why" || play "$connections" >>"$there/found"
    cat "$there/why"
done
summary <"$there/found"
