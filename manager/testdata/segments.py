"""A stock SharedMemoryManager that is connected to the server."""
import multiprocessing as mp
import sys
from multiprocessing import shared_memory
from multiprocessing.managers import RemoteError, SharedMemoryManager, dispatch

import client

mp.current_process().authkey = client.KEY
smm = SharedMemoryManager(eval(sys.argv[1]), authkey=client.KEY)
smm.connect()


def ask(name, *args):
    with smm._Client(smm._address, authkey=smm._authkey) as c:
        return dispatch(c, None, name, args)


def refused(text, *args):
    try:
        ask(*args)
    except RemoteError as e:
        assert text in str(e), str(e)
        return
    raise AssertionError("%r is no error" % (args,))


a = smm.SharedMemory(100)
a.buf[:3] = b"abc"
l = smm.ShareableList(["x", 2, 3.5])
assert ask("list_segments") == [a.name, l.shm.name]
b = smm.SharedMemory(10)
ask("release_segment", b.name)
assert ask("list_segments") == [a.name, l.shm.name]
try:
    shared_memory.SharedMemory(b.name)
    raise AssertionError("it is there")
except FileNotFoundError:
    pass
again = shared_memory.SharedMemory(a.name)
assert bytes(again.buf[:3]) == b"abc" and list(l) == ["x", 2, 3.5]
refused("ValueError: list.remove(x): x not in list", "release_segment", b.name)
for name in ["", "psm_", "psm_../x", "../psm_ab", "/psm_ab/c", "psm_xyz", "sem.mp-abc", "psm_ab\0", "psm_ab\n"]:
    refused("ValueError", "track_segment", name)
for name in [5, None, b"psm_ab", ["psm_ab"]]:
    refused("TypeError", "track_segment", name)
refused("FileNotFoundError: [Errno 2] No such file or directory: '/psm_00'", "track_segment", "psm_00")

# One that is somebody else's by now stays.
c = smm.SharedMemory(10)
c.unlink()
d = shared_memory.SharedMemory(c.name, create=True, size=10)
refused("FileNotFoundError", "release_segment", c.name)
ask("track_segment", d.name)
d.unlink()
print(a.name, l.shm.name, flush=True)
input()
