#!/usr/bin/env bash
# A campaign of ROWS handsets (1,000,000) by the `file` route: plan, run, plan again; wall seconds, CPU seconds and
# resident memory of each, beside the same rows put into a bare SQLite table. Needs GNU time, awk and sqlite3.
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-1000000}
cargo build --release --locked --quiet
impskit=$PWD/target/release/impskit
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$impskit" new profile > acme.toml
printf 'schema = 1\nname = "spring"\nprofile = "acme.toml"\nroutes = ["file"]\n' > spring.toml
# Numbers in no order: a step that shares no factor with a hundred million visits each once.
awk -v rows="$rows" 'BEGIN { print "msisdn,user,password,imsi"
  for (i = 0; i < rows; i++) printf "+4670%08d,user%d,secret%d,24001%010d\n", (i * 7919) % 100000000, i, i, i }' > rows.csv
measure() { local name=$1; shift; command time -f "$name: %e s wall, %U s + %S s CPU, %M KiB" "$@" > /dev/null; }
measure "plan" "$impskit" --quiet batch plan spring.toml rows.csv
measure "run" "$impskit" --quiet batch run spring.toml
measure "plan again" "$impskit" --quiet batch plan spring.toml rows.csv
if command -v sqlite3 > /dev/null; then
  measure "reference: rows into a bare table" sqlite3 bare.db 'PRAGMA journal_mode=wal' \
    'CREATE TABLE t (msisdn, user, password, imsi)' '.mode csv' '.import --skip 1 rows.csv t'
fi
ls -s --block-size=M spring.db spring.jsonl
