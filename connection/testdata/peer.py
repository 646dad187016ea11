"""The other end of the tests, in stock Python. Arguments: what to do, an address as an expression, the key (hex, or -)."""
import multiprocessing.connection as mpc
import os
import sys
import time
from multiprocessing import AuthenticationError

what, address = sys.argv[1], eval(sys.argv[2])
key = None if sys.argv[3] == "-" else bytes.fromhex(sys.argv[3])


def echo(c):
    """Values until None, then bytes until the end."""
    while True:
        v = c.recv()
        c.send(v)
        if v is None:
            break
    try:
        while True:
            c.send_bytes(c.recv_bytes())
    except EOFError:
        print("eof")
    c.close()


def client():
    for line in sys.stdin:  # the addresses to go to
        echo(mpc.Client(eval(line), authkey=key))


def refused():
    try:
        mpc.Client(address, authkey=key)
        print("let in")
    except (AuthenticationError, EOFError, OSError) as e:
        print(type(e).__name__ + ": " + str(e))


def listener():
    with mpc.Listener(address, authkey=key) as l:
        print("listening")
        for line in sys.stdin:  # digests to ask for
            if line.strip() != "default" and hasattr(mpc, "_ALLOWED_DIGESTS"):
                mpc.deliver_challenge.__defaults__ = (line.strip(),)
            try:
                echo(l.accept())
            except AuthenticationError as e:
                print(type(e).__name__ + ": " + str(e))


def stall():
    """Messages that stock Python's kernel holds back until a header is acknowledged."""
    c = mpc.Client(address, authkey=key)
    b = bytes(30_000)
    began = time.monotonic()
    for _ in range(20):
        c.send_bytes(b)
        assert len(c.recv_bytes()) == len(b)
    print(int((time.monotonic() - began) * 1000 / 20))


def flood():
    """Messages that tell what they must be, without end."""
    c = mpc.Client(address, authkey=key)
    n = 0
    while True:
        n += 1
        c.send_bytes(n.to_bytes(4, "big") + bytes([n % 251]) * (n * 7919 % 100_000))


def waits():
    """One that waits while the peer is killed."""
    c = mpc.Client(address, authkey=key)
    print("waiting")
    try:
        c.recv_bytes()
    except (EOFError, OSError) as e:
        print(type(e).__name__)


def child():
    """A child that was given an end of a Pipe as descriptor 3."""
    c = mpc.Connection(3)
    c.send({"pid": os.getpid()})
    echo(c)


def speed():
    """Round trips, for the benchmark's comparison: size and count follow on standard input."""
    with mpc.Listener(address, authkey=key) as l:
        print("listening")
        c = l.accept()
        try:
            while True:
                c.send_bytes(c.recv_bytes())
        except EOFError:
            pass


globals()[what]()
