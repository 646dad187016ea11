"""NumPy's dtypes as the text that stands for them in a .npy header, and that header, for atrium's Python worker.

np is the numpy module, which is imported when the first array comes or goes.
"""
import ast
import functools
import struct


@functools.lru_cache(256)
def parse(np, text):
    """The dtype that a text means: a code such as <f8, or the list of a structured dtype's fields."""
    return np.lib.format.descr_to_dtype(ast.literal_eval(text) if text.startswith("[") else text)


def text(np, dtype):
    """What parse, and package npy on the Go side, make the dtype of again."""
    d = _descr(np, dtype)
    return d if isinstance(d, str) else repr(d)


def header(np, dtype, shape):
    """What a .npy with elements in C order begins with."""
    body = ("{'descr': %r, 'fortran_order': False, 'shape': %r, }" % (_descr(np, dtype), shape)).encode()
    plain = body.isascii() and len(body) < 65000  # else version 3: UTF-8, and a longer length
    size = 10 if plain else 12
    body += b" " * (-(size + len(body) + 1) % 64) + b"\n"
    return b"\x93NUMPY" + (struct.pack("<BBH", 1, 0, len(body)) if plain else struct.pack("<BBI", 3, 0, len(body))) + body


def _descr(np, dtype):
    try:
        return _plain(np.lib.format.dtype_to_descr(dtype))
    except ValueError:
        raise TypeError("the fields of %s overlap or do not lie in their order, which a .npy cannot tell; "
                        "return numpy.lib.recfunctions.repack_fields(a)" % (dtype,)) from None


def _plain(d):
    """Strings of NumPy's own kind would be calls of numpy.str_ in the text."""
    if isinstance(d, str):
        return str(d)
    return type(d)(map(_plain, d)) if isinstance(d, (list, tuple)) else d
