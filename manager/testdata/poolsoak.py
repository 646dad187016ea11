"""Threads that use one pool while its workers are killed: each call ends, with its result or with BrokenProcessPool. Prints how many of each there were.

The server's Config.Main is this file. Argument 2: calls of each thread.
"""
import collections
import os
import random
import signal
import sys
import threading
from concurrent.futures.process import BrokenProcessPool

from client import alive, connect


def work(q, x):
    if random.random() < 0.01:
        q.put(os.getpid())
    return x + 1


def many(p, q, seed, calls, counts):
    rnd = random.Random(seed)
    for i in range(calls):
        n = rnd.randrange(1, 60)
        args, want = [(q, x) for x in range(n)], list(range(1, n + 1))
        try:
            how = rnd.randrange(4)
            if how == 0:
                got = p.starmap(work, args, rnd.choice([None, 1, 5]))
            elif how == 1:
                got = p.starmap_async(work, args).get(60)
            elif how == 2:
                got = list(p.imap(one, args, rnd.choice([1, 4])))
            else:
                got = [p.apply(work, args[0])]
                want = want[:1]
            assert got == want, (how, got)
            counts["done"] += 1
        except BrokenProcessPool:
            counts["broken"] += 1
        except BaseException as e:
            counts["wrong"] += 1
            print(repr(e), file=sys.stderr, flush=True)


def one(a):
    return work(*a)


def main():
    m = connect()
    p, q = m.Pool(2), m.Queue()
    counts = collections.Counter()
    threads = [threading.Thread(target=many, args=(p, q, i, int(sys.argv[2]), counts)) for i in range(4)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        alive()
        try:
            os.kill(q.get(timeout=0.2), signal.SIGKILL)
            counts["killed"] += 1
        except Exception:  # nobody, or somebody who is gone already
            pass
    assert p.starmap(work, [(q, 1)] * 4) == [2] * 4
    print(counts["wrong"], counts["done"], counts["broken"], counts["killed"], flush=True)


if __name__ == "__main__":
    main()
