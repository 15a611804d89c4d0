#!/usr/bin/env bash
# From document to SMS, beside Kannel, in one run: ROWS handsets (2,000), a typical document sealed for each. Kannel's own
# way is `sendota` (XML in, `oma-settings`), its `fake` message centre behind it. Then impskit to PDUs, and impskit's `http`
# route through the same Kannel, cut into short messages by either. Wall seconds, CPU seconds of each side (the load
# generator's are not counted), documents a second. Needs Debian's kannel, GNU time and python3.
#
#   benches/kannel.sh [ROWS]       IMPSKIT=… names the binary; else it is built
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rows=${1:-2000}
if [ -z "${IMPSKIT:-}" ]; then (cd "$here/.." && cargo build --release --locked --quiet); fi
impskit=${IMPSKIT:-$here/../target/release/impskit}
work=$(mktemp -d); pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cd "$work"

source "$here/../tests/peers/kannel_boxes.sh"
# A message centre that only counts the lines.
start_centre() { python3 - "$1" arrived <<'END_OF_CENTRE' & pids+=($!)
import socket, sys
count = 0
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as link:
    while octets := link.recv(1 << 16):
        count += octets.count(b"\n")
        with open(sys.argv[2], "w") as out: out.write(str(count))
END_OF_CENTRE
}
start_kannel 13110 4
sleep 1

# The typical document of `benches/rows.rs`.
sed -n '/^const PROFILE/,/^"#;/p' "$here/rows.rs" | sed '1d;$d' | sed 's/netwpin/userpin/' > typical.toml
table() { awk -v rows="$1" 'BEGIN { print "msisdn,user,password,pin"
  for (i = 0; i < rows; i++) printf "+467%08d,test%04d,s3cret-%04d,%04d\n", i, i % 10000, i % 10000, 1000 + i % 9000 }'; }
table "$rows" > rows.csv
"$impskit" build typical.toml --row rows.csv:2 --as cp > one.xml

# CPU ticks of both boxes so far.
ticks() { cat "/proc/$bearerbox/stat" "/proc/$smsbox/stat" | sed 's/.*) //' | awk '{ sum += $12 + $13 } END { print sum }'; }
arrived() { cat arrived 2>/dev/null || echo 0; }
# Waits until no more short messages arrive.
settle() { local before=-1 now; while now=$(arrived); [ "$now" != "$before" ]; do before=$now; sleep 0.5; done; }
told() { # name, wall, CPU of impskit, CPU of Kannel, SMS
  awk -v name="$1" -v rows="$rows" -v wall="$2" -v ours="$3" -v theirs="$4" -v sms="$5" 'BEGIN {
    printf "%-48s %8.3f s wall  impskit %7.4f s  Kannel %7.2f s CPU  %5d SMS  %9.0f documents/s  %9.0f a CPU second\n",
      name, wall, ours, theirs, sms, rows / wall, rows / (ours + theirs) }'; }
hertz=$(getconf CLK_TCK)

before=$(ticks); sms=$(arrived)
wall=$(python3 - one.xml rows.csv <<'END_OF_LOAD'
import csv, http.client, sys, threading, time
from urllib.parse import urlencode
document = open(sys.argv[1]).read()
rows = list(csv.DictReader(open(sys.argv[2])))
first = rows[0]
failed = []
def send(part):
    link = http.client.HTTPConnection("127.0.0.1", 13113)
    for row in part:
        text = document.replace(first["user"], row["user"]).replace(first["password"], row["password"])
        query = urlencode({"username": "many", "password": "s3cret", "from": "12345", "to": row["msisdn"],
                           "type": "oma-settings", "sec": "userpin", "pin": row["pin"], "text": text})
        link.request("GET", "/cgi-bin/sendota?" + query)
        answer = link.getresponse(); body = answer.read()
        if answer.status != 202: failed.append((answer.status, body))
start = time.monotonic()
threads = [threading.Thread(target=send, args=(rows[i::8],)) for i in range(8)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
print(f"{time.monotonic() - start:.3f}")
if failed: sys.exit(f"Kannel refused {len(failed)}, the first with {failed[0]}")
END_OF_LOAD
); settle
kannel=$(awk -v a="$before" -v b="$(ticks)" -v h="$hertz" 'BEGIN { print (b - a) / h }')
told "Kannel alone: sendota, XML to SMS" "$wall" 0 "$kannel" $(($(arrived) - sms))

# Alone it is too fast for so few rows: a hundred times as many.
table $((rows * 100)) > many.csv
command time -o time -f "%e %U %S" "$impskit" -q build typical.toml --rows many.csv --as sms 2> /dev/null > pdus.jsonl
read -r wall user system < time
count=$(head -"$rows" pdus.jsonl | grep -oE '"[0-9a-f]{60,}"' | wc -l)
read -r wall ours < <(awk -v w="$wall" -v u="$user" -v s="$system" 'BEGIN { print w / 100, (u + s) / 100 }')
told "impskit alone: table to sealed PDUs" "$wall" "$ours" 0 "$count"

export KANNEL=s3cret
for split in here gateway; do
  printf 'schema = 1\nname = "%s"\nprofile = "typical.toml"\nroutes = ["kannel"]\n[[route]]\nname = "kannel"\nkind = "http"\npreset = "kannel"\nurl = "http://127.0.0.1:13113/cgi-bin/sendsms"\nuser = "many"\npassword = { env = "KANNEL" }\nfrom = "12345"\n%s\n' \
    "$split" "$([ $split = gateway ] && echo 'split = "gateway"')" > $split.toml
  "$impskit" -q batch plan $split.toml rows.csv > /dev/null
  before=$(ticks); sms=$(arrived)
  command time -o time -f "%e %U %S" "$impskit" -q batch run $split.toml > /dev/null
  settle; read -r wall user system < time
  ours=$(awk -v u="$user" -v s="$system" 'BEGIN { print u + s }')
  theirs=$(awk -v a="$before" -v b="$(ticks)" -v h="$hertz" 'BEGIN { print (b - a) / h }')
  told "impskit's http route through Kannel, cut: $split" "$wall" "$ours" "$theirs" $(($(arrived) - sms))
done
