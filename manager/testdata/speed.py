"""Prints microseconds for each call and each new list: this server's and CPython's own manager's."""
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


stock = Manager()
stock.start()
ours = connect()
for name, m in (("atrium", ours), ("CPython", stock)):
    d = m.dict()
    d["key"] = 1
    print("µs/get-%s %.1f" % (name, each(5000, lambda: d["key"])))
    print("µs/list-%s %.0f" % (name, each(200, lambda: m.list())))
print("end")
stock.shutdown()
