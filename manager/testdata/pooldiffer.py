"""The same random calls to pools of the server at sys.argv[1] and to those of a manager that CPython runs. Arguments: address, seed, calls.

Prints a line for each difference that LISTED does not explain, then how many calls there were of each method. The server's Config.Main is
this file.
"""
import collections
import ctypes
import operator
import random
import re
import signal
import sys
from multiprocessing.managers import BaseProxy, RemoteError

import client

# What differs, and why: method (a regular expression), what is in the two outcomes, the reason.
LISTED = [
    ("create", "maxtasksperchild", "maxtasksperchild", "checked from 3.10 on") if sys.version_info >= (3, 10) else ("create", "", "maxtasksperchild", "checked from 3.10 on"),
    (".*", "RemoteError.*(AttributeError|ModuleNotFoundError)", "AttributeError|ModuleNotFoundError",
     "CPython's server unpickles the whole request, and fails before the call; here a worker does, and the exception is its own"),
    (".*", "__main__", "__mp_main__", "CPython forks its workers, here they load the script as spawned ones do"),
    (".*", "MaybeEncodingError", "MaybeEncodingError", "CPython makes it anew in the manager, with the repr of a repr"),
]


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is type(self) and self.x == other.x

    def __repr__(self):
        return "Point(%r)" % (self.x,)

    def moved(self, by):
        return Point(self.x + by)


class Values:
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


class Broken:
    def __iter__(self):
        yield 1
        raise KeyError("no more")


class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)
        self.b = b


def square(x):
    return x * x


def point(x, y=0):
    return Point((x, y))


def odd(x):
    if x in (3, "b"):
        raise Odd(x, "odd")
    return x


def noresult(x):
    return lambda: x


def stop(x):
    raise StopIteration(x)


def exits(x):
    raise LookupError


FUNCTIONS = [square, square, point, odd, odd, noresult, stop, exits, str, len, operator.neg, repr, abs, divmod, pow, Point, Point(3).moved, str.upper, 5, None, "f",
             operator.itemgetter(0)]
SAFE = [str, repr, Point, type]


def norm(v):
    t = type(v).__name__
    if isinstance(v, (list, tuple)):
        return (t, [norm(x) for x in v])
    if isinstance(v, str):
        return (t, re.sub(r" at 0x[0-9a-f]+", " at X", v))
    if isinstance(v, RemoteError):
        return (t, norm(v.args[0].strip().splitlines()[-1]))
    if isinstance(v, BaseException):
        return (t, [norm(x) for x in v.args], "odd" if isinstance(v, Odd) and v.b == "odd" else "")
    if isinstance(v, BaseProxy):
        return "proxy"
    return (t, repr(v))


def value():
    return rnd.choice([0, 1, 2, 3, 4, 2.5, "a", "b", [1, 2], (1, 2), None, True, b"x", Point(1), {"k": 1}, -7, 2**70])


def iterable():
    n = rnd.randrange(7)
    return rnd.choice([lambda: [value() for _ in range(n)], lambda: [value() for _ in range(n)], lambda: range(n), lambda: [rnd.randrange(5) for _ in range(n)], lambda: "abc",
                       lambda: {1: 2, 3: 4}, lambda: Values([1, 2, 3]), lambda: Broken(), lambda: 5, lambda: None, lambda: iter([1, 2, 3]), lambda: b"ab", lambda: ()])()


def pairs():
    return rnd.choice([lambda: [(rnd.randrange(4), rnd.randrange(1, 4)) for _ in range(rnd.randrange(6))], lambda: [(value(), value()) for _ in range(3)], lambda: [(1,), (2, 3)],
                       lambda: [5], lambda: [[1, 2]], lambda: ["ab"], lambda: 7, lambda: Values([(1, 2)])])()


def size():
    return rnd.choice([None, None, None, 1, 2, 3, 100, 0, -1, True, "a"])


def one(f):
    return rnd.choice([
        lambda: ("apply", (f, rnd.choice([(), (value(),), (value(), value()), [1], 5, "ab"])), {}),
        lambda: ("apply", (f, (1,), rnd.choice([{}, {"y": 2}, {"nonsense": 1}])), {}),
        lambda: ("map", (f, iterable()), {}), lambda: ("map", (f, iterable(), size()), {}), lambda: ("map", (f, iterable()), {"chunksize": size()}),
        lambda: ("starmap", (f, pairs()), {}), lambda: ("starmap", (f, pairs(), size()), {}),
        lambda: ("apply_async", (f, (value(),)), {}), lambda: ("map_async", (f, iterable(), size()), {}), lambda: ("starmap_async", (f, pairs()), {}),
        lambda: ("imap", (f, iterable()), {}), lambda: ("imap", (f, iterable(), rnd.choice([1, 2, 3, 0, -1, "a", None, True])), {}),
        lambda: ("imap_unordered", (f, iterable(), rnd.choice([1, 2, 0, "a"])), {}),
        lambda: ("join", (), {}), lambda: ("__repr__", (), {}), lambda: ("nope", (), {}), lambda: ("map", (f,), {}), lambda: ("apply", (), {}), lambda: ("map", (f, [1]), {"x": 1}),
        lambda: ("apply", (f, (1,), {}, 4), {}), lambda: ("close", (1,), {}), lambda: ("imap", (f, [1], 1, 2), {}), lambda: ("#GETVALUE", (), {}),
    ])()


def outcome(f, *args):
    try:
        return f(*args), None
    except Exception as e:
        return None, e


def listed(method, theirs, ours):
    for i, (m, a, b, _) in enumerate(LISTED):
        if re.fullmatch(m, method) and re.search(a, repr(theirs)) and re.search(b, repr(ours)):
            explained[i] += 1
            return True
    return False


def check(method, args, theirs, ours, order=True):
    counts[method] += 1
    a, b = norm(theirs[1] or theirs[0]), norm(ours[1] or ours[0])
    if not order:
        a, b = [(t, sorted(v, key=repr)) for t, v in (a, b)]
    if a != b and not listed(method, a, b):
        print("DIFF", method, ascii(args), "\n   CPython:", ascii(a), "\n   atrium: ", ascii(b))


def drain(it):
    """What an iterator gives, exceptions too."""
    got = []
    for _ in range(40):
        v, e = outcome(it.__next__)
        got.append(e or v)
        if isinstance(e, (StopIteration, RemoteError)) and not (e.args and isinstance(e, StopIteration)):
            return got
    return got


def results(method, args, pair):
    """What is behind two proxies that a call gave."""
    if "imap" in method:
        r = rnd.random()
        if r < 0.1:
            for name, a in rnd.choice([[("send", (None,)), ("close", ()), ("send", (1,))], [("throw", (KeyError("t"),)), ("throw", (ValueError,))], [("send", (1,)), ("close", (1,))],
                                       [("__next__", (1, 2)), ("throw", ()), ("throw", (5,))]]):
                check("iterator." + name, (method, args, a), *[outcome(it._callmethod, name, a) for it in pair])
        check("iterator", (method, args), *[(drain(it), None) for it in pair], order=method == "imap")
        return
    for name, a in [("wait", (20,)), ("ready", ()), ("successful", ()), ("get", (20,)), ("get", ()), ("get", ("a",)), ("wait", (1, 2)), ("nope", ())]:
        check("AsyncResult." + name, (method, args, a), *[outcome(r._callmethod, name, a) for r in pair])


def once(pair, functions):
    method, args, kwds = one(rnd.choice(functions))
    if functions is SAFE and "starmap" in method:
        return
    got = [outcome(p._callmethod, method, args, kwds) for p in pair]
    check(method, (args, kwds), *got)
    if isinstance(got[0][0], BaseProxy) and isinstance(got[1][0], BaseProxy):
        results(method, args, [v for v, _ in got])


def pools(*args, **kwds):
    made = [outcome(lambda m: m.Pool(*args, **kwds), m) for m in (stock, ours)]
    check("create", (args, kwds), *made)
    return [p for p, _ in made]


def main():
    for args in [(0,), (-1,), ("a",), (1, 5), (1, None, (), 0), (1, None, (), "a"), (1, None, (), None, None, 1)]:
        pools(*args)
    while sum(counts.values()) < CALLS:
        client.alive()
        processes = rnd.choice([1, 1, 2])
        pair = pools(processes)
        for i in range(60):
            if i % 20 == 0:
                client.alive()
            once(pair, FUNCTIONS if processes == 1 else SAFE)  # else the first of several exceptions is anyone's
        end = rnd.choice(["close", "terminate"])
        for method, args in [(end, ()), ("map", (square, [1])), ("apply", (square, (1,))), ("imap", (square, [1])), ("map_async", (square, [1])), ("terminate", ()), ("join", ()), (end, ())]:
            check("ended." + method, (end, args), *[outcome(p._callmethod, method, args) for p in pair])
    for i, n in sorted(explained.items()):
        print("listed", n, LISTED[i][0], LISTED[i][3])
    print("calls", sum(counts.values()), dict(counts))


if __name__ == "__main__":
    rnd = random.Random(int(sys.argv[2]))
    CALLS = int(sys.argv[3])
    counts, explained = collections.Counter(), collections.Counter()
    stock = client.Manager()
    stock.start(lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL))  # PR_SET_PDEATHSIG
    ours = client.connect()
    main()
    stock.shutdown()
