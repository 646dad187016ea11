"""Every type once, as a first program would use it."""
import queue
import threading
from client import connect

m = connect()

l = m.list([3, 1, 2])
l.append(0)
l.sort()
assert list(l) == [0, 1, 2, 3] and l[1:3] == [1, 2] and len(l) == 4 and str(l) == "[0, 1, 2, 3]", list(l)
assert list(reversed(l)) == [3, 2, 1, 0]
l += [9]
assert l[-1] == 9
try:
    l[100]
    assert False
except IndexError as e:
    assert str(e) == "list index out of range"

d = m.dict(a=1)
d["b"] = [1, 2]
assert dict(d) == {"a": 1, "b": [1, 2]} and sorted(d) == ["a", "b"] and d.items() == [("a", 1), ("b", [1, 2])]
it = iter(d)
assert next(it) == "a"
d.clear()
try:
    next(it)
    assert False
except RuntimeError as e:
    assert str(e) == "dictionary changed size during iteration"

s = m.set([1, 2])
s.add(2)
assert s._getvalue() == {1, 2} and sorted(s) == [1, 2]

n = m.Namespace(x=1)
n.y = "two"
assert (n.x, n.y, str(n)) == (1, "two", "Namespace(x=1, y='two')")
del n.x
try:
    n.x
    assert False
except AttributeError as e:
    assert str(e) == "'Namespace' object has no attribute 'x'"

v = m.Value("i", 3)
v.value = 4
assert v.value == 4 and str(v) == "Value('i', 4)"
a = m.Array("d", [1, 2, 3])
a[1] = 5
assert list(a) == [1.0, 5.0, 3.0] and list(a[::2]) == [1.0, 3.0] and str(a) == "array('d', [1.0, 5.0, 3.0])"

lock = m.Lock()
with lock:
    assert not lock.acquire(False) and not lock.acquire(True, 0.01)
r = m.RLock()
with r, r:
    pass
try:
    r.release()
    assert False
except RuntimeError as e:
    assert str(e) == "cannot release un-acquired lock"
sem = m.Semaphore(2)
assert sem.acquire() and sem.acquire() and not sem.acquire(False)
b = m.BoundedSemaphore(1)
try:
    b.release()
    assert False
except ValueError as e:
    assert str(e) == "Semaphore released too many times"

q = m.Queue(1)
q.put("x")
try:
    q.put_nowait("y")
    assert False
except queue.Full:
    pass
assert q.get() == "x" and q.empty()
try:
    q.get(timeout=0.01)
    assert False
except queue.Empty:
    pass

got = []
c = m.Condition()
barrier = m.Barrier(2)


def thread():
    with c:
        barrier.wait()
        c.wait()
        got.append(q.get())
    got.append(barrier.wait())


t = threading.Thread(target=thread)
t.start()
barrier.wait()
with c:
    c.notify()
q.put(7)
barrier.wait()
t.join()
assert got[0] == 7, got

e = m.Event()
assert not e.wait(0.01)
e.set()
assert e.wait() and e.is_set()

assert m._number_of_objects() == 15, m._debug_info()
import gc
del l, d, it, s, n, v, a, lock, r, sem, b, q, c, barrier, e, t
gc.collect()
assert m._number_of_objects() == 0, m._debug_info()
print("ok")
