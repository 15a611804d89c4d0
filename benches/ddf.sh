#!/usr/bin/env bash
# Checks device descriptions beside xmllint (libxml2) on the same files in the same run: CPU milliseconds, the least of RUNS
# (9), and the largest resident memory. Needs GNU time, awk and libxml2-utils.
#
#   benches/ddf.sh FILE|FOLDER…     such as the corpus' folder `ddf`
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,6s/^# \?//p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
(cd "$here/.." && cargo build --release --locked --quiet)
impskit=$here/../target/release/impskit
runs=${RUNS:-9}

# The document type is our own reconstruction of the standard's.
dtd=$here/dm-ddf-1.2.dtd

# CPU milliseconds of one run: user and system time of the command.
once() {
  local TIMEFORMAT='%U %S'
  { time "$@" > /dev/null 2>&1 || true; } 2>&1 | awk '{ print ($1 + $2) * 1000 }'
}

measure() { # name, command…
  local name=$1 least=1000000 cpu rss i
  shift
  for ((i = 0; i < runs; i++)); do
    cpu=$(once "$@")
    least=$(awk -v a="$least" -v b="$cpu" 'BEGIN { print (b < a) ? b : a }')
  done
  rss=$(command time -f '%M' "$@" 2>&1 > /dev/null | tail -n 1) || true
  reference=${reference:-$least}
  awk -v name="$name" -v cpu="$least" -v rss="$rss" -v reference="$reference" \
    'BEGIN { printf "  %-28s %8.1f ms  %7.1f MiB  %5.2f\n", name, cpu, rss / 1024, cpu / reference }'
}

for input in "$@"; do
  if [ -d "$input" ]; then files=("$input"/*.xml); else files=("$input"); fi
  echo "$input: ${#files[@]} file(s), $(cat "${files[@]}" | wc -c) octets; the last column is CPU beside the first line"
  unset reference
  measure "xmllint --stream" xmllint --nonet --noout --stream "${files[@]}"
  measure "xmllint" xmllint --nonet --noout "${files[@]}"
  measure "xmllint --dtdvalid" xmllint --nonet --noout --dtdvalid "$dtd" "${files[@]}"
  measure "impskit check" "$impskit" check --fail-on never --format short "${files[@]}"
done
