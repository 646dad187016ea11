"""What clients see when their workers are killed. The server's Config.Main is this file."""
import os
import signal
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.managers import RemoteError

from client import alive, connect


def die(x, how, where):
    if x == where:
        print("this is the end", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL) if how == "kill" else os._exit(7)
    time.sleep(0.001)
    return x


def dies(x):
    return die(x, "kill", 5)


def leaves(x):
    return die(x, "exit", 5)


def asked(how):
    sys.exit(how)


def tell_and_wait(q, e):
    q.put(os.getpid())
    e.wait()
    return "done"


def fine(x):
    return -x


def fails():
    raise ValueError("not today")


def broken(text, f, *args, **kwds):
    try:
        v = f(*args, **kwds)
    except RuntimeError as e:  # what a BrokenProcessPool is
        assert type(e) is BrokenProcessPool and text in str(e), (type(e), str(e))
        return str(e)
    raise AssertionError("no error but %r" % (v,))


def main():
    m = connect()
    p = m.Pool(2)
    broken("this is the end", p.map, dies, range(1000), 1)
    assert p.map(fine, range(100)) == [-x for x in range(100)]
    alive()
    assert "exit status 7" in broken("this is the end", p.map, leaves, range(40), 3)
    broken("exit status 3", p.apply, asked, (3,))
    r = p.apply_async(dies, (5,))
    broken("killed by signal 9", r.get, 30)
    assert not r.successful()
    assert p.starmap(divmod, [(7, 2)]) == [(3, 1)]

    alive()
    # Of an imap one result is lost.
    it = p.imap(dies, range(8))
    assert [next(it) for _ in range(5)] == [0, 1, 2, 3, 4]
    broken("killed by signal 9", next, it)
    assert list(it) == [6, 7]
    it = p.imap_unordered(dies, range(8), 2)
    try:
        got = [next(it) for _ in range(8)]
    except BrokenProcessPool:
        pass

    alive()
    # From a death to the error: what the test prints, as how long it takes is the machine's business too.
    q, e = m.Queue(), m.Event()
    took = []
    for _ in range(5):
        alive()
        r = p.map_async(tell, [(q, e)] * 2, 1)
        pid = q.get(timeout=30)
        q.get(timeout=30)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        broken("killed by signal 9", r.get, 30)
        took.append(time.monotonic() - began)
    print("took %.1f ms" % (min(took) * 1000))
    assert p.map(fine, [1, 2]) == [-1, -2]

    alive()
    # A sort, and a barrier's action.
    l = m.list([4, 5, 6])
    broken("killed by signal 9", l.sort, key=dies)
    l.sort(key=fine)
    assert list(l) == [6, 5, 4]
    b = m.Barrier(1, os.abort)
    broken("killed by signal 6", b.wait)

    alive()
    # An initializer that fails, or kills.
    bad = m.Pool(1, fails)
    assert "ValueError" in broken("not today", bad.map, fine, [1])
    bad = m.Pool(2, os.abort)
    broken("signal 6", bad.map, fine, [1])
    bad.terminate()

    alive()
    # What is not done when a pool is terminated.
    r = p.map_async(tell, [(q, e)], 1)
    q.get(timeout=30)
    p.terminate()
    broken("terminated", r.get, 30)
    p.join()
    print("ok")


def tell(a):
    return tell_and_wait(*a)


if __name__ == "__main__":
    main()
