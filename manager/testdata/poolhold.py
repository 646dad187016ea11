"""Begins something in a pool, says in which processes, and waits to be told to end, or to be killed. The server's Config.Main is this file."""
import os
import sys
import time

from client import connect


def tell(q):
    q.put(os.getpid())
    time.sleep(0.7)
    return 1


if __name__ == "__main__":
    m = connect()
    q = m.Queue()
    p = m.Pool(2)
    if sys.argv[2] == "wait":
        import threading
        threading.Thread(target=p.map, args=(tell, [q] * 4, 1), daemon=True).start()
    elif sys.argv[2] == "nest":
        l = m.list([p])
        r = p.map_async(tell, [q] * 2, 1)
        l[0].apply(abs, (1,))
        del l, r
    print(q.get(), q.get())
    input()
    os._exit(0) if sys.argv[2] == "wait" else None
