#!/usr/bin/env bash
# Measures the IMPS server beside a bare echo server in one run, then 10,000 idle sessions and
# connections, and 10,000 connections of all bad kinds beside pairs that chat.
# `benches/server.sh engine`, `http`, `rates`, `idle` or
# `crowd` measures only that.
set -euo pipefail
cd "$(dirname "$0")/.."
ulimit -n "$(ulimit -Hn)"
cargo bench --locked --bench server -- "$@"
