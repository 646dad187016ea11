"""Functions that tests map."""
import os
import signal
import sys
import time

import numpy as np


def double(a):
    return a * 2


def total(a):
    return a.sum()


def means(a):
    """One item for a block: the mean of each column."""
    return a.mean(axis=0)


def ident(a):
    return a


def rows3(a):
    """Mean of each row and those around it; returns the halo's rows too."""
    p = np.pad(a, [(1, 1)] + [(0, 0)] * (a.ndim - 1), mode="edge")
    return (p[:-2] + p[1:-1] + p[2:]) / 3


def raises(a):
    if a.flat[0] == 3:
        raise ValueError("no threes")
    return a


def shapes(a):
    return a[: 1 if a.flat[0] < 3 else 2]


def dtypes(a):
    return a if a.flat[0] < 3 else a.astype("f4")


def writes(a):
    a[...] = 0
    return a


def kills(a):
    if a.flat[0] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return a


def kills_once(a):
    if a.flat[0] == 3 and not os.path.exists(os.environ["ONCE"]):
        open(os.environ["ONCE"], "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return a


def slow(a):
    if a.flat[0] == 3:
        time.sleep(60)
    return a


def cuts(a):
    os.truncate(os.environ["CUT"], 200)
    return a.sum()


def naps(a):
    print("a nap")
    time.sleep(0.05)
    return a


def swaps(a):
    """Removes the input, or puts another file in its place."""
    here = os.environ["SWAP"]
    if a.flat[0] == 1:  # of two workers one does it
        if os.environ["HOW"] == "rm":
            os.remove(here + "/in.npy")
            os.remove(here + "/other.npy")
        else:
            os.replace(here + "/other.npy", here + "/in.npy")
    return a.sum()


def rewrites(a):
    """Writes to the file of the input."""
    if a.flat[0] == 2:
        time.sleep(0.02)  # more than the clock of files
        with open("in.npy", "r+b") as f:
            if os.environ["HOW"] == "write":
                f.seek(128 + 40)
                f.write(b"12345678")
            elif os.environ["HOW"] == "again":
                b = f.read()
                f.truncate(0)
                f.seek(0)
                f.write(b)
            else:
                f.seek(0, 2)
                f.write(b"more")
    return a.sum()


def says(a):
    print("hello")
    print("oops", file=sys.stderr)
    return a


def nothing(a):
    return None


def record(a):
    return {"sum": a.sum()}


def yields(a):
    yield a


def masked(a):
    return np.ma.masked_less(a, 2)


def nomean(a):
    return np.ma.masked_less(a, 100).mean()


def biggest(a):
    return a.max()  # fails without elements
