#!/usr/bin/env bash
# Sends two campaigns through a real Kannel to a message centre of type `fake`, in both forms, and compares what came out
# with what `impskit build --as sms` says, octet for octet. Then the push proxy gateway of the same Kannel, and its receipts
# to `impskit serve`.
#
#   apt-get install kannel python3; cargo build
#   tests/peers/kannel.sh [FOLDER]      keeps what was sent and answered in FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
impskit=${IMPSKIT:-$here/../../target/debug/impskit}
work=$(mktemp -d); keep=${1:-$work}; mkdir -p "$keep"; keep=$(cd "$keep" && pwd)
pids=(); trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cd "$work"

source "$here/kannel_boxes.sh"
start_centre() { python3 "$here/kannel_smsc.py" "$1" out.jsonl & centre=$!; pids+=($!); }
start_kannel 13100 1
wapbox -v 1 kannel.conf > wapbox.log 2>&1 & pids+=($!); wait_for 13105
sleep 1

profile() { cat <<END
schema = 1
id = "acme"
name = "Acme Chat"
provider_id = "acme.example"
[service]
addresses = ["http://imps.acme.example/csp"]
[[account]]
user = "wv:{user}@acme.example"
password = "{password}"
[[access_point]]
id = "acme-gprs"
apn = "chat.acme"
[push]
security = "$1"
END
}
profile userpin > userpin.toml; profile netwpin > netwpin.toml
printf '%s\n' msisdn,user,password,imsi,pin +46700000001,anna,one,240011234567890,4071 \
  +46700000002,bert,two,001010123456789,8852 > rows.csv
export KANNEL=s3cret
campaign() { # name, profile, more of the route
  printf 'schema = 1\nname = "%s"\nprofile = "%s.toml"\nroutes = ["kannel"]\n[[route]]\nname = "kannel"\n%b\n' "$1" "$2" "$3" > "$1.toml"
  "$impskit" -q batch plan "$1.toml" rows.csv > /dev/null
  "$impskit" batch run "$1.toml"
  sleep 1; mv out.jsonl "$keep/kannel-$1.jsonl" || true
  kill "$centre"; wait "$centre" 2>/dev/null || true
  start_centre 13102; sleep 1
}
sendsms='kind = "http"\npreset = "kannel"\nurl = "http://127.0.0.1:13103/cgi-bin/sendsms"\npassword = { env = "KANNEL" }\nfrom = "12345"\nuser = '
for seal in userpin netwpin; do
  campaign "$seal-segments" $seal "$sendsms\"one\""
  campaign "$seal-whole" $seal "$sendsms\"many\"\nsplit = \"gateway\""
done
campaign pap userpin 'kind = "pap"\nurl = "http://127.0.0.1:13105/wappush"'
# Receipts: Kannel asks for the address that we gave it, and `serve` notes them in the store of the campaign.
cat > impskit.toml <<'END'
[server.receipts]
store = "sqlite:receipts.db"
routes = [{ route = "kannel", key = { env = "KANNEL" } }]
END
"$impskit" serve --listen 127.0.0.1:13106 --store server.db 2> serve.log & pids+=($!); wait_for 13106
campaign receipts userpin "$sendsms\"one\"\nreceipts = \"http://127.0.0.1:13106/api/v1/receipts/kannel\"\nreceipts_key = { env = \"KANNEL\" }"
"$impskit" batch status receipts.toml | tee status.txt
curl -s -o "$keep/kannel-refused.txt" -w 'a wrong password: status %{http_code}\n' \
  'http://127.0.0.1:13103/cgi-bin/sendsms?username=one&password=wrong&to=1&text=a'

python3 - "$impskit" "$keep" <<'END'
import json, subprocess, sys
impskit, keep = sys.argv[1:]
wrong = 0
for seal in ("userpin", "netwpin"):
    for form in ("segments", "whole"):
        rows = [json.loads(line) for line in open(f"{keep}/kannel-{seal}-{form}.jsonl")]
        for line, number in ((2, "+46700000001"), (3, "+46700000002")):
            found = sorted(row["udh"] + row["data"] for row in rows if row["to"] == number)
            # The reference is the sender's choice: the eighth octet behind the length.
            reference = str(int(found[0][18:20], 16)) if found else "0"
            pdus = subprocess.run(
                [impskit, "build", f"{seal}.toml", "--row", f"rows.csv:{line}", "--as", "sms", "--transfer", "hex", "--ref", reference],
                check=True, capture_output=True, text=True).stdout.split()
            # What stands before the user data takes 14 octets for a number of 11 digits.
            expected = sorted(pdu[28:].upper() for pdu in pdus)
            good = found == expected
            wrong += not good
            print(f"{seal} {form} {number}: {len(found)} SMS", "as built" if good else f"DIFFER\n {found}\n {expected}")
delivered = "2  delivered" in open("status.txt").read()
print("receipts:", "both messages are delivered" if delivered else "MISSING")
sys.exit(wrong > 0 or not delivered)
END
cp *.log "$keep" 2>/dev/null || true
echo "the push proxy gateway sent:"; cat "$keep/kannel-pap.jsonl"
