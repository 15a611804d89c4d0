"""Makes log.jsonl by product.md 8.6 with nothing but Python's library, and follows its chain again.

A second source for the format and the chain of the audit log: `python3 make.py > log.jsonl`, `python3 make.py log.jsonl`.
"""

import hashlib
import json
import sys


def line(before, time, who, what, object, document=None, ticket=None, note=None):
    fields = {"schema": "impskit.audit/1", "time": time, "who": who, "what": what, "object": object}
    fields |= {"document_sha256": document, "ticket": ticket}
    if note is not None:
        fields["note"] = note
    fields["prev"] = hashlib.sha256(before).hexdigest() if before is not None else "0" * 64
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def make():
    document = hashlib.sha256(b"<wap-provisioningdoc/>").hexdigest()
    time = "2026-11-23T03:10:50Z"
    first = line(None, time, "os:anna", "send", "msisdn:46701234567", document, "CASE-118", "campaign spring, attempt 1")
    torn = line(first, time, "os:anna", "send", "msisdn:46701234568", document)[:100]
    closed = line(first + b"\n" + torn, "2026-11-23T03:11:00Z", "token:desk", "torn", "file:log.jsonl")
    last = line(closed, "2026-11-23T03:11:00Z", "token:desk", "user-change", "user:wv:åsa@acme.example", note='"added"\n')
    return [first, torn, closed, last]


def follow(lines):
    before = None
    for number, octets in enumerate(lines, 1):
        try:
            named = json.loads(octets)["prev"]
        except ValueError:
            print(f"{number}: cut off")
            before = octets if before is None else before + b"\n" + octets
        else:
            wanted = "0" * 64 if before is None else hashlib.sha256(before).hexdigest()
            print(f"{number}: {'follows' if named == wanted else 'DOES NOT FOLLOW'}")
            before = octets
    print("last", hashlib.sha256(before).hexdigest())


if len(sys.argv) > 1:
    follow(open(sys.argv[1], "rb").read().split(b"\n")[:-1])
else:
    sys.stdout.buffer.write(b"".join(octets + b"\n" for octets in make()))
