"""Adds to the dict as stock Python, or dies with its lock. It is given which, the server's address and the file of the key."""
import sys
import time
from multiprocessing.managers import AcquirerProxy, DictProxy, SyncManager


class Manager(SyncManager):
    pass


Manager.register("get_counts", proxytype=DictProxy)
Manager.register("get_lock", proxytype=AcquirerProxy)


def add(counts, lock):
    for _ in range(100):
        with lock:
            counts["both"] += 1  # a get and a set: without the lock somebody's would be lost


def die(counts, lock):
    with lock:
        counts["both"] += 1000000
        print("has the lock", flush=True)
        time.sleep(60)           # in the middle of a change
        counts["both"] -= 1000000


if __name__ == "__main__":
    what, address, keyfile = sys.argv[1:]
    with open(keyfile, "rb") as f:
        m = Manager(address, f.read())
    m.connect()
    {"add": add, "die": die}[what](m.get_counts(), m.get_lock())
