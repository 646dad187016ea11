"""Prints what CPython itself sends in a handshake, as JSON lines, for testdata/handshake.jsonl.

os.urandom gives the bytes 0, 1, 2 ... here, so that a challenge is the same each time. Each line is one side of a handshake:
what the side got, and what it sent, as hex of whole frames.
"""
import json
import os
import struct
import sys
from multiprocessing import AuthenticationError, connection

KEY = b"the atrium's key"
os.urandom = lambda n: bytes(range(n))


class Wire:
    """Looks like a Connection to deliver_challenge and answer_challenge, and is fed by a function."""

    def __init__(self, peer):
        self.peer, self.sent, self.got, self.inbox = peer, b"", b"", []

    def send_bytes(self, b):
        self.sent += struct.pack("!i", len(b)) + b
        self.inbox += self.peer(bytes(b))

    def recv_bytes(self, maxlength=None):
        b = self.inbox.pop(0)
        self.got += struct.pack("!i", len(b)) + b
        return b


def deliver(name, answer, **kwds):
    """The side that asks; answer makes the peer's answer of the challenge."""
    wire = Wire(lambda b: [answer(b[len(b"#CHALLENGE#"):])] if b.startswith(b"#CHALLENGE#") else [])
    run("deliver", name, wire, connection.deliver_challenge, kwds)


def answer(name, challenge, verdict=b"#WELCOME#"):
    """The side that is asked."""
    wire = Wire(lambda b: [verdict])
    wire.inbox.append(b"#CHALLENGE#" + challenge)
    run("answer", name, wire, connection.answer_challenge, {})


def run(side, name, wire, f, kwds):
    try:
        f(wire, KEY, **kwds)
        ok = True
    except (AuthenticationError, AssertionError):
        ok = False
    version = "%d.%d" % sys.version_info[:2]
    print(json.dumps({"python": version, "side": side, "case": name, "ok": ok, "got": wire.got.hex(), "sent": wire.sent.hex()}))


def mac(digest, message, key=KEY):
    import hmac
    return hmac.new(key, message, digest).digest()


digests = ["md5", "sha256", "sha384", "sha3_256", "sha3_384"]
deliver("legacy", lambda m: mac("md5", m))
deliver("wrong key", lambda m: mac("md5", m, b"another"))
deliver("nonsense", lambda m: b"#CHALLENGE#" + b"x" * 30)
answer("legacy", bytes(range(20)))
answer("rejected", bytes(range(20)), b"#FAILURE#")
if hasattr(connection, "_ALLOWED_DIGESTS"):
    for d in digests:
        deliver(d, lambda m: b"{%s}" % d.encode() + mac(d, m))
        deliver("asks " + d, lambda m: b"{%s}" % d.encode() + mac(d, m), digest_name=d)
        answer(d, b"{%s}" % d.encode() + bytes(range(40)))
    deliver("short", lambda m: b"{sha256}" + mac("sha256", m)[:31])
    deliver("20 bytes", lambda m: bytes(20))
    deliver("unknown digest", lambda m: b"{sha1}" + mac("sha1", m))
    answer("short", bytes(19))
    answer("unknown digest", b"{sha1}" + bytes(40))
    answer("no digest", bytes(40))
