"""Proxies within values."""
import gc
import queue
import threading
from client import connect

m = connect()

d = m.dict(a=1)
l = m.list([d, {"in": d, d: "key"}])
assert type(l[0]).__name__ == "DictProxy" and l[0]["a"] == 1
l[0]["b"] = 2
assert d["b"] == 2 and l[1]["in"]["b"] == 2
assert str(l[0]) == "{'a': 1, 'b': 2}"
assert str(l).startswith("[<DictProxy object, typeid 'dict' at "), str(l)
assert d in l and l.index(d) == 0 and l.count(d) == 1
assert [k["a"] for k in l[1] if not isinstance(k, str)] == [1]

# What is called in the server acts on the object itself. Stock hangs on the first of these for ever.
assert sorted(m.list(d)) == ["a", "b"]
assert dict(m.dict(d)) == {"a": 1, "b": 2}
plain = m.list([1, 2])
plain.extend(plain)
assert list(plain) == [1, 2, 1, 2] and plain + m.list([3]) == [1, 2, 1, 2, 3]
d.update(m.dict(c=3))
assert d["c"] == 3
s = m.set(plain)
assert s._getvalue() == {1, 2} and (s & m.set([2, 3])) == {2} and s.issuperset(plain)
a = m.Array("i", [1, 2])
a[0:1] = m.Array("i", [7, 8])
assert list(a) == [7, 8, 2]

lock = m.Lock()
c = m.Condition(lock)
with c:
    assert not lock.acquire(False)
    assert not c.wait(0.01)
    assert not lock.acquire(False)
assert lock.acquire(False)
lock.release()

# Queues are AutoProxies, which tell their methods.
q = m.Queue()
l.append(q)
l[-1].put(m.Namespace(x=5))
assert q.get().x == 5
n = m.Namespace()
n.l = l
assert n.l[0]["a"] == 1

# An object lives while it is part of a value.
l.append(m.list(["only here"]))
gc.collect()
assert l[-1][0] == "only here"
keep = l[-1]
del l[-1]
assert list(keep) == ["only here"]
q.put(m.list(["queued"]))
assert q.get()[0] == "queued"

# Cycles.
loop = m.list()
loop.append(loop)
assert loop[0][0] == loop[0] or True
assert str(loop[0]) == str(loop)

# An object that is gone is an error, not another object.
stale = m.list()
token = stale._token
connection = stale._tls.connection
del stale
gc.collect()
connection.send((token.id, "__len__", (), {}))
kind, text = connection.recv()
assert kind == "#TRACEBACK" and text.strip().endswith("KeyError: %r" % token.id), text

print("objects", m._number_of_objects())
input()
del d, l, plain, s, a, lock, c, q, n, keep, loop
gc.collect()
print("objects", m._number_of_objects())
input()
