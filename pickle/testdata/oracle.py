"""CPython as the judge of package pickle. Run as: oracle.py gen | check | equal | load; see python_test.go.

Records on the pipes are a big-endian uint32 length and that many bytes.
"""
import array
import collections
import copyreg
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import math
import operator
import pathlib
import pickle
import random
import re
import struct
import sys
import types
import uuid
import zoneinfo

sys.set_int_max_str_digits(0) if hasattr(sys, "set_int_max_str_digits") else None


def put(b):
    b = b.encode("utf-8", "surrogatepass") if isinstance(b, str) else b
    sys.stdout.buffer.write(struct.pack(">I", len(b)) + b)


def get():
    head = sys.stdin.buffer.read(4)
    if not head:
        return None
    return sys.stdin.buffer.read(struct.unpack(">I", head)[0])


# Classes whose pickles use every way that there is.

class Plain:
    def __init__(self, **kw):
        self.__dict__.update(kw)

    class Inner:
        pass


class Slots:
    __slots__ = ("a", "b")


class NewArgs:
    def __new__(cls, a, b=None):
        self = super().__new__(cls)
        self.a, self.b = a, b
        return self

    def __getnewargs__(self):
        return (self.a,)


class NewArgsEx(NewArgs):
    def __getnewargs_ex__(self):
        return (self.a,), {"b": self.b}

    def __getnewargs__(self):
        raise AssertionError


class TupleState:
    def __init__(self, *parts):
        self.parts = parts

    def __getstate__(self):
        return self.parts

    def __setstate__(self, state):
        self.parts = state


class Everything:
    """__reduce__ with list items, dict items and a state."""

    def __init__(self, name):
        self.name, self.items, self.map = name, [], {}

    def append(self, x):
        self.items.append(x)

    def extend(self, xs):
        self.items.extend(xs)

    def __setitem__(self, k, v):
        self.map[k] = v

    def __reduce__(self):
        return Everything, (self.name,), {"extra": 1}, iter(self.items), iter(self.map.items())


def set_state(obj, state):
    obj.how, obj.state = "setter", state


class Setter:
    def __reduce__(self):
        return Setter, (), self.state, None, None, set_state


class SubList(list):
    pass


class SubDict(dict):
    pass


class SubSet(set):
    pass


class SubStr(str):
    pass


class SubBytes(bytes):
    pass


class SubInt(int):
    pass


class SubTuple(tuple):
    pass


class Color(enum.Enum):
    RED = 1
    GREEN = "g"


class Flags(enum.IntFlag):
    A = 1
    B = 2


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Data:
    a: int
    b: list


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int
    b: str


class MyError(Exception):
    pass


def identity(x):
    return x


def make(cls, **kw):
    o = cls.__new__(cls)
    for k, v in kw.items():
        setattr(o, k, v)
    return o


def cycles():
    l = []
    l.append(l)
    yield "list in itself", l
    d = {}
    d["me"] = d
    yield "dict in itself", d
    l = []
    t = (l, 1)
    l.append(t)
    yield "tuple through list", t
    yield "list with that tuple", l
    l = []
    t = (1, 2, 3, l)
    l.append(t)
    yield "long tuple through list", t
    o = Plain()
    o.me = o
    yield "object in itself", o
    o = Plain()
    o.all = {o}
    yield "set through object", o
    o = Plain()
    o.key = {o: 1}
    yield "key of its own dict", o
    a, b = Plain(), Plain()
    a.other, b.other = b, a
    yield "two objects", [a, b]
    l = []
    p = functools.partial(identity, l)
    l.append(p)
    yield "arguments", p


def sharing():
    l = [1]
    yield "list twice", [l, l]
    yield "list in dict and tuple", ({"a": l}, (l,), l)
    d, s, b = {1: 2}, {1}, bytearray(b"x")
    yield "dict, set, bytearray twice", [d, d, s, s, b, b]
    f, t = frozenset([1, 2]), (1, [2])
    yield "frozenset and tuple twice", [f, f, t, t]
    o = Plain(a=1)
    yield "object twice", [o, o, {"o": o}]
    long = "x" * 100
    yield "long string twice", [long, long, b"y" * 100 + b"z"]
    rows = [{"name": "a", "value": 1} for _ in range(20)]
    yield "keys many times", rows
    e = ValueError("x")
    yield "exception twice", [e, e]
    yield "300 lists, twice", [[[i] for i in range(300)]] * 2


def table():
    yield "None", None
    yield "True", True
    yield "False", False
    for k in (0, 1, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 2031, 2040, 2048, 5000):
        for d in (-1, 0, 1):
            yield f"int 2**{k}{d:+}", 2**k + d
            yield f"int -2**{k}{d:+}", -(2**k) + d
    for f in (0.0, -0.0, 1.0, -1.5, 0.1, 1e16, 1e15, 9999999999999998.0, 1e-4, 1e-5, 1e22, 1e100, 5e-324, 1.7976931348623157e308,
              math.pi, math.inf, -math.inf, math.nan, 123456789.125, 2.0**53, 1e300):
        yield f"float {f!r}", f
    for c in (0j, 1j, 1 + 2j, -1.5 - 0.5j, complex(0.0, -0.0), complex(-0.0, 1), complex(math.inf, math.nan), 1e20 + 1e-7j):
        yield f"complex {c!r}", c
    for s in ("", "a", "hello", "it's", 'say "x"', "it's \"x\"", "a\nb\r\t\\n\x00\x7f", "é", "ÿ\x80\xa0\xad", "日本語", "🎉", "\u2028\ufeff\ufffd",
              "\ud800", "a\udcffb", "\ud83d\ude00", "\\u0041", "\\\\u0041", "\\", "\\\\", "\\U0001F389", "\U00010000\U0010ffff\U000e0001",
              "x" * 255, "x" * 256, "é" * 128, "y" * 65535, "z" * 65536, "w" * 200000):
        yield f"str {s[:12]!r} {len(s)}", s
    for b in (b"", b"a", b"\x00\xff", bytes(range(256)), b"'", b'"', b"'\"\\\n\r\t", b"x" * 255, b"y" * 256, b"z" * 65535, b"w" * 65536, b"v" * 150000):
        yield f"bytes {b[:8]!r} {len(b)}", b
        yield f"bytearray {b[:8]!r} {len(b)}", bytearray(b)
    for n in (0, 1, 2, 3, 4, 5, 300, 1000, 1001, 2001):
        yield f"tuple of {n}", tuple(range(n))
        yield f"list of {n}", list(range(n))
        yield f"dict of {n}", {i: str(i) for i in range(n)}
        yield f"dict with names {n}", {f"k{i}": i for i in range(n)}
        yield f"set of {n}", set(range(n))
        yield f"frozenset of {n}", frozenset(range(n))
    yield "nested", {"a": [(1, {"b": {2, 3}}, frozenset(["x"])), None], (1, (2, "k")): [True, {}], b"k": (), 1.5: [[[]]], None: 0, frozenset([1]): 1}
    yield "60 deep", functools.reduce(lambda v, _: [v], range(60), 1)
    yield "60 deep tuples", functools.reduce(lambda v, _: (v, 0), range(60), 1)
    yield "60 deep dicts", functools.reduce(lambda v, _: {"k": v}, range(60), 1)
    for r in (range(0), range(3), range(1, 10, 2), range(10, 0, -3), range(2**62)):
        yield f"{r}", r
    for s in (slice(None), slice(1, 2), slice(None, None, -1), slice(2**70, 1)):
        yield f"{s}", s
    yield "range of big", range(2**70)
    yield "slice of str", slice("a", "b")
    yield from cycles()
    yield from sharing()
    for x in (int, len, dict, collections.OrderedDict, Plain, Plain.Inner, identity, Ellipsis, NotImplemented, type(None), math.sin, dict.fromkeys,
              "".join, [].append, operator.attrgetter("a"), operator.itemgetter(1, 2), re.compile("a+b", re.I), functools.partial(identity, 1, k=2)):
        yield f"{x!r:.40}", x
    yield "Plain", Plain(a=1, b=[2, "x"])
    yield "empty Plain", Plain()
    yield "Inner", Plain.Inner()
    yield "object()", object()
    yield "Slots", make(Slots, a=1, b=2)
    yield "NewArgs", NewArgs(1, 2)
    yield "NewArgsEx", NewArgsEx(1, b=[2])
    yield "TupleState", TupleState(1, "x")
    e = Everything("n")
    e.items, e.map = [1, 2, 3], {"a": 1, (1, 2): [3]}
    yield "Everything", e
    yield "Setter", [make(Setter, state={"x": 1}), 7]
    yield "SubList", make(SubList, attr=1).__iadd__([1, 2, 3])
    d = SubDict(a=1)
    d.attr = "x"
    yield "SubDict", d
    yield "SubSet", SubSet([1])
    yield "SubStr", SubStr("abc")
    yield "SubBytes", SubBytes(b"abc")
    yield "SubInt", SubInt(5)
    yield "SubTuple", SubTuple((1, 2))
    yield "Enum", [Color.RED, Color.GREEN, Color.RED, Flags.A | Flags.B]
    yield "namedtuple", Point(1, y=2)
    yield "dataclass", Data(1, [2])
    yield "frozen dataclass", {Frozen(1, "a"): 1, Frozen(2, "b"): 2}
    for x in (ValueError("no"), KeyError("k"), OSError(2, "gone", "/x"), MyError("a", 1), StopIteration(3), UnicodeDecodeError("utf-8", b"x", 0, 1, "y")):
        yield f"{x!r}", x
    x = MyError("with")
    x.attr = 1
    yield "exception with attribute", x
    od = collections.OrderedDict([("a", 1), ("b", 2)])
    yield "OrderedDict", od
    yield "defaultdict", collections.defaultdict(list, {"a": [1]})
    yield "deque", collections.deque([1, 2, 3], 5)
    yield "Counter", collections.Counter("hello")
    yield "ChainMap", collections.ChainMap({"a": 1}, {"b": 2})
    tz = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    for x in (datetime.datetime(2024, 2, 29, 12, 34, 56, 789012), datetime.datetime(1999, 12, 31, tzinfo=datetime.timezone.utc),
              datetime.datetime(2024, 1, 1, tzinfo=tz, fold=1), datetime.date(2024, 2, 29), datetime.time(1, 2, 3), datetime.timedelta(-1, 5, 7), tz):
        yield f"{x!r}", x
    yield "ZoneInfo", datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC"))
    for x in (decimal.Decimal("1.50"), decimal.Decimal("NaN"), fractions.Fraction(1, 3), uuid.UUID(int=2**100), pathlib.PurePosixPath("/a/b"),
              array.array("i", [1, 2, 3]), array.array("d", [1.5]), array.array("u", "xy"), types.SimpleNamespace(a=1, b=[2])):
        yield f"{x!r}", x
    yield "UUID keys", {uuid.UUID(int=i): i for i in range(50)}
    yield "Decimal keys", {decimal.Decimal(i) / 7: i for i in range(50)}
    yield "object keys", {Plain(i=i % 3): i for i in range(20)}
    yield "iterators", [iter([1, 2, 3]), reversed([1, 2]), iter((1, 2)), iter({1: 2}), zip([1], [2]), enumerate(["a"]), map(str, [1])]
    from multiprocessing import managers
    yield "Token", managers.Token("list", ("127.0.0.1", 5000), "7f00")


def random_value(rng, depth, shared):
    kinds = ["int", "big", "float", "str", "bytes", "none", "bool"]
    if depth > 0:
        kinds += ["list", "tuple", "dict", "set", "frozenset", "bytearray", "object", "range", "complex", "again"] * 2
    kind = rng.choice(kinds)
    if kind == "int":
        return rng.choice((1, -1)) * rng.randrange(1 << rng.randrange(1, 64))
    if kind == "big":
        return rng.choice((1, -1)) * rng.randrange(1 << rng.randrange(64, 3000))
    if kind == "float":
        return rng.choice((rng.random(), rng.uniform(-1e9, 1e9), float(rng.randrange(1000)), struct.unpack("d", rng.randbytes(8))[0]))
    if kind == "str":
        pool = "abc'\"\\\nu0é日🎉\x00\x80\ud800\u2028 "
        return "".join(rng.choice(pool) for _ in range(rng.choice((0, 1, 3, 10, 80, 300))))
    if kind == "bytes":
        return rng.randbytes(rng.choice((0, 1, 5, 100, 300)))
    if kind == "none":
        return None
    if kind == "bool":
        return rng.random() < 0.5
    n = rng.choice((0, 1, 2, 3, 4, 7, 12))
    below = lambda: random_value(rng, depth - 1, shared)

    def hashable():
        while True:
            v = random_value(rng, min(depth - 1, 2), [])
            try:
                hash(v)
                return v
            except TypeError:
                pass
    if kind == "again" and shared:
        return rng.choice(shared)
    if kind == "list":
        v = []
        shared.append(v)  # before it is filled, so that cycles arise
        v.extend(below() for _ in range(n))
    elif kind == "dict":
        v = {}
        shared.append(v)
        for _ in range(n):
            v[hashable()] = below()
    elif kind == "object":
        v = Plain()
        shared.append(v)
        for i in range(n):
            setattr(v, f"attr{i}", below())
    elif kind == "tuple":
        v = tuple(below() for _ in range(n))
        shared.append(v)
    elif kind == "set":
        v = {hashable() for _ in range(n)}
        shared.append(v)
    elif kind == "frozenset":
        v = frozenset(hashable() for _ in range(n))
        shared.append(v)
    elif kind == "bytearray":
        v = bytearray(rng.randbytes(n))
        shared.append(v)
    elif kind == "range":
        v = range(rng.randrange(100), rng.randrange(100), rng.choice((-3, 1, 2)))
    else:
        v = complex(rng.random(), rng.uniform(-9, 9))
    return v


def values():
    yield from table()
    rng = random.Random(20240229)
    for i in range(1200):
        yield f"random {i}", random_value(rng, 5, [])


def comparable_repr(v, seen=None):
    """Whether Repr of the decoded value must be repr: no object's own __repr__ and no order of a set is involved."""
    seen = set() if seen is None else seen
    if id(v) in seen:
        return type(v) in (list, dict)
    seen = seen | {id(v)}
    if type(v) in (set, frozenset):
        return len(v) <= 1 and all(comparable_repr(x, seen) for x in v)
    if type(v) in (list, tuple):
        return all(comparable_repr(x, seen) for x in v)
    if type(v) is dict:
        return all(comparable_repr(k, seen) and comparable_repr(x, seen) for k, x in v.items())
    if type(v) is int:
        return abs(v) < 10**4300
    if type(v) is range:
        return v.stop < 2**63
    if type(v) is slice:
        return type(v.start) in (int, type(None))
    return type(v) in (type(None), bool, float, complex, str, bytes, bytearray)


def shape(v, outer):
    """A repr without addresses, with sets in one order."""
    if id(v) in outer:
        return f"<{len(outer) - outer.index(id(v))} up>"
    inner = outer + (id(v),)
    parts = None
    if isinstance(v, (list, tuple)):
        parts = [shape(x, inner) for x in v]
    elif isinstance(v, (set, frozenset)):
        parts = sorted(shape(x, inner) for x in v)
    elif isinstance(v, dict):
        parts = [shape(k, inner) + ":" + shape(x, inner) for k, x in v.items()]
    elif isinstance(v, Plain):
        parts = [shape(v.__dict__, inner)]
    return f"{type(v).__name__}({repr(v) if parts is None else ', '.join(parts)})"


def same(a, b, pairs):
    """Whether two graphs of objects have the same types, values and sharing."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or a != a and b != b
    if isinstance(a, complex):
        return same(a.real, b.real, pairs) and same(a.imag, b.imag, pairs)
    if a is None or type(a) in (bool, int, str, bytes, range, type, types.FunctionType) or isinstance(a, enum.Enum):
        return a == b
    if id(a) in pairs:
        return pairs[id(a)] is b
    if type(a) not in (tuple, frozenset) or (type(a) is tuple and any(type(x) not in (int, float, str, bool, type(None)) for x in a)):  # Go writes small tuples again
        pairs[id(a)] = b
    if isinstance(a, (list, tuple, collections.deque, array.array)):
        if len(a) != len(b) or not all(same(x, y, pairs) for x, y in zip(a, b)):
            return False
    elif isinstance(a, dict):
        if len(a) != len(b) or not all(same(k, l, pairs) and same(x, y, pairs) for (k, x), (l, y) in zip(a.items(), b.items())):
            return False
    elif isinstance(a, (set, frozenset)):
        return shape(a, ()) == shape(b, ())
    elif type(a).__module__ not in ("__main__", "builtins") or isinstance(a, (str, int, bytes)):
        return repr(a).split(" at 0x")[0] == repr(b).split(" at 0x")[0]
    if isinstance(a, BaseException):
        return same(a.args, b.args, pairs) and same(a.__dict__, b.__dict__, pairs)
    if isinstance(a, Slots):
        return (a.a, a.b) == (b.a, b.b)
    da, db = getattr(a, "__dict__", None), getattr(b, "__dict__", None)
    if da is None and type(a) in (bytearray, slice):
        return a == b
    return da is None and db is None or same(da, db, pairs)


def gen():
    for i, (name, v) in enumerate(values()):
        for proto in range(6):
            try:
                data = pickle.dumps(v, proto)
            except (TypeError, pickle.PicklingError, AttributeError, RecursionError, ValueError) as e:
                if proto >= 4:
                    raise RuntimeError(f"{name}: {e}")
                continue
            put(f"{i}\t{proto}\t{name!r}\t{repr(v) if comparable_repr(v) else ''}")
            put(data)


def check():
    known = [v for _, v in values()]
    while (head := get()) is not None:
        index, before, after, name = head.decode("utf-8", "surrogatepass").split("\t")
        data = get()
        try:
            own = pickle.loads(pickle.dumps(known[int(index)], int(before)))
            loads = [pickle.loads]
            if before == after > "3":
                loads.append(pickle._loads)  # written in Python, it insists on right frames
            for f in loads:
                w = f(data)
                if not same(own, w, {}):
                    raise ValueError(f"differs: {w!r:.300} is not {own!r:.300}")
        except Exception as e:
            put(f"value {index} {name}, protocol {before} to {after}: {type(e).__name__}: {e}")
    put("")


def load():
    """Gives the repr of each pickle that comes, or the error."""
    while (data := get()) is not None:
        try:
            put(repr(pickle.loads(data)))
        except Exception as e:
            put(f"{type(e).__name__}: {e}")
        sys.stdout.buffer.flush()


def equal():
    """Gives a list of values as pickles, and a matrix of which are equal and which have a hash."""
    f = fractions.Fraction
    vs = [None, False, True, 0, 1, 2, -1, 0.0, -0.0, 1.0, 1.5, 2.0, 1e300, int(1e300), 2**53, 2.0**53, 2**53 + 1, 2**63, 2.0**63, -2**63, -2.0**63,
          2**64, 2.0**64, math.inf, -math.inf, 1 + 0j, 1j, 0j, 2.0**64 + 0j, "", "1", "a", b"", b"1", b"a", bytearray(b"a"), bytearray(), (), (1,), (1.0,), (True,), (1, 2),
          [], [1], [1.0], [1, 2], ((),), ([],), {}, {1: 2}, {1.0: 2.0}, {True: 2}, {1: 3}, {"a": 1, "b": 2}, {"b": 2, "a": 1}, set(), {1}, {1.0, 2}, {1, 2},
          frozenset(), frozenset([1]), frozenset([True]), frozenset([1, 2]), range(0), range(5, 5), range(3), range(0, 3), range(0, 2, 2), range(0, 1), range(1, 10, 3), range(1, 8, 3),
          slice(1), slice(None, 1), slice(1, 2), int, float, decimal.Decimal("1.5"), decimal.Decimal("2.5"), uuid.UUID(int=5), uuid.UUID(int=6),
          (1, (2, (3.0,))), (1, (2, (3,))), (1, [2]), datetime.date(2024, 1, 1), datetime.date(2024, 1, 2), Frozen(1, "a"), Frozen(1, "b"), Color.RED, Color.GREEN]
    put(str(len(vs)))
    for v in vs:
        put(pickle.dumps(v, 4))
        try:
            hash(v)
            put("1")
        except TypeError as e:
            put(str(e))
    for a in vs:
        put("".join("1" if a == b else "0" for b in vs))


if __name__ == "__main__":
    {"gen": gen, "check": check, "load": load, "equal": equal}[sys.argv[1]]()
