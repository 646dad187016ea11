"""Arrays of every dtype, for the test of how they get to Python and back."""
import numpy as np


def make(name):
    """Six elements that differ; the bytes that no field covers are zero."""
    dtype = np.dtype(eval(name))
    a = np.zeros(6, dtype)
    fill(a, dtype)
    return a.reshape(3, 2)


def fill(a, dtype):
    if dtype.names is not None:
        for field in dtype.names:
            fill(a[field], dtype[field].base)
    elif dtype.kind in "SUV":
        a.flat[:] = np.array([str(i % 7) * 3 for i in range(a.size)]).astype("S" if dtype.kind != "U" else "U").astype(dtype)
    else:
        a.flat[:] = np.arange(a.size).astype(dtype)


def check(name, a):
    """Part of a, when it is what make gives."""
    want = make(name)
    if a.dtype != want.dtype or a.dtype.names != want.dtype.names or (a.dtype.fields or {}).keys() != (want.dtype.fields or {}).keys():
        raise TypeError("got %r where %r was expected" % (a.dtype, want.dtype))
    if a.shape != want.shape or a.tobytes() != want.tobytes() or not (a == want).all():
        raise ValueError("got %r where %r was expected" % (a, want))
    return a[1:]


def reverse(a):
    return a[::-1]


def mixed_up(_):
    return np.zeros(3, {"names": ["x", "y"], "formats": ["<i4", "<f8"], "offsets": [8, 0]})
