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


def says(a):
    print("hello")
    print("oops", file=sys.stderr)
    return a


def nothing(a):
    return None


def biggest(a):
    return a.max()  # fails without elements
