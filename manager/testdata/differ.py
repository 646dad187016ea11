"""The same random calls to the server at sys.argv[1] and to a manager that CPython runs itself. Arguments: address, seed, calls.

Prints a line for each difference that LISTED does not explain, then how many calls there were of each type.
"""
import array
import collections
import ctypes
import datetime
import decimal
import math
import random
import re
import signal
import sys
from multiprocessing.managers import BaseProxy, RemoteError

import client

rnd = random.Random(int(sys.argv[2]))
CALLS = int(sys.argv[3])

# What differs, and why: type, method (regular expressions), what is in the two outcomes, the reason.
OPAQUE = r"Decimal|Fraction|deque|OrderedDict|Point|date|array\("
LISTED = [
    ("list", "clear|copy", "KeyError", "", "methods that later Pythons expose are there for all clients"),
    ("dict", "__or__|__ror__|__ior__|__reversed__|fromkeys", "KeyError", "", "the same"),
    ("Queue", "shutdown", "KeyError", "", "the same"),
    (".*", "locked", "KeyError", "", "the same"),
    ("list|dict|set|Namespace|Value", ".*", OPAQUE, OPAQUE, "objects of unknown classes print as the call that makes them"),
    ("dict|set", ".*", "unhashable type: 'slice'", "", "slices are hashable from 3.12 on"),
    ("list", "sort", "not supported between", "not supported between", "which two elements are compared first is the sort's business"),
]


def text(s):
    return re.sub(r" at (0x)?[0-9a-f-]+", " at X", re.sub(r"owner=\S+", "owner=X", s))


def norm(v):
    """v as something that compares as we mean it: types count, order of sets does not."""
    t = type(v).__name__
    if isinstance(v, float):
        return (t, "nan" if math.isnan(v) else v, math.copysign(1, v))
    if isinstance(v, (list, tuple, collections.deque)):
        return (t, [norm(x) for x in v])
    if isinstance(v, (set, frozenset)):
        return (t, sorted((norm(x) for x in v), key=repr))
    if isinstance(v, dict):
        return (t, [(norm(k), norm(x)) for k, x in v.items()])
    if isinstance(v, array.array):
        return (t, v.typecode, [norm(x) for x in v])
    if isinstance(v, str):
        return (t, text(v))
    if isinstance(v, BaseProxy):
        return (t, text(str(v)))
    if t in ("list_iterator", "list_reverseiterator", "tuple_iterator"):
        return ("iterator", [norm(x) for x in v])
    if isinstance(v, RemoteError):
        lines = v.args[0].strip().splitlines()
        return (t, text(lines[-1]))
    if isinstance(v, BaseException):
        return (t, [norm(x) for x in v.args])
    if hasattr(v, "__dict__") and not isinstance(v, type):
        return (t, norm(v.__dict__))
    return (t, v)


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Point and self.x == other.x

    def __hash__(self):
        return hash(self.x)


SCALARS = [0, 1, -1, 2, 3, 5, True, False, None, 2**31, 2**63, -2**63, 2**70, -2**70, 0.5, 1.0, 2.0, -0.0, math.inf, 1e16, 1e-5, 1e300, "", "a", "b",
           "ab", "\u00e9", "it's", '"', "\n\t\\", "\U0001F600", "\ud800", b"", b"a", b"ab", 1j, 2 + 0j, 3.0, 10, 100]
KEYS = [0, 1, 1.0, True, "a", "b", "c", (1, 2), (), None, 2.5, 2**70, frozenset([1]), b"a", -1]


def scalar():
    return rnd.choice(SCALARS)


def value(depth=0):
    r = rnd.random()
    if r < 0.55 or depth > 2:
        return scalar()
    n = rnd.randrange(4)
    if r < 0.68:
        return [value(depth + 1) for _ in range(n)]
    if r < 0.78:
        return tuple(value(depth + 1) for _ in range(n))
    if r < 0.86:
        return {key(): value(depth + 1) for _ in range(n)}
    if r < 0.90:
        return {key()}
    if r < 0.92:
        return frozenset([key()])
    if r < 0.94:
        return bytearray(b"xyz"[:n])
    if r < 0.96:
        return range(n, n + 3)
    return rnd.choice([decimal.Decimal("1.5"), datetime.date(2020, 1, 2), Point(n), collections.deque([1, 2]), collections.OrderedDict(a=1),
                       slice(1, None), array.array("i", [1, n]), math.nan])


def key():
    return rnd.choice(KEYS)


def badkey():
    return rnd.choice(KEYS) if rnd.random() < 0.93 else rnd.choice([[], {}, set(), bytearray(b"a"), ([],), slice(1)])


def index():
    return rnd.choice([0, 1, 2, 3, 4, 5, 6, -1, -2, -3, -7, 12, True, None, "a", 1.5, 2**70, -2**70] + [0, 1, 2, -1] * 3)


def part():
    return rnd.choice([None, None, 0, 1, 2, 3, 5, -1, -2, -9, 9, 2**70, -2**70])


def aslice():
    return slice(part(), part(), rnd.choice([None, None, 1, 2, -1, -2, 3, 0, 2**70]) if rnd.random() < 0.9 else "a")


def iterable():
    return rnd.choice([lambda: [value(1) for _ in range(rnd.randrange(5))], lambda: tuple(scalar() for _ in range(3)), lambda: "ab\u00e9",
                       lambda: {key(): 1, key(): 2}, lambda: range(3), lambda: b"ab", lambda: bytearray(b"xy"), lambda: 5, lambda: None,
                       lambda: frozenset([1]), lambda: [], lambda: array.array("d", [1, 2]), lambda: collections.deque([1]),
                       lambda: iter([1, 2, 3]), lambda: {1: 2}.items and [(1, 2)]])()


def numbers():
    return [rnd.choice([0, 1, 2, 3, 2, 1, -1, 5, 2.5, True]) for _ in range(rnd.randrange(6))]


def pairs():
    return rnd.choice([lambda: {key(): value() for _ in range(4)}, lambda: [(badkey(), value()) for _ in range(3)], lambda: [["a", 1], ("b", 2)],
                       lambda: ["ab", "cd"], lambda: [1], lambda: ["abc"], lambda: 5, lambda: None, lambda: "ab", lambda: [(1, 2), (3,)],
                       lambda: collections.OrderedDict(z=1, y=2), lambda: []])()


def timeout():
    return rnd.choice([0, 0.001, 0.001, -1, "a", 0.0, True and 0.001])


def wrong(method, args):
    """Now and then another number of arguments, or a keyword nobody knows. Nothing that would wait for ever."""
    r = rnd.random()
    if r < 0.02 and method not in ("get", "put", "acquire", "wait"):
        return args[:-1], {}
    if r < 0.04:
        return args + (1,), {}
    if r < 0.05:
        return args + (1, 2, 3), {}
    if r < 0.06:
        return args, {"nonsense": 1}
    return args, {}


def L(mixed):
    v = value if mixed else lambda: rnd.choice([0, 1, 2, 3, 2.5, True, 7])
    return rnd.choice([
        lambda: ("append", (v(),)), lambda: ("append", (v(),)), lambda: ("extend", (iterable() if mixed else numbers(),)), lambda: ("insert", (index(), v())),
        lambda: ("pop", ()), lambda: ("pop", (index(),)), lambda: ("remove", (v(),)), lambda: ("index", (v(),)),
        lambda: ("index", (v(), index())), lambda: ("index", (v(), index(), index())), lambda: ("count", (v(),)), lambda: ("reverse", ()),
        lambda: ("sort", ()), lambda: ("__getitem__", (index(),)), lambda: ("__getitem__", (aslice(),)), lambda: ("__setitem__", (index(), v())),
        lambda: ("__setitem__", (aslice(), iterable() if mixed else numbers())), lambda: ("__delitem__", (index(),)), lambda: ("__delitem__", (aslice(),)),
        lambda: ("__contains__", (v(),)), lambda: ("__len__", ()), lambda: ("__add__", (iterable(),)), lambda: ("__mul__", (index(),)),
        lambda: ("__rmul__", (rnd.randrange(3),)), lambda: ("__imul__", (rnd.choice([0, 1, 2, 1, 1, -1, "a", 1.5]),)), lambda: ("__reversed__", ()),
        lambda: ("__repr__", ()), lambda: ("__str__", ()), lambda: ("#GETVALUE", ()), lambda: ("nope", ()), lambda: ("__iter__", ()),
        lambda: ("sort", (), {"reverse": rnd.choice([True, False, 1, "a", None])}), lambda: ("sort", (), {"key": rnd.choice([None, 5])}),
        lambda: ("clear", ()) if rnd.random() < 0.1 else ("__len__", ()),
    ])()


def D():
    return rnd.choice([
        lambda: ("__setitem__", (badkey(), value())), lambda: ("__setitem__", (badkey(), value())), lambda: ("__getitem__", (badkey(),)),
        lambda: ("__delitem__", (badkey(),)), lambda: ("__contains__", (badkey(),)), lambda: ("__len__", ()), lambda: ("get", (badkey(),)),
        lambda: ("get", (badkey(), value())), lambda: ("pop", (badkey(),)), lambda: ("pop", (badkey(), value())), lambda: ("popitem", ()),
        lambda: ("setdefault", (badkey(),)), lambda: ("setdefault", (badkey(), value())), lambda: ("update", (pairs(),)),
        lambda: ("update", (pairs(),), {"a": value(), "z": 1}), lambda: ("update", ()), lambda: ("keys", ()), lambda: ("values", ()),
        lambda: ("items", ()), lambda: ("copy", ()), lambda: ("__repr__", ()), lambda: ("__str__", ()), lambda: ("#GETVALUE", ()), lambda: ("nope", ()),
        lambda: ("clear", ()) if rnd.random() < 0.2 else ("__len__", ()), lambda: ("__iter__", ()), lambda: ("has_key", (1,)),
        lambda: ("__or__", ({1: 2},)) if rnd.random() < 0.1 else ("__len__", ()),
    ])()


def elements():
    return rnd.choice([lambda: {key() for _ in range(3)}, lambda: frozenset([key(), key()]), lambda: [badkey(), key()], lambda: 5, lambda: "ab",
                       lambda: {key(): 1}, lambda: range(3), lambda: set(), lambda: (1, 2)])()


def S():
    op = rnd.choice(["__and__", "__iand__", "__ior__", "__isub__", "__ixor__", "__or__", "__rand__", "__ror__", "__rsub__", "__rxor__", "__sub__",
                     "__xor__", "__ge__", "__gt__", "__le__", "__lt__", "isdisjoint", "issubset", "issuperset", "symmetric_difference",
                     "symmetric_difference_update"])
    several = rnd.choice(["difference", "difference_update", "intersection", "intersection_update", "union", "update"])
    return rnd.choice([
        lambda: (op, (elements(),)), lambda: (op, (elements(),)), lambda: (several, tuple(elements() for _ in range(rnd.randrange(3)))),
        lambda: ("add", (badkey(),)), lambda: ("add", (badkey(),)), lambda: ("discard", (badkey(),)), lambda: ("remove", (badkey(),)),
        lambda: ("__contains__", (badkey(),)), lambda: ("__len__", ()), lambda: ("__iter__", ()), lambda: ("copy", ()), lambda: ("#GETVALUE", ()),
        lambda: ("clear", ()) if rnd.random() < 0.2 else ("__len__", ()), lambda: ("nope", ()),
    ])()


def N():
    name = rnd.choice(["x", "y", "_z", "\u00e9", 5, "__dict__" if rnd.random() < 0.3 else "x"])
    return rnd.choice([
        lambda: ("__getattribute__", (name,)), lambda: ("__setattr__", (name, value() if name != "__dict__" else {"x": value(), "z": 1})),
        lambda: ("__setattr__", (name if name != "__dict__" else "y", value())),
        lambda: ("__delattr__", (name if name != "__dict__" else "x",)), lambda: ("__repr__", ()), lambda: ("#GETVALUE", ()), lambda: ("nope", ()),
    ])()


def V():
    return rnd.choice([lambda: ("get", ()), lambda: ("set", (value(),)), lambda: ("__repr__", ()), lambda: ("#GETVALUE", ()), lambda: ("__str__", ()),
                       lambda: ("value", ())])()


def item():
    return rnd.choice([0, 1, -1, 127, 128, 255, 256, 40000, 2**31, 2**32, 2**63, 2**64, 2**70, -2**70, -2**31 - 1, -129, 1.5, "a", "ab", None, True, 10**400,
                       math.inf, math.nan, 0.1, 3, 4, 5])


def typed():
    return rnd.choice([lambda: [rnd.choice([0, 1, 2, 100]) for _ in range(rnd.randrange(4))], lambda: [item()], lambda: b"12345678", lambda: "ab",
                       lambda: range(3), lambda: 5, lambda: bytearray(b"1234"), lambda: array.array("d", [1.0]), lambda: array.array("i", [7])])()


def A():
    return rnd.choice([
        lambda: ("__getitem__", (index(),)), lambda: ("__getitem__", (aslice(),)), lambda: ("__setitem__", (index(), item())),
        lambda: ("__setitem__", (rnd.choice([0, 1, -1]), item())), lambda: ("__setitem__", (aslice(), array.array(rnd.choice("iidBu"),
                                                                                                                 [])))
        if rnd.random() < 0.3 else ("__setitem__", (aslice(), array.array(rnd.choice("iiidB"), [1, 2, 3][:rnd.randrange(4)]))),
        lambda: ("__setitem__", (aslice(), [1])), lambda: ("__len__", ()), lambda: ("__repr__", ()), lambda: ("#GETVALUE", ()), lambda: ("append", (1,)),
    ])()


def block():
    return rnd.choice([(True, 0.001), (False,), (True, timeout()), (False, timeout()), (0,), ("", 5)])


def Q():
    return rnd.choice([
        lambda: ("put", (value(), *block())), lambda: ("put", (value(), *block())), lambda: ("put_nowait", (value(),)), lambda: ("get", block()),
        lambda: ("get", block()), lambda: ("get_nowait", ()), lambda: ("get", (), {"block": False}), lambda: ("get", (), {"timeout": timeout()}),
        lambda: ("put", (), {"item": 1, "block": False}), lambda: ("qsize", ()), lambda: ("empty", ()), lambda: ("full", ()), lambda: ("task_done", ()),
        lambda: ("__repr__", ()), lambda: ("#GETVALUE", ()), lambda: ("nope", ()),
    ])()


def K():
    return rnd.choice([
        lambda: ("acquire", (True, 0.001)), lambda: ("acquire", (False,)), lambda: ("acquire", (rnd.choice([True, False, "a", None, 1.5]), rnd.choice([0, 0.001, -2, "a", 0.0]))),
        lambda: ("acquire", (False, 1)), lambda: ("release", ()), lambda: ("release", ()), lambda: ("acquire", (), {"blocking": False}),
        lambda: ("acquire", (), {"timeout": rnd.choice([0.001, -2, 1e20, 0])}), lambda: ("#GETVALUE", ()), lambda: ("nope", ()),
        lambda: ("acquire", (), {"nonsense": 1}), lambda: ("acquire", (False, -1)), lambda: ("__repr__", ()), lambda: ("locked", ()),
    ])()


def X():
    return rnd.choice([
        lambda: ("acquire", (True, 0.001)), lambda: ("acquire", (False,)), lambda: ("acquire", (True, timeout())), lambda: ("release", ()), lambda: ("release", ()),
        lambda: ("release", (rnd.choice([0, 1, 2, -1, "a", True]),)), lambda: ("acquire", (False, 1)), lambda: ("acquire", (0, None)),
        lambda: ("__repr__", ()), lambda: ("#GETVALUE", ()),
    ])()


def C():
    return rnd.choice([
        lambda: ("acquire", (True, 0.001)), lambda: ("acquire", (False,)), lambda: ("release", ()), lambda: ("wait", (timeout(),)), lambda: ("notify", ()),
        lambda: ("notify", (rnd.choice([1, 2, 0, -1, "a", 1.5]),)), lambda: ("notify_all", ()), lambda: ("wait", (0.001,)), lambda: ("__repr__", ()),
        lambda: ("acquire", (False, 1)), lambda: ("wait_for", (1,)),
    ])()


def E():
    return rnd.choice([lambda: ("is_set", ()), lambda: ("set", ()), lambda: ("clear", ()), lambda: ("wait", (timeout(),)), lambda: ("__repr__", ()),
                       lambda: ("wait", (0.001,)), lambda: ("nope", ()), lambda: ("#GETVALUE", ())])()


def B():
    return rnd.choice([lambda: ("wait", (timeout(),)), lambda: ("wait", (0.001,)), lambda: ("abort", ()), lambda: ("reset", ()), lambda: ("reset", ()),
                       lambda: ("__getattribute__", (rnd.choice(["parties", "n_waiting", "broken", "nope", 5]),)), lambda: ("__repr__", ())])()


def kwds():
    return {k: value() for k in rnd.sample(["x", "y", "_z"], rnd.randrange(3))}


TYPES = {
    # type: (constructor arguments, calls, how often)
    "list": (lambda: rnd.choice([((), {}), ((iterable(),), {}), ((5,), {}), ((1, 2), {}), ((), {"x": 1}), (([value() for _ in range(4)],), {})]), lambda: L(True), 5),
    "list of numbers": (lambda: ((numbers(),), {}), lambda: L(False), 3),
    "dict": (lambda: rnd.choice([((), {}), ((pairs(),), {}), ((), kwds()), ((pairs(),), kwds()), ((1, 2), {})]), D, 5),
    "set": (lambda: rnd.choice([((), {}), ((elements(),), {}), ((elements(),), {}), ((1, 2), {}), ((), {"x": 1})]), S, 4),
    "Namespace": (lambda: rnd.choice([((), kwds()), ((), kwds()), ((1,), {})]), N, 2),
    "Value": (lambda: rnd.choice([(("i", value()), {}), (("i",), {}), ((), {"typecode": "d", "value": 1}), (("x", 1, True, 2), {})]), V, 1),
    "Array": (lambda: rnd.choice([((rnd.choice("bBhHiIlLqQfd"), typed()), {}), (("u", rnd.choice(["ab", ["a"], [1], 5, ["ab"], ""])), {}), ((rnd.choice("bBhHiIlLqQfd"), [1, 2, 3, 4]), {}),
                                  (("i", [1, 2, 3, 4, 5]), {}), ((rnd.choice(["z", 5, "ii", "i"]), [1]), {}), (("i",), {})]), A, 5),
    "Queue": (lambda: rnd.choice([((), {}), ((2,), {}), ((1,), {}), ((0,), {}), (("a",), {}), ((-1,), {}), ((1.5,), {}), ((1, 2), {}), ((), {"maxsize": 3})]), Q, 3),
    "JoinableQueue": (lambda: rnd.choice([((), {}), ((2,), {})]), Q, 1),
    "Lock": (lambda: rnd.choice([((), {}), ((), {}), ((1,), {}), ((), {"x": 1})]), K, 1),
    "RLock": (lambda: ((), {}), K, 1),
    "Semaphore": (lambda: rnd.choice([((), {}), ((2,), {}), ((0,), {}), ((-1,), {}), (("a",), {}), ((None,), {}), ((1, 2), {})]), X, 2),
    "BoundedSemaphore": (lambda: rnd.choice([((), {}), ((2,), {}), ((-1,), {}), ((), {"value": 3})]), X, 1),
    "Condition": (lambda: rnd.choice([((), {}), ((), {}), ((5,), {}), ((1, 2), {})]), C, 1),
    "Event": (lambda: rnd.choice([((), {}), ((), {}), ((1,), {})]), E, 1),
    "Barrier": (lambda: rnd.choice([((2,), {}), ((1,), {}), ((3, None, 0.001), {}), ((0,), {}), ((), {})]), B, 1),
}


def listed(kind, method, theirs, ours):
    for i, (k, m, a, b, _) in enumerate(LISTED):
        if re.fullmatch(k, kind) and re.fullmatch(m, method) and re.search(a, repr(theirs)) and re.search(b, repr(ours)):
            explained[i] += 1
            return True
    return False


def outcome(f, *args):
    try:
        return f(*args), None
    except Exception as e:
        return None, e


def check(kind, method, args, theirs, ours):
    """theirs and ours are outcomes."""
    counts[kind] += 1
    a, b = norm(theirs[1] or theirs[0]), norm(ours[1] or ours[0])
    if (kind, method) == ("set", "__iter__"):
        a, b = [(t, sorted(v, key=repr) if t == "iterator" else v) for t, v in (a, b)]
    if a != b and not listed(kind.split()[0], method, a, b):
        print("DIFF", kind, method, ascii(args), "\n   CPython:", ascii(a), "\n   atrium: ", ascii(b))
    return a == b


def proxies(v):
    return isinstance(v, BaseProxy)


counts, explained = collections.Counter(), collections.Counter()
stock = client.Manager()
stock.start(lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL))  # PR_SET_PDEATHSIG
ours = client.connect()


def once(kind):
    make, calls, _ = TYPES[kind]
    args, kw = make()
    typeid = kind.split()[0]
    made = [outcome(lambda m: getattr(m, typeid)(*args, **kw), m) for m in (stock, ours)]
    check(kind, "create", (args, kw), *[(None, e) for _, e in made])
    if made[0][1] or made[1][1]:
        return
    pair = [p for p, _ in made]
    iterators = None
    for _ in range(25):
        if iterators and rnd.random() < 0.3:
            method, a, k, on = "__next__", (), {}, iterators
        else:
            method, a, *rest = calls()
            a, more = wrong(method, a)
            k = rest[0] if rest else more
            on = pair
        got = [outcome(p._callmethod, method, a, k) for p in on]
        if kind == "set" and method == "pop":
            continue
        if proxies(got[0][0]) and proxies(got[1][0]):
            iterators = [v for v, _ in got]
            continue
        same = check(kind, method, (a, k), *got)
        if method == "sort" and got[0][1]:
            return  # what order it is in then is the sort's business too
        if not same and method not in ("__repr__", "__str__"):
            return  # they are not in the same state any more


names = [k for k, t in TYPES.items() for _ in range(t[2])]
while sum(counts.values()) < CALLS:
    rnd.shuffle(names)
    for name in names:  # all of them, again and again
        once(name)
for i, n in sorted(explained.items()):
    print("listed", n, LISTED[i][:2], LISTED[i][4])
print("calls", sum(counts.values()), dict(counts))
stock.shutdown()
