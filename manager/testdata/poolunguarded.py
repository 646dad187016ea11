"""Uses a pool as soon as it is loaded, also by the pool's workers: the server's Config.Main is this file."""
import sys
from concurrent.futures.process import BrokenProcessPool

sys.argv[1:] = sys.argv[1:] or ["None"]
from client import connect  # noqa: E402

where = eval(sys.argv[1])


def square(x):
    return x * x


m = connect(where) if where else __import__("multiprocessing").managers.SyncManager("/nowhere", b"")
try:
    m.Pool(2).map(square, [1])
except BrokenProcessPool as e:
    assert "makes a Pool as soon as it is loaded" in str(e) and 'if __name__ == "__main__":' in str(e), str(e)
    print("ok")
