#!/usr/bin/env bash
# Measures the node's HTTP service beside nginx and hyper: http.sh [SECONDS], as benches/sched/http.sh does.
set -euo pipefail
exec bash "$(dirname "$0")/../sched/http.sh" "${1:-5}" node nginx hyper
