"""Does what sys.argv[2] says with the proxies that come as pickled on standard input, says so, and waits to be killed."""
import pickle
import sys
import time
from client import connect

m = connect()
what = sys.argv[2]
objects = pickle.loads(bytes.fromhex(input()))
if what == "get":
    print("waits")
    objects[0].get()
elif what == "acquire":
    print("waits")
    objects[0].acquire()
elif what == "hold":
    for o in objects:
        assert o.acquire()
    print("holds")
elif what == "wait":
    objects[0].acquire()
    print("waits")
    objects[0].wait()
elif what == "barrier":
    print("waits")
    objects[0].wait()
elif what == "references":
    mine = [m.list([1]) for _ in range(5)]
    if objects:
        mine[0].append(2)
    print("holds")
time.sleep(100)
