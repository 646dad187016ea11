"""What every Python peer of the bench has in common: the conversation with it.

The bench starts `python PROGRAM.py CLASS` once and writes one JSON object a
line; the program answers each with one line:

    {"do": "setup", ...}      {"ok": {...}}      pools and servers are started
    {"do": "round", ...}      {"ok": {"first": 0.012, ...}}   seconds by metric
    {"do": "teardown"}        {"ok": {}}         and the program ends

or with {"error": "..."}. The clock runs inside the peer, around nothing but
the work, so neither the interpreter's start nor this conversation is counted.
"""

import json
import os
import sys
import traceback


def main(peers):
    """Serve the class in peers that argv names, until teardown or end of file."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not end up between the replies
    peer = peers[sys.argv[1]]()
    done = False
    try:
        while not done:
            line = sys.stdin.readline()
            if not line:
                break
            request = json.loads(line)
            do = request.pop("do")
            done = do == "teardown"
            try:
                reply = {"ok": getattr(peer, do)(**request) or {}}
            except Exception as e:
                traceback.print_exc()
                reply = {"error": f"{type(e).__name__}: {e}"}
            replies.write(json.dumps(reply) + "\n")
            replies.flush()
    finally:
        if not done:
            peer.teardown()


def check(got, want):
    """Every peer checks what it was given back: a fast wrong answer is none."""
    if got != want:
        raise AssertionError(f"wrong result: got {got!r}, want {want!r}")
