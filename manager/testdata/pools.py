"""The server's Pool, as a program uses one. Functions are in this script, which is the server's Config.Main."""
import functools
import multiprocessing as mp
import operator
import os
import sys
import threading
import time
from multiprocessing.managers import RemoteError, SyncManager

try:
    import numpy
except ImportError:
    numpy = None

from client import alive, connect


def square(x):
    return x * x


def add(a, b=0, *, c=0):
    return a + b + c


def fail(x):
    if x == 3:
        raise ValueError("no threes", x)
    return x


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is type(self) and self.x == other.x


def move(p):
    return Point(p.x + 1)


def count(d, lock, i):
    with lock:
        d["n"] = d.get("n", 0) + 1
    return d


def make(d):
    d["made"] = True
    return [d]


def setup(d, lock, x):
    global given
    given = x
    with lock:
        d["begun"] = d.get("begun", 0) + 1


def what_was_given(_):
    return given


def pid(_):
    return os.getpid()


def wait_for(e):
    return e.wait(20)


def unpicklable(_):
    return lambda: 0


def fresh(d, i):
    """A new object, of which nobody but the result has a proxy."""
    m = SyncManager(d._token.address, authkey=bytes(mp.current_process().authkey))
    m.connect()
    return m.list([i])


def act(q):
    q.put("acted")


def grow(l, x):
    l.append(x)
    return x


class Values:
    """An iterable that only Python can iterate over."""

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))


def raises(what, text, f, *args, **kwds):
    try:
        f(*args, **kwds)
    except what as e:
        assert text in str(e), (text, str(e))
        return e
    raise AssertionError("it did not raise %s" % what.__name__)


def main():
    m = connect()
    with m.Pool(2) as p:
        assert p.map(square, range(10)) == [x * x for x in range(10)]
        assert p.map(square, []) == [] and p.map(square, {3: 1}) == [9] and p.map(square, m.list([5])) == [25] and p.map(square, Values(3)) == [0, 1, 4]
        assert p.map(move, [Point(1), Point(2)]) == [Point(2), Point(3)]
        assert p.apply(add, (1, 2), {"c": 3}) == 6 and p.apply(operator.neg, (1,)) == -1 and p.apply(os.getpid) != os.getpid()
        assert p.starmap(add, [(1, 2), (3, 4)]) == [3, 7] and p.starmap_async(add, [(1, 2)], 1).get(20) == [3]
        r = p.map_async(square, [1, 2, 3], chunksize=2)
        r.wait(20)
        assert r.ready() and r.successful() and r.get() == [1, 4, 9] and r.get(0) == [1, 4, 9]
        e = m.Event()
        r = p.apply_async(wait_for, (e,))
        raises(mp.TimeoutError, "", r.get, 0.01)
        raises(ValueError, "not ready", r.successful)
        assert not r.ready()
        e.set()
        assert r.get(20) is True
        assert list(p.imap(square, range(5))) == [0, 1, 4, 9, 16] == list(p.imap(square, range(5), chunksize=2)) == list(p.imap(square, Values(5)))
        assert sorted(p.imap_unordered(square, range(5))) == [0, 1, 4, 9, 16] == sorted(p.imap_unordered(square, range(5), 3))
        e.clear()
        it = p.imap(wait_for, [e])
        raises(mp.TimeoutError, "", it.__next__, 0.01)
        e.set()
        assert next(it) is True
        raises(StopIteration, "", next, it)

        alive()
        # Exceptions are the function's, with the traceback of the worker.
        x = raises(ValueError, "no threes", p.map, fail, range(6))
        assert x.args == ("no threes", 3) and "in fail" in str(x.__cause__), x.__cause__
        it = p.imap(fail, [2, 3, 4])
        assert next(it) == 2
        raises(ValueError, "no threes", next, it)
        assert next(it) == 4
        raises(mp.pool.MaybeEncodingError, "Error sending result", p.map, unpicklable, [1])
        raises(TypeError, "'int' object is not callable", p.map, 5, [1])
        raises(TypeError, "'int' object is not iterable", p.map, square, 5)
        raises(TypeError, "'int' object is not iterable", next, p.imap(square, 5))
        raises(ValueError, "Chunksize must be 1+, not 0", p.imap, square, [1], 0)
        assert p.map(square, [1, 2], 0) == [None, None]

        if numpy is not None:  # which may not be there for all versions
            a, b = p.map(numpy.cumsum, [numpy.arange(4), numpy.ones((2, 2))])
            assert a.tolist() == [0, 1, 3, 6] and a.dtype == int and b.tolist() == [1, 2, 3, 4]
            assert p.map(square, numpy.arange(3.0)) == [0, 1, 4] and list(p.imap(len, numpy.ones((2, 3)))) == [3, 3]

        alive()
        # Proxies are those of the manager.
        d, lock = m.dict(), m.Lock()
        back = p.starmap(count, [(d, lock, i) for i in range(8)])
        assert d["n"] == 8 and [b["n"] for b in back] == [8] * 8
        assert p.apply(make, (m.dict(),))[0]["made"] is True
        assert [list(l) for l in p.starmap(fresh, [(d, i) for i in range(60)], 1)] == [[i] for i in range(60)]
        alive()
        assert len(set(p.map(pid, range(40), 1))) <= 2
    raises(ValueError, "Pool not running", p.map, square, [1])
    p.join()

    alive()
    d, lock = m.dict(), m.Lock()
    p = m.Pool(2, setup, (d, lock, "x"), maxtasksperchild=3)
    assert p.map(what_was_given, range(4)) == ["x"] * 4
    pids = p.map(pid, range(12), chunksize=1)
    assert max(map(pids.count, pids)) <= 3, pids
    raises(ValueError, "Pool is still running", p.join)
    assert d["begun"] >= 2
    alive()
    r = p.map_async(pid, range(6), 1)
    p.close()
    raises(ValueError, "Pool not running", p.apply, square, (1,))
    p.join()
    assert len(r.get()) == 6
    raises(RemoteError, "ValueError: Number of processes must be at least 1", m.Pool, 0)
    raises(RemoteError, "RuntimeError: a pool of 65 processes", m.Pool, 65)
    raises(RemoteError, "TypeError: initializer must be a callable", m.Pool, 1, 5)
    raises(RemoteError, "ValueError: maxtasksperchild must be a positive int or None", m.Pool, 1, None, (), 0)

    alive()
    # Objects live while an initializer may need them.
    with m.Pool(1, setup, (m.dict(), m.Lock(), "y"), 1) as p:
        assert p.map(what_was_given, range(5), 1) == ["y"] * 5

    # And while a call does that has not begun.
    with m.Pool(1) as p:
        e.clear()
        first = p.apply_async(wait_for, (e,))
        rest = [p.apply_async(len, (m.list([1, 2]),)), p.map_async(len, [m.list([1])]), p.imap(len, [m.list([1, 2, 3])])]
        time.sleep(0.2)  # the server looks for what nobody has
        e.set()
        assert first.get(30) is True and rest[0].get(30) == 2 and rest[1].get(30) == [1] and next(rest[2]) == 3

    # The processes are there, and have begun, before they are needed.
    begun = m.Queue()
    with m.Pool(3, act, (begun,)):
        assert [begun.get(timeout=20) for _ in range(3)] == ["acted"] * 3

    # What is asked for is done though nobody keeps a pool.
    r = m.Pool(1).apply_async(square, (7,))
    assert r.get(30) == 49
    called = m.Queue()
    with m.Pool(1) as p:
        p.apply_async(square, (2,), callback=called.put).get(30)
        assert called.get(timeout=20) == 4
        r = p.apply_async(fail, (3,), error_callback=called.put)
        raises(ValueError, "no threes", r.get, 30)
        assert called.get(timeout=20).args == ("no threes", 3)

    alive()
    # Other code of the clients'.
    l = m.list(["ccc", "a", "bb", "d"])
    l.sort(key=len)
    assert list(l) == ["a", "d", "bb", "ccc"]
    l.sort(key=len, reverse=True)
    assert list(l) == ["ccc", "bb", "a", "d"]
    raises(TypeError, "has no len()", m.list([1]).sort, key=len)
    raises(ValueError, "list modified during sort", l.sort, key=functools.partial(grow, l))
    assert list(l) == ["ccc", "bb", "a", "d", "ccc", "bb", "a", "d"]
    alive()
    b, places = m.Barrier(2, functools.partial(act, called)), []
    t = threading.Thread(target=lambda: places.append((b.wait(), called.qsize())))
    t.start()
    places.append((b.wait(), called.qsize()))
    t.join()
    assert sorted(places) == [(0, 1), (1, 1)] and not b.broken, places
    b = m.Barrier(1, fail)
    raises(TypeError, "missing 1 required", b.wait)
    assert b.broken


if __name__ == "__main__":
    if len(sys.argv) > 2:
        mp.set_start_method(sys.argv[2])
    main()
    print("ok")
