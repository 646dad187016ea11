"""Proxies passed to other processes, with the start method in sys.argv[2]."""
import multiprocessing as mp
import sys

from client import KEY, connect


def work(d, l, q, lock, n, i):
    mp.current_process().authkey = KEY
    for _ in range(10):
        with lock:
            n.total += 1
    d[i] = [i]
    l.append(i)
    q.put({"l": l, "i": i})
    assert sorted(d.keys())[0] in range(3)


def square(args):
    d, i = args
    d[i] = i * i
    return i


if __name__ == "__main__":
    mp.set_start_method(sys.argv[2])
    m = connect()
    d, l, q, lock, n = m.dict(), m.list(), m.Queue(), m.Lock(), m.Namespace(total=0)
    ps = [mp.Process(target=work, args=(d, l, q, lock, n, i)) for i in range(3)]
    for p in ps:
        p.start()
    for p in ps:
        p.join()
        assert p.exitcode == 0, p.exitcode
    assert n.total == 30, n.total
    assert dict(d) == {0: [0], 1: [1], 2: [2]} or sorted(d.items()) == [(0, [0]), (1, [1]), (2, [2])], dict(d)
    assert sorted(l) == [0, 1, 2]
    got = [q.get() for _ in range(3)]
    assert sorted(g["i"] for g in got) == [0, 1, 2] and sorted(got[0]["l"]) == [0, 1, 2]
    del got
    with mp.Pool(2) as pool:
        assert pool.map(square, [(d, i) for i in range(8)]) == list(range(8))
    assert d[7] == 49
    d["nested"] = l
    assert d["nested"][0] in (0, 1, 2)
    print("objects", m._number_of_objects())
