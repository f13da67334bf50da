# Starts servers and measures them from outside; sourced by http.sh and echo.sh.
# A server is a program that prints its port, which the system chose, and serves on 127.0.0.1 until it is killed.
# It gets core 0 for itself; whoever asks it runs on core 1. Only what was started here is stopped, by its number.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
there=$(mktemp -d)
server=
trap 'stop; rm -rf "$there"' EXIT

# As many descriptors as we may have.
ulimit -n "$(ulimit -Hn)"

# Builds the servers and clients of this package, and says where they are.
build() {
    cargo build --quiet --manifest-path "$here/Cargo.toml" --profile bench -p ironloom-benches --examples
    programs=${CARGO_TARGET_DIR:-$here/target}/release/examples
}

# Starts a server: sets `server` to its process and `port` to its port.
start() {
    : >"$there/port"
    taskset -c 0 "$@" >"$there/port" 2>"$there/errors" &
    server=$!
    for _ in $(seq 200); do
        port=$(head -n 1 "$there/port")
        # Some say their port before they listen at it.
        [ -z "$port" ] || ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
        sleep 0.05
    done
    echo "$1 did not start: $(cat "$there/errors")" >&2
    return 1
}

# Stops it, and waits until it is gone.
stop() {
    [ -n "$server" ] || return 0
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}

# Runs a client on its core, for so many seconds at most.
client() {
    local most=$1
    shift
    timeout "$most" taskset -c 1 "$@"
}

# Whether so many connections at once are possible; says why not.
possible() {
    local connections=$1 first last
    read -r first last </proc/sys/net/ipv4/ip_local_port_range
    if [ "$(ulimit -n)" -lt $((connections + 100)) ]; then
        echo "skipped: $connections connections, because only $(ulimit -n) descriptors are allowed"
        return 1
    elif [ $((last - first)) -lt $((connections + 1000)) ]; then
        echo "skipped: $connections connections, because only $((last - first)) ports are there"
        return 1
    fi
}

# The processor time that the server has used, in microseconds.
cpu_micros() {
    local ticks
    ticks=$(cut -d' ' -f14,15 "/proc/$server/stat" | tr ' ' '+')
    echo $((($ticks) * (1000000 / $(getconf CLK_TCK))))
}

# The memory of the server, in bytes.
resident() {
    awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$server/status"
}

descriptors() {
    ls "/proc/$server/fd" | wc -l
}

# Divides two numbers, with two digits.
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'
}
