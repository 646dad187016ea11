"""A manager that CPython runs, at the address in sys.argv[1]."""
import faulthandler
import multiprocessing
import sys
from multiprocessing.managers import SyncManager

faulthandler.dump_traceback_later(120, exit=True)
KEY = b"the atrium's key"


class Counter:
    def __init__(self, n=0):
        self.n = n

    def increment(self, by=1):
        self.n += by
        return self.n

    def fail(self, what):
        raise LookupError(what, 42)


class Manager(SyncManager):
    pass


Manager.register("Counter", Counter)

if __name__ == "__main__":
    multiprocessing.current_process().authkey = KEY
    server = Manager(eval(sys.argv[1]), KEY).get_server()
    print("serves")
    server.serve_forever()
