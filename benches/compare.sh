#!/usr/bin/env bash
# Our codecs and libwbxml's on the same document in the same run. Needs Debian's gcc and libwbxml2-dev.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
gcc -O2 -o "$program" benches/libwbxml.c $(pkg-config --cflags --libs libwbxml2)
for _ in 1 2 3; do "$program" benches/typical.xml; done
cargo bench --locked --bench codecs -- to_
