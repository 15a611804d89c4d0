#!/usr/bin/env python3
"""A message centre for Kannel's smsc type `fake`: one line a short message, written to a file as JSON."""
import json, socket, sys
from urllib.parse import unquote_to_bytes

def octets(text):
    return unquote_to_bytes(text.replace("+", " ")).hex().upper()

with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as link, open(sys.argv[2], "w") as out:
    for line in link.makefile("r", encoding="latin-1"):
        words = line.rstrip("\n").split(" ")
        row = {"from": words[0], "to": words[1]}
        row.update({kind: octets(value) for kind, value in zip(words[2::2], words[3::2])})
        print(json.dumps(row), file=out, flush=True)
