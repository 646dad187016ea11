"""Objects of the Go program: see register_test.go."""
import copy
import errno
import multiprocessing as mp
import os
import pathlib
import queue
import sys
import tempfile
import traceback

from client import KEY
from multiprocessing.managers import SyncManager


class Manager(SyncManager):
    pass


for name in "Counter get_counter get_service Adder Nothing Waiter".split():
    Manager.register(name)


def raises(kind, text, f, *args, **kwds):
    try:
        f(*args, **kwds)
    except Exception as e:
        assert type(e) is kind and str(e) == text, repr(e)
        return e
    raise AssertionError("no %s" % kind.__name__)


def child(c, n):
    mp.current_process().authkey = KEY
    for _ in range(n):
        c.add(1)


def main():
    mp.current_process().authkey = KEY
    m = Manager(eval(sys.argv[1]), KEY)
    m.connect()
    c = m.Counter(5)
    assert c.add(3) == 8 and c.add_all() == 0 and c.add_all(1, 2) == 11
    assert str(c) == "Counter(11)" and "Counter" in repr(c)
    assert c.divmod(4) == (2, 3)
    assert c.reset() is None and c.add(0) == 0
    assert copy.deepcopy(c) == {"n": 0}
    assert c.import_(b"abc") == 3 and c.import_(bytearray(4)) == 4
    assert c.concat(["a", "b"], 1) == "[a b] 1" and c.concat(("a",), 1.5) == "[a] 1.5"
    assert c.small(255, {"a": [1]}) == [255, {"a": [1]}]
    shown = {"add", "add_all", "concat", "divmod", "import_", "pair", "partner", "reset", "small"}
    assert set(c._exposed_) == shown, c._exposed_

    # What does not fit, in Python's words.
    raises(TypeError, "Counter.add() takes exactly one argument (0 given)", c.add)
    raises(TypeError, "Counter.add() takes exactly one argument (2 given)", c.add, 1, 2)
    raises(TypeError, "Counter.add() takes no keyword arguments", c.add, n=1)
    raises(TypeError, "Counter.reset() takes no arguments (1 given)", c.reset, 1)
    raises(TypeError, "concat expected 2 arguments, got 1", c.concat, [])
    raises(TypeError, "add() argument 1 must be int, not str", c.add, "x")
    raises(TypeError, "add() argument 1 must be int, not float", c.add, 1.5)
    raises(TypeError, "add() argument 1 must be int, not NoneType", c.add, None)
    raises(TypeError, "add_all() argument 2 must be int, not list", c.add_all, 1, [])
    raises(TypeError, "concat() argument 1: the Python int 7 cannot become a Go string at [1]", c.concat, ["a", 7], 1)
    raises(OverflowError, "small() argument 1: the Python int 256 cannot become a Go uint8: out of range", c.small, 256, {})
    raises(OverflowError, "add() argument 1: a Python int cannot become a Go int: out of range", c.add, 1 << 70)
    raises(TypeError, "Counter() argument 1 must be int, not str", m.Counter, "x")
    raises(TypeError, "Counter() takes exactly one argument (2 given)", m.Counter, 1, 2)
    try:
        c._callmethod("events")
    except mp.managers.RemoteError as e:
        assert "AttributeError: method 'events' of Counter object is not one that clients may call" in str(e)
    else:
        raise AssertionError("events")

    # Exceptions, with what raised them.
    e = raises(ValueError, "('it cannot begin at', -1)", m.Counter, -1)
    assert e.args == ("it cannot begin at", -1)
    text = "".join(traceback.format_exception(type(e), e, e.__traceback__))
    assert "atrium manager at unix:" in text and "in a call of Counter" in text and 'register_test.go", line' in text and "manager.newCounter" in text, text
    raises(RuntimeError, "the function registered as Nothing gave no object and no error", m.Nothing)
    s = m.get_service()
    e = raises(RuntimeError, "a plain one", s.fail, "")
    text = "".join(traceback.format_exception(type(e), e, e.__traceback__))
    assert "manager.(*service).Fail" in text and "*errors.errorString: a plain one" in text, text
    e = raises(FileNotFoundError, "[Errno 2] No such file or directory: '/nonexistent/file'", s.fail, "open")
    assert e.errno == errno.ENOENT and e.filename == "/nonexistent/file"
    e = raises(FileNotFoundError, "[Errno 2] the settings: open /nonexistent/file: no such file or directory", s.fail, "wrapped")
    e = raises(FileNotFoundError, "[Errno 2] No such file or directory: '/nonexistent/a' -> '/nonexistent/b'", s.fail, "rename")
    raises(TimeoutError, "the answer: context deadline exceeded", s.fail, "late")
    e = raises(KeyError, "('key', 7)", s.fail, "named")
    assert "*fmt.wrapError: looking: KeyError: ('key', 7)" in str(e.__cause__), e.__cause__
    raises(queue.Empty, "", s.fail, "empty")
    raises(FileExistsError, "[Errno 17] file already exists", s.fail, "exists")
    raises(RuntimeError, "\ufffd", s.fail, "utf8")
    raises(RuntimeError, "panic: runtime error: invalid memory address or nil pointer dereference", s.panic, "nil")
    raises(RuntimeError, "panic: oh", s.panic, "oh")

    # Keywords.
    assert s.search("q") == "q 0 " and s.search("q", limit=3) == "q 3 " and s.search("q", {"limit": 4, "order": "up"}) == "q 4 up"
    assert s.search("q", order="x", limit=1) == "q 1 x"
    raises(TypeError, "get_service.search() got an unexpected keyword argument 'limt'", s.search, "q", limt=3)
    raises(TypeError, "get_service.search() got multiple values for argument 'limit'", s.search, "q", {}, limit=3)
    raises(TypeError, "search() argument 'limit' must be int, not str", s.search, "q", limit="3")
    raises(TypeError, "search expected at least 1 argument, got 0", s.search, limit=3)

    # One object for all, proxies as arguments and results, and within values.
    one, two = m.get_counter(), m.get_counter()
    before = one.add(0)
    two.add(1)
    assert one.add(0) == before + 1
    assert c.partner() is None
    c.pair(one)
    partner = c.partner()
    assert partner.add(1) == before + 2 == one.add(0)
    raises(TypeError, "pair() argument 1: a proxy of a get_service cannot become a Go *manager.counter", c.pair, s)
    a = m.Adder(c)
    assert a._exposed_ == ("add",) and a.add(1) == c.add(0)
    l = m.list(["x", "y"])
    assert c.concat(l, 2) == "[x y] 2"
    l.append(c)
    l.append(one)
    assert two in l and l.index(m.get_counter()) == 3 and a not in l and l.pop()._token.id == one._token.id
    assert l[2].add(1) == c.add(0)
    s.keep("c", c)
    assert s.kept("c").add(1) == c.add(0)
    s.keep("c", [1, {"a": (2, None)}])
    assert s.kept("c") == [1, {"a": (2, None)}]
    s.keep("c", None)
    del l, a, partner

    what = sys.argv[2]
    if what == "arrays":
        arrays(c, s)
    else:
        children(c)
    print("ok")


def arrays(c, s):
    import numpy
    raises(TypeError, "sum() argument 1: the Python int 1 cannot become a Go ndarray.Array[float64]: ndarray: wrong dtype: Python returned 1, not an array", s.sum, 1)
    assert s.sum(numpy.arange(6.0).reshape(2, 3)) == 15
    assert c.concat([], numpy.float64(2.5)) == "[] 2.5" and c.add(numpy.int32(0)) == c.add(0)
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "a.npy")
        numpy.save(path, numpy.ones((2, 2)))
        assert s.sum(pathlib.Path(path)) == 4
        a = s.map(path)
        assert isinstance(a, numpy.memmap) and a.shape == (2, 2)
        a[0, 0] = 7
        assert s.sum(a) == 10 and numpy.load(path)[0, 0] == 7
        a = s.same(pathlib.Path(path), 0)
        assert isinstance(a, numpy.memmap) and a[0, 0] == 7
        raises(TypeError, "same() argument 2 must be int, not NoneType", s.same, pathlib.Path(path), None)
        del a
        for a in numpy.arange(6.0).reshape(2, 3).T, numpy.array([], "i2"), numpy.array(5.5):
            b = s.same(a, 0)
            assert (a == b).all() and a.dtype == b.dtype and a.shape == b.shape and b.flags.writeable
        a = s.ramp(3, 4)
        assert type(a) is numpy.ndarray and (a == numpy.arange(12).reshape(3, 4)).all() and a.dtype == "i4"
        raises(FileNotFoundError, "[Errno 2] atrium: map /nonexistent.npy: file does not exist", s.map, "/nonexistent.npy")
        raises(FileNotFoundError, "[Errno 2] pickle: a Python PosixPath cannot become a Go ndarray.Array[float64]: atrium: map /nonexistent.npy: file does not exist", s.sum, pathlib.Path("/nonexistent.npy"))


def children(c):
    for method in "fork", "spawn", "forkserver":
        ctx = mp.get_context(method)
        start = c.add(0)
        ps = [ctx.Process(target=child, args=(c, 20)) for _ in range(2)]
        for p in ps:
            p.start()
        for p in ps:
            p.join()
            assert p.exitcode == 0
        assert c.add(0) == start + 40


if __name__ == "__main__":
    main()
