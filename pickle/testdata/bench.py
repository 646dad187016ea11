"""Times of Python's own C pickle for the values of bench_test.go: python3 testdata/bench.py"""
import pickle
import timeit

values = {
    "small": {"name": "job", "count": 1234, "ratio": 0.25},
    "ints": [i * 1000 for i in range(1000)],
    "floats": [i * 1.1 for i in range(1000)],
    "strs": ["item number %d" % i for i in range(1000)],
    "rows": [{"ID": i, "Name": "row %d" % i, "Score": i / 3, "Tags": ["red", "green"]} for i in range(1000)],
    "dicts": [{"id": i, "name": "row %d" % i, "score": i / 3} for i in range(1000)],
    "intdict": {i: i * 7 for i in range(1000)},
    "bytes64k": bytes(64 << 10),
    "bytes16M": bytes(16 << 20),
    "request": ("7f2c91d04b", "__setitem__", ("key", 123456), {}),
}
for name, v in values.items():
    data = pickle.dumps(v, 4)
    def best(f):
        t = timeit.Timer(f)
        n, _ = t.autorange()
        return min(t.repeat(3, max(1, n // 4))) / max(1, n // 4) * 1e9
    print(f"{name:10} dumps {best(lambda: pickle.dumps(v, 4)):12.0f} ns  loads {best(lambda: pickle.loads(data)):12.0f} ns")
