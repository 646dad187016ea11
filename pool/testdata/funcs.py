"""Functions that the tests of PyFunc call."""
import os
import signal
import sys
import time


def double(x):
    return 2 * x


def same(x):
    return x


def describe(d):
    return "%s %s %s" % (sorted(d), type(d["tags"]).__name__, d["name"])


def record(d):
    d["score"] = {"total": sum(d["score"].values())}
    d["name"] = d["name"].upper()
    return d


def increment(a):
    a += 1
    return float(a.sum())


def kind(a):
    return "%s %s %s %s" % (type(a).__name__, a.dtype.str, a.shape, a.flags.writeable)


def made(n):
    import numpy as np
    return np.arange(n, dtype="int64")


def made_shared(n):
    import atrium_worker
    a = atrium_worker.empty(n, "int64")
    a[:] = range(n)
    atrium_worker.empty(10)  # not returned: must leave nothing
    return a


def several(n):
    import numpy as np
    return {"a": np.full((n, 2), 1.5), "b": [np.zeros(0), np.float32(2.5), np.bool_(True), np.int8(3)]}


def pair(n):
    import numpy as np
    return {"a": np.full((n, 2), 1.5), "n": np.int8(n), "f": np.float32(2.5), "t": np.bool_(True)}


def part(a):
    return a[1:3, ::2]


def fancy(how):
    import numpy as np
    if how == "structured":
        return np.array([(1, 2.5)], dtype=[("i", "i4"), ("f", "f8")])
    if how == "fortran":
        return np.asfortranarray(np.arange(6.0).reshape(2, 3))
    if how == "objects":
        return np.array([{}, None], dtype=object)
    if how == "masked":
        return np.ma.array([1, 2], mask=[0, 1])
    if how == "0d":
        return np.array(7.0)
    if how == "datetime":
        return np.array(["2026-01-02T03:04:05"], dtype="datetime64[ns]")
    return np.array(["größe", "x"])


class Custom(Exception):
    pass


def fail(how):
    if how == "value":
        raise ValueError("no such row: 7")
    if how == "custom":
        raise Custom("mine")
    if how == "missing":
        open("/no/such/file")
    if how == "exit":
        print("leaving", file=sys.stderr)
        sys.exit(3)
    if how == "os exit":
        os._exit(4)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "chained":
        try:
            {}["k"]
        except KeyError as e:
            raise RuntimeError("outer") from e
    if how == "unpicklable":
        return lambda: 1
    if how == "interrupt":
        raise KeyboardInterrupt
    return how


def sleep(seconds):
    time.sleep(seconds)
    return "slept"


def stubborn(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            time.sleep(0.01)
        except BaseException:
            pass
    return "slept"


def speak(text):
    print(text)
    print("part", end="")
    print(text + "!", file=sys.stderr)
    os.write(1, b"raw\n")
    return os.getpid()


def add3(a, b, c):
    return a + b + c


def fork_and_print(_):
    pid = os.fork()
    if pid == 0:
        print("from a child")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    return "still in step"


def write_first(a):
    a[0] = 1


value = 7


def print_from_threads(n):
    import threading

    def run():
        for i in range(300):
            print("thread", i)

    for daemon in (False, True):
        threading.Thread(target=run, daemon=daemon).start()
    time.sleep(0.003)
    return b"x" * n


def fork_and_sleep(seconds):
    os.fork()
    time.sleep(seconds)
    return 1


def bytes_to_stdout(text):
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()
    return len(text)


class Nameless(Exception):
    __module__ = None

    def __str__(self):
        raise KeyboardInterrupt


def raise_nameless(_):
    raise Nameless()


def print_long_lines(n):
    for _ in range(n):
        print("y" * 1_000_000)
    return n
