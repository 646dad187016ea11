"""Functions that the tests of queues and locks in Python workers call."""
import os
import queue
import signal
import threading
import time

import atrium_worker


def raised(f, *args):
    try:
        return "no exception but %r" % (f(*args),)
    except Exception as e:
        return "%s: %s" % (type(e).__name__, e)


def squares(d):
    """Takes numbers from one queue and puts their squares into another."""
    n = 0
    while True:
        try:
            v = d["in"].get()
        except EOFError:
            return n
        d["out"].put(v * v)
        d["in"].task_done()
        n += 1


def methods(q):
    out = [q.qsize(), q.empty(), q.full(), raised(q.get_nowait), raised(q.get, True, 0.02), raised(q.task_done)]
    q.put_nowait(1)
    q.put(2, timeout=1)
    out += [q.full(), raised(q.put_nowait, 3), raised(q.put, 3, True, 0.02), raised(q.put, "x"), q.get(), q.get(timeout=1)]
    q.task_done()
    q.task_done()
    q.join()
    return [str(x) for x in out]


def count(a, lock, counter, n):
    """Adds to a shared number without losing any."""
    for _ in range(n):
        with lock:
            v = int(counter[0])
            if a:
                time.sleep(0)
            counter[0] = v + 1
    return n


def hold(lock, ready):
    with lock:
        ready.set()
        time.sleep(60)


def hold_and_get(lock, q, ready):
    with lock:
        ready.set()
        q.get()


def die_with(lock, ready):
    lock.acquire()
    ready.set()
    os.kill(os.getpid(), signal.SIGKILL)


def lock_methods(lock):
    out = [lock.acquire(), lock.acquire(False), lock.acquire(timeout=0.02), lock.release(), raised(lock.release)]
    with lock as got:
        out.append(got)
        t = threading.Thread(target=lambda: out.append(lock.acquire(block=False)))
        t.start()
        t.join()
    t = threading.Thread(target=lock.acquire)
    t.start()
    t.join()
    out.append(lock.release())  # which a thread of this process took
    return [str(x) for x in out]


def mend(lock):
    out = [raised(lock.acquire)]
    try:
        with lock:
            out.append("got it")
    except atrium_worker.OwnerDead:
        out.append("dead")
    out += [lock.acquire(mend=True), lock.mark_consistent(), lock.release(), lock.acquire(), lock.release()]
    return [str(x) for x in out]


def semaphore_methods(s):
    out = [s.acquire(), s.acquire(), s.acquire(False), s.acquire(timeout=0.02), raised(s.release, 3), s.release(2), raised(s.release)]
    with s:
        out.append(s.acquire(block=False))
        s.release()
    return [str(x) for x in out]


def event_methods(e):
    out = [e.is_set(), e.wait(0), e.wait(timeout=0.02), e.set(), e.is_set(), e.wait(), e.clear(), e.is_set()]
    return [str(x) for x in out]


def wait_for(e):
    return e.wait()


def get_from(q, ready):
    ready.set()
    return q.get()


def threads(q, n):
    """A thread waits for what another one puts: they do not hold each other up."""
    got = []
    t = [threading.Thread(target=lambda: got.append(q.get())) for _ in range(n)]
    for x in t:
        x.start()
    for i in range(n):
        q.put(i)
    for x in t:
        x.join()
    return sorted(got)


def fork(lock, q):
    """A child that is forked keeps nothing of its parent's, and has its own."""
    lock.acquire()
    pid = os.fork()
    if pid == 0:
        ok = not lock.acquire(False)
        q.put("the child" if ok else "the child has its parent's lock")
        time.sleep(60)
        os._exit(0)
    return pid


def change(v):
    """Gives back the array that it was given through a queue, changed, and another."""
    import numpy as np
    v["in"].put({"a": np.full(4, 7.0), "name": "asked"})
    d = v["out"].get()
    d["a"] += 1
    s = float(d["a"].sum())
    v["in"].put({"a": d["a"], "name": "sum %g" % s})
    b = atrium_worker.empty(5)
    b[:] = 3
    v["in"].put({"a": b, "name": "no copy"})
    c = atrium_worker.empty(5)
    c[:] = 4
    out = [raised(v["full"].put, {"a": c, "name": "x"}, False), raised(v["full"].put, {"a": np.ones(3), "name": "x"}, True, 0.01),
           raised(v["full"].put, {"a": np.ones(3, "i4"), "name": "x"}, False), raised(v["full"].put, {"a": np.array([None]), "name": "x"})]
    return {"a": d["a"], "name": "; ".join(x[:80] for x in out)}


def pingpong(q, n):
    t = time.perf_counter()
    for i in range(n):
        q.put(i)
        q.get()
    return (time.perf_counter() - t) / n * 1e6


def churn(v):
    """Does a bit of everything, until it is killed or the queue is shut."""
    n = 0
    while True:
        try:
            d = v["in"].get()
        except EOFError:
            return n
        with v["permits"]:
            try:
                v["lock"].acquire()
            except atrium_worker.OwnerDead:
                v["lock"].acquire(mend=True)
                v["lock"].mark_consistent()
            d["a"] += 1
            v["lock"].release()
        v["out"].put(d)
        n += 1


def cancelled_in_acquire(lock):
    """The task is ended in the moment in which it has got the lock."""
    real = atrium_worker._on_signal

    def end():
        raise atrium_worker.TaskCancelled()
    atrium_worker._on_signal, atrium_worker._late = end, True
    try:
        with lock:
            return "it was not"
    except atrium_worker.TaskCancelled:
        return raised(lock.release)
    finally:
        atrium_worker._on_signal = real
