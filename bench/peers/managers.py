"""manager-*: stock clients of a manager, atrium's or their own."""

import json
import multiprocessing
import os
import subprocess
import time
from multiprocessing.connection import Client
from multiprocessing.managers import SyncManager

from peer import check, main

KEY = b"the bench's key"
CALLS = 4_000  # of each client in a round
OBJECTS = 200
BIG = 64 << 20
IDLE = 1_000
ENTRIES = 1_000_000


class Stock:
    """A manager in a process of its own, as multiprocessing.Manager makes it."""

    def setup(self, scratch, kind):
        multiprocessing.current_process().authkey = KEY
        self.kind = kind
        if kind != "memory":
            self.open()
            self.begin()

    def open(self):
        self.m = SyncManager(authkey=KEY)
        self.m.start()
        self.pid = self.m._process.pid

    def shut(self):
        self.m.shutdown()

    def begin(self):
        if self.kind in ("one", "big"):
            self.d = self.m.dict()
        if self.kind == "four":
            self.d = self.m.dict()
            self.gate = multiprocessing.Barrier(5)
            self.clients = [multiprocessing.Process(target=client, args=(self.d, self.gate, n), daemon=True) for n in range(4)]
            for c in self.clients:
                c.start()

    def round(self, seed):
        return getattr(self, self.kind)(seed)

    def one(self, seed):
        times = {}
        d = self.d
        t = time.perf_counter()
        for i in range(CALLS):
            d["key"] = i + seed
        times["set"] = (time.perf_counter() - t) / CALLS
        t = time.perf_counter()
        for i in range(CALLS):
            d["key"]
        times["get"] = (time.perf_counter() - t) / CALLS
        check(d["key"], CALLS - 1 + seed)
        return times

    def four(self, seed):
        self.gate.wait(60)
        t = time.perf_counter()
        self.gate.wait(60)
        took = time.perf_counter() - t
        check([self.d[n] for n in range(4)], [CALLS - 1] * 4)
        return {"set": took / CALLS / 4}

    def create(self, seed):
        t = time.perf_counter()
        for i in range(OBJECTS):
            d = self.m.list([i])
        took = (time.perf_counter() - t) / OBJECTS
        check(d[0], OBJECTS - 1)
        return {"create": took}

    def big(self, seed):
        v = bytes([seed & 255]) * BIG
        t = time.perf_counter()
        self.d["big"] = v
        put = time.perf_counter() - t
        t = time.perf_counter()
        got = self.d["big"]
        took = time.perf_counter() - t
        check(got == v, True)
        return {"set": put, "get": took}

    def memory(self, seed):
        """The bytes of the server's memory, in a new one: with clients that do nothing, and with the dict."""
        self.open()
        try:
            connections = [Client(self.m.address, authkey=KEY) for _ in range(IDLE)]
            for c in connections:
                c.send((None, "accept_connection", ("idle",), {}))
                check(c.recv(), ("#RETURN", None))
            idle = resident(self.pid)
            for c in connections:
                c.close()
        finally:
            self.shut()
        self.open()
        try:
            d = self.m.dict()
            for i in range(0, ENTRIES, 10_000):
                d.update({k: k + 1 for k in range(i, i + 10_000)})
            check(len(d), ENTRIES)
            check(d[ENTRIES - 1], ENTRIES)
            entries = resident(self.pid)
            del d
        finally:
            self.shut()
        return {"idle": idle, "entries": entries}

    def teardown(self):
        if self.kind == "four":
            for c in self.clients:
                c.terminate()
                c.join()
        if self.kind != "memory":
            self.shut()


class Atrium(Stock):
    """The same with atrium's server, which the bench is when it is started again."""

    def setup(self, scratch, kind, argv, env):
        self.argv, self.env, self.space = argv, env, scratch
        super().setup(scratch, kind)

    def open(self):
        self.server = subprocess.Popen(self.argv, env={**os.environ, **self.env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.server.pid
        self.ask({"do": "setup", "with": {"space": self.space}})
        self.m = SyncManager(self.space + "/m", authkey=KEY)
        self.m.connect()

    def ask(self, request):
        self.server.stdin.write(json.dumps(request).encode() + b"\n")
        self.server.stdin.flush()
        check("ok" in json.loads(self.server.stdout.readline()), True)

    def shut(self):
        self.ask({"do": "teardown"})
        self.server.stdin.close()
        self.server.stdout.close()
        check(self.server.wait(60), 0)


class Echo:
    """What nobody can be faster than: a server that understands nothing, and a client that does only what a proxy has to."""

    def setup(self, scratch, program):
        self.server = subprocess.Popen([program, scratch + "/m"], stdout=subprocess.PIPE)
        check(self.server.stdout.readline(), b"listening\n")
        self.c = Client(scratch + "/m")

    def round(self, seed):
        times = {}
        for metric, call in (("set", ("7f2c91d04b-1", "__setitem__", ("key", seed), {})), ("get", ("7f2c91d04b-1", "__getitem__", ("key",), {}))):
            t = time.perf_counter()
            for i in range(CALLS):
                self.c.send(call)
                kind, _ = self.c.recv()
            times[metric] = (time.perf_counter() - t) / CALLS
            check(kind, "#RETURN")
        return times

    def teardown(self):
        self.c.close()
        check(self.server.wait(60), 0)
        self.server.stdout.close()


def client(d, gate, n):
    while True:
        gate.wait()
        for i in range(CALLS):
            d[n] = i
        gate.wait()


def resident(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main({"multiprocessing.Manager": Stock, "atrium, manager": Atrium, "floor: an echo in C": Echo})
