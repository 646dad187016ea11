"""A pool of the server's used by processes of the start method in sys.argv[2]. The server's Config.Main is this file."""
import multiprocessing as mp
import sys

from client import KEY, alive, connect


def square(x):
    return x * x


def work(p, q, i):
    mp.current_process().authkey = KEY
    q.put((i, p.map(square, range(i)), p.apply(square, (i,))))  # in a child CPython makes no proxies of results, such as apply_async's (gh-99595)


def outer(a):
    return work(*a)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[2])
    m = connect()
    p, q = m.Pool(2), m.Queue()
    ps = [mp.Process(target=work, args=(p, q, i)) for i in range(3)]
    for x in ps:
        x.start()
    for x in ps:
        alive()
        x.join()
        assert x.exitcode == 0, x.exitcode
    assert sorted(q.get() for _ in ps) == [(i, [x * x for x in range(i)], i * i) for i in range(3)]
    alive()
    # The other way about: a worker of the pool uses a pool.
    assert p.map(outer, [(m.Pool(1), q, 2)]) == [None]
    assert q.get() == (2, [0, 1], 4)
    print("ok")
