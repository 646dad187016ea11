"""Prints microseconds for each call, of a method of a registered type too, and each new list: this server's and CPython's own manager's."""
import time

from client import Manager, connect


def each(n, f):
    best = 1e9
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(n):
            f()
        best = min(best, (time.perf_counter() - began) / n)
    return best * 1e6


class Counter:
    def __init__(self, n):
        self.n = n

    def add(self, n):
        self.n += n
        return self.n


Manager.register("Counter", Counter)
stock = Manager()
stock.start()
ours = connect()
for name, m in (("atrium", ours), ("CPython", stock)):
    d = m.dict()
    d["key"] = 1
    print("µs/get-%s %.1f" % (name, each(5000, lambda: d["key"])))
    c = m.Counter(0)
    print("µs/add-%s %.1f" % (name, each(5000, lambda: c.add(1))))
    print("µs/list-%s %.0f" % (name, each(200, lambda: m.list())))
print("end")
stock.shutdown()
