# Writes what NumPy writes for arrays of every dtype: shape, order and
# the header in hex (SHA-256 where it is long), one line each. golden.txt is its output with NumPy 2.
import ast, hashlib, io, warnings
import numpy as np

warnings.simplefilter("ignore")
codes = "? b B <h >h <H >H <i >i <I >I <q >q <Q >Q <e >e <f >f <d >d <g <F >F <D >D <G S0 S1 S5 <U0 <U1 >U3 V1 V8 <M8 >M8[ns] <M8[25s] <M8[D] <m8[us] <m8 <m8[7Y]".split()
dtypes = [np.dtype(c) for c in codes] + [
    np.dtype([("x", "<f8"), ("y", ">i4")]),
    np.dtype([("x", "<f8", (2, 3)), ("n", "u1", 4)]),
    np.dtype([("in", [("a", "<i2"), ("b", "S3")]), ("out", "?")]),
    np.dtype([("a", "u1"), ("b", "<f8")], align=True),
    np.dtype({"names": ["a", "b"], "formats": ["<i2", "<i2"], "offsets": [2, 8], "itemsize": 16}),
    np.dtype([(("A title", "t"), "<f4")]),
    np.dtype([("it's", "<f4"), ('say "x"', "<f4"), ("'\"", "<f4"), ("a\\b\n\t\x07\xad", "<f4")]),
    np.dtype([("é", "<f4")]),
    np.dtype([("温度", "<f4"), ("\U0001f600", "<f4")]),
    np.dtype([("\u200b\U000e0001", "<f4")]),
    np.dtype([]),
    np.dtype([("nothing", "S0"), ("no", "<U0")]),
    np.dtype([("x%d" % i, "<f8") for i in range(4000)]),
]
shapes = [(), (0,), (1,), (7,), (3, 4), (4, 0, 2), (2, 3, 4), (1234567,)]
for dt in dtypes:
    for shape in shapes if dt in (np.dtype("<d"), np.dtype("u1")) else shapes[3:5]:
        for order in "CF":
            if (order == "F") != (len(shape) > 1) and shape != (2, 3, 4) or dt.itemsize > 9999 and shape != (7,):
                continue
            f = io.BytesIO()
            np.save(f, np.zeros(shape, dt, order))
            b = f.getvalue()
            start = 10 if b[6] == 1 else 12
            end = start + int.from_bytes(b[8:start], "little")
            d = ast.literal_eval(b[start:end].decode("utf8" if b[6] == 3 else "latin1"))
            print(shape, d["fortran_order"], b[:end].hex() if end < 1000 else hashlib.sha256(b[:end]).hexdigest(), sep="\t")
