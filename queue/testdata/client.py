"""A stock Python client of a served queue, as the tests of package queue start it: nothing of ours is imported."""
import os
import sys
import time
from multiprocessing.connection import Client


def connect(address):
    c = Client(address, authkey=b"secret")

    def ask(*request):
        c.send(request)
        kind, value = c.recv()
        if kind == "error":
            raise value
        return value
    ask.connection = c
    return ask


def raised(f, *args):
    """The exception of a call as text."""
    try:
        return "no exception but %r" % (f(*args),)
    except Exception as e:
        return "%s: %s" % (type(e).__name__, e)


def say(*what):
    print(*what, flush=True)


def hear():
    return sys.stdin.readline().strip()
