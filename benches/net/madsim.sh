#!/usr/bin/env bash
# The simulation of the network's benches in madsim: madsim.sh [HOSTS [SECONDS]]
# Prints how many seconds of the hosts' time pass in a second of ours. madsim carries streams, without packets and loss.
set -euo pipefail
cd "$(dirname "$0")/madsim"

hosts=${1:-10000}
seconds=${2:-10}
RUSTFLAGS="--cfg madsim" cargo build --quiet --release
read -r took flows < <(timeout 300 target/release/madsim-peer "$hosts" "$seconds")
awk -v hosts="$hosts" -v seconds="$seconds" -v took="$took" -v flows="$flows" \
    'BEGIN { printf "madsim, %d hosts: %.2f seconds in a second, %d flows\n", hosts, seconds / took, flows }'
