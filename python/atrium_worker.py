"""The worker's side of atrium's pool protocol for Python (docs/formats/worker-protocol.md).

Runs inside a child of a driver: descriptor 3 is the socket to it, descriptor 4 was this file. Standard library
only; NumPy is imported when the first array comes or goes. The module is importable by user code as atrium_worker.
"""
import collections
import errno
import io
import itertools
import json
import mmap
import os
import pickle
import signal
import socket
import struct
import sys
import threading
import time

import atrium_abroad
import atrium_dtypes
import atrium_functions
import atrium_objects
from atrium_functions import TaskCancelled
from atrium_objects import Event, Lock, OwnerDead, Queue, Semaphore, cargo  # noqa: F401: some are named by the driver and by functions

HELLO, SETUP, READY, REFUSED, TASK, RESULT, ERROR = 1, 2, 3, 4, 5, 6, 7
CANCEL, RECALL, RETURNED, OUTPUT, RETIRE, STOP = 8, 9, 10, 11, 12, 13
HEAD = struct.Struct("<IBQ")
TASK_HEAD = struct.Struct("<QH")

_sock = None
_setup = {}
_cells = None  # the board as unsigned 64-bit integers
_cell = 0  # index of our first one
_current = 0  # task that runs in user code, else 0
_functions = {}
_files = {}  # path -> (inode, writable, memmap): arrays seen before
_MAX_FILES = 64
_MAX_MESSAGE = (1 << 30) - 64
_numbers = itertools.count(1)  # of the files we make
_np = None


class Args(tuple):
    """Positional arguments: pool.Args on the Go side."""


class Into:
    """An array argument and where the result goes: pool.Into on the Go side."""

    def __init__(self, block, lo, hi, out, rows):
        self.block, self.lo, self.hi, self.out, self.rows = block, lo, hi, out, rows

    def call(self, f):
        try:
            return self._land(_result(f(self.block)))
        finally:
            _forget(self.block)
            _forget(self.out)

    def _land(self, a):
        if self.out is None:
            return a
        if self.rows and a.ndim > 0 and len(a) != self.hi - self.lo and len(a) == len(self.block):
            a = a[self.lo:self.hi]
        if a.shape != self.out.shape or a.dtype != self.out.dtype:
            raise ValueError(
                "the result is %s of shape %s where the first result was %s and leaves room for shape %s; every item must give the same"
                % (atrium_dtypes.text(_np, a.dtype), a.shape, atrium_dtypes.text(_np, self.out.dtype), self.out.shape))
        self.out[...] = a
        return None


# ---- frames

_lock = threading.RLock()  # frames of one thread must not get into another's
_main = threading.get_ident()


def _forked():
    global _lock
    _lock = threading.RLock()  # whoever held it is not in this child


os.register_at_fork(after_in_child=_forked)
_sending = False  # the main thread is in the middle of a frame
_late = False  # the signal that came meanwhile


def _send(kind, task=0, body=b""):
    global _sending, _late
    frame = HEAD.pack(9 + len(body), kind, task) + body
    if threading.get_ident() != _main:
        _write(frame)
        return
    _sending = True
    try:
        _write(frame)
    finally:
        _sending = False
    if _late:
        _late = False
        _on_signal()


def _write(frame):
    with _lock:
        _sock.sendall(frame)


_buffer = bytearray()


def _receive(wait=True):
    """The next frame as (kind, task, body); None when none has come and we do not wait."""
    while True:
        missing = HEAD.size - len(_buffer)
        if missing <= 0:
            n, kind, task = HEAD.unpack_from(_buffer)
            missing = 4 + n - len(_buffer)
            if missing <= 0:
                body = bytes(memoryview(_buffer)[HEAD.size:4 + n])
                del _buffer[:4 + n]
                return kind, task, body
        try:
            b = _sock.recv(min(max(missing, 65536), 1 << 20), 0 if wait else socket.MSG_DONTWAIT)
        except BlockingIOError:
            if not wait:
                return None
            _tidy()  # a second without work
            continue
        if not b:
            os._exit(1)  # the driver is gone
        _buffer.extend(b)


# ---- what is printed goes to the driver with the task's number

class _Printer(io.TextIOBase):
    encoding, errors = "utf-8", "backslashreplace"

    def __init__(self, stream, name):
        self._stream, self.name, self._line = stream, name, ""
        self.task = 0
        self.buffer = io.BufferedWriter(_Raw(self), 1)

    def writable(self):
        return True

    def reconfigure(self, **_):
        pass  # lines, UTF-8, whatever is asked for

    def fileno(self):
        return self._stream

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        with _lock:
            if self.task != _running_task and self._line:
                self.flush()
            self.task = _running_task
            *lines, self._line = (self._line + text).split("\n")
            for line in lines:
                self._put(line)
            if len(self._line) > 65536:
                self.flush()
        return len(text)

    def _put(self, line):
        if os.getpid() != _pid:  # a child that user code forked has no business on our socket
            os.write(self._stream, (line + "\n").encode("utf-8", "backslashreplace"))
            return
        text = line.encode("utf-8", "backslashreplace")
        for i in range(0, len(text) or 1, 65536):
            _send(OUTPUT, self.task, bytes([self._stream]) + text[i:i + 65536])

    def flush(self):
        with _lock:
            if self._line:
                line, self._line = self._line, ""
                self._put(line)


class _Raw(io.RawIOBase):
    """What sys.stdout.buffer writes to."""

    def __init__(self, printer):
        self._printer = printer

    def writable(self):
        return True

    def write(self, b):
        self._printer.write(bytes(b).decode("utf-8", "replace"))
        return len(b)


_running_task = 0
_pid = os.getpid()


# ---- arrays

def numpy():
    global _np
    if _np is None:
        try:
            import numpy
        except ImportError as e:
            raise ImportError(
                "an array came, and NumPy is not installed for %s (%s); run: %s -m pip install numpy"
                % (sys.executable, e, sys.executable)) from None
        _np = numpy
    return _np


_MASKED = "masked arrays cannot be returned; return filled(), or data and mask"


def _result(value):
    """What a function returned, as an array."""
    np = numpy()
    if isinstance(value, np.ma.MaskedArray):  # asarray would drop the mask
        raise TypeError(_MASKED)
    a = np.asarray(value)
    if a.dtype.hasobject and not isinstance(value, np.ndarray):
        what = "None" if value is None else "a value of type " + type(value).__name__
        raise TypeError("it returned %s; what a map's function returns has to be an array or a number" % what)
    return a


def _map(path, inode, writable):
    path, inode, writable = atrium_abroad.arrive(path, inode, writable)
    st = os.stat(path)
    if st.st_ino != inode:
        raise FileNotFoundError("%s is another file now than the one that was sent" % path)
    have = _files.get(path)
    if have is not None and have[0] == inode and have[1] >= writable and have[2] == st.st_size:
        return have[3]
    flags = os.O_RDWR if writable else os.O_RDONLY
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        m = mmap.mmap(fd, st.st_size, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
    finally:
        os.close(fd)
    if cargo.taking and os.path.basename(path).startswith("."):
        return m  # it has its name no longer than until we ask for the next thing, and cannot be passed on by that
    if not _files:
        _sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 1, 0))  # so that _tidy runs
    while len(_files) >= _MAX_FILES:
        del _files[next(iter(_files))]  # views that user code kept keep their mapping
    _files[path] = (inode, writable, st.st_size, m)
    return m


_idle = _tidied = 0.0  # since when; the last time


def _tidy():
    """Lets go of files that are gone, whose memory we would keep, and of all after ten seconds without work."""
    global _tidied
    _tidied = time.monotonic()
    if _tidied - _idle > 10:
        _files.clear()
    for path, (inode, *_) in list(_files.items()):
        if not _is(path, inode):
            del _files[path]
    if not _files:
        _sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, 0))


def array(path, inode, offset, descr, shape, strides, writable):
    """A view of a shared file: how arrays arrive. descr is the text of a dtype as in a .npy header."""
    np = numpy()
    dtype = atrium_dtypes.parse(np, descr)
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, _map(path, inode, writable), offset, strides)


class _File:
    """A new file for a result, which becomes the driver's when a result carries it."""

    def __init__(self, shape, dtype):
        np = numpy()
        if dtype.hasobject:
            raise TypeError("arrays of Python objects cannot be shared; convert to a numeric dtype")
        self.path = os.path.join(_setup["space"], _setup["prefix"] + str(next(_numbers)))
        self.sent = False
        self.map = None
        head = atrium_dtypes.header(np, dtype, shape)
        self.offset = len(head)
        size = dtype.itemsize
        for n in shape:
            size *= n
        total = self.offset + size
        _room(total)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        (_made if cargo.copied is None else cargo.copied).append(self)
        try:
            for done in range(0, total, 64 << 20):  # storage now, so that no store fails later; in steps, as a signal undoes one
                os.posix_fallocate(fd, done, min(64 << 20, total - done))
            os.pwrite(fd, head, 0)
            self.inode = os.fstat(fd).st_ino
            self.map = mmap.mmap(fd, total)
        finally:
            os.close(fd)
        self.array = np.ndarray(shape, dtype, self.map, self.offset) if size else np.empty(shape, dtype)

    def unlink(self):
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass


def _is(path, inode):
    try:
        return os.stat(path).st_ino == inode
    except OSError:
        return False


def _room(total):
    """Refuses what does not fit before a byte is taken; on tmpfs that is what memory cannot hold, too."""
    st = os.statvfs(_setup["space"])
    free = st.f_bavail * st.f_frsize
    if _setup["space"].startswith("/dev/shm/"):
        with open("/proc/meminfo") as f:
            for line in f:
                if line.startswith("MemAvailable:"):
                    free = min(free, int(line.split()[1]) * 1024 * 19 // 20)
    if total > free:
        raise OSError(errno.ENOSPC, "not enough room for an array of %d bytes: %s has %d free; run `atrium gc`, or use a Space with room"
                      % (total, _setup["space"], free))


_made = []  # files of this task


def _settle():
    """After a task: what no result carries is removed."""
    for f in _made:
        if not f.sent:
            f.unlink()
    _made.clear()
    if _files and time.monotonic() - _tidied > 1:
        _tidy()


def empty(shape, dtype=float):
    """A new shared array for a result, which then goes back without a copy. Valid until the task ends."""
    np = numpy()
    return _File((shape,) if isinstance(shape, int) else tuple(int(n) for n in shape), np.dtype(dtype)).array


def _memory(a):
    """The mmap that an array's memory lies in, or None."""
    while isinstance(a, _np.ndarray):
        a = a.base
    if isinstance(a, memoryview):
        a = a.obj
    return a if isinstance(a, mmap.mmap) else None


def _forget(a):
    """Lets our memory shrink by an array's pages, which stay in its file: a big file goes through a worker, it does not pile up in it."""
    m = _memory(a) if _np is not None and isinstance(a, _np.ndarray) and a.flags.c_contiguous else None
    if m is not None and a.nbytes >= mmap.PAGESIZE:
        start = _offset(a, m)
        first = start - start % mmap.PAGESIZE
        m.madvise(mmap.MADV_DONTNEED, first, start + a.nbytes - first)


def _offset(a, m):
    """Where in the mapping m the elements of a begin."""
    return a.__array_interface__["data"][0] - _np.frombuffer(m, _np.uint8).__array_interface__["data"][0]


def _reduce_array(a):
    """How an array goes back: by reference when its memory is a shared file already, else copied into one, once."""
    np = numpy()
    if a.dtype.hasobject:
        raise TypeError("arrays of Python objects cannot be returned; convert to a numeric dtype")
    if isinstance(a, np.ma.MaskedArray):
        raise TypeError(_MASKED)
    m = _memory(a) if a.size else None
    if m is not None:
        for path, (inode, writable, _, known) in list(_files.items()):  # which other threads may change
            if known is m:
                return _reference(a, path, inode, m, writable, False)
        for f in _made:
            if f.map is m and not f.sent and a.nbytes == f.array.nbytes and a.flags.c_contiguous:
                f.sent = True
                if cargo.made is not None:
                    cargo.made.append(f)
                return _reference(a, f.path, f.inode, m, True, True)
    f = _File(a.shape, a.dtype)
    f.array[...] = a
    f.sent = True
    return _reference(f.array, f.path, f.inode, f.map, True, True)


def _reference(a, path, inode, m, writable, owned):
    offset = _offset(a, m) if a.size else 0
    path, inode = atrium_abroad.leave(path, inode, owned)
    return array, (path, inode, offset, atrium_dtypes.text(_np, a.dtype), a.shape, a.strides, writable, owned)


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj):
        if _np is None and "numpy" in sys.modules:
            numpy()
        if _np is not None:
            if isinstance(obj, _np.ndarray):
                return _reduce_array(obj)
            if isinstance(obj, _np.generic):
                if isinstance(obj, (_np.datetime64, _np.timedelta64, _np.void, _np.longdouble, _np.clongdouble)):
                    return _reduce_array(_np.asarray(obj))
                value = obj.item()
                return type(value), (value,)
        return NotImplemented


def _dumps(value):
    if _np is not None and isinstance(value, _np.generic):
        value = value.item()
    if type(value) in (int, float, str, bytes, bool, type(None)):
        return pickle.dumps(value, 4)
    f = io.BytesIO()
    _Pickler(f, 4).dump(value)
    return f.getvalue()


atrium_objects.worker = sys.modules[__name__]


# ---- functions

def _function(name):
    f = _functions.get(name)
    if f is None:
        f = _functions[name] = atrium_functions.load(name)
    return f


def _on_signal(*_):
    """The driver wants the task ended that it wrote on the board, or those back that wait behind the running one."""
    global _late, _sending
    if not _current:
        return  # main looks at what has come before it begins a task
    if _sending:
        _late = True  # half a frame would be the end of us: who is in the middle of one comes back to it
        return
    if _cells[_cell + 3] == _current:
        raise TaskCancelled("the task was cancelled, or its time limit passed")
    _sending = True
    try:
        _take()
    finally:
        _sending = False
    if _late:
        _late = False
        _on_signal()


_waiting = collections.deque()  # tasks that came and were not begun
_stop = False


def _take(wait=False):
    """Takes all frames that have come, so that nothing is begun that was called back; waits for the first one if asked to."""
    global _stop
    frame = _receive(wait)
    while frame is not None:
        kind, task, body = frame
        if kind == TASK:
            _waiting.append((task, body))
        elif kind == RECALL:
            body = b"".join(struct.pack("<Q", t) for t, _ in _waiting)
            _waiting.clear()
            _write(HEAD.pack(9 + len(body), RETURNED, 0) + body)
        elif kind == STOP:
            _stop = True
        frame = _receive(wait=False)


def _call(task, body):
    global _current, _running_task, _late
    _, n = TASK_HEAD.unpack_from(body)
    name = body[TASK_HEAD.size:TASK_HEAD.size + n].decode()
    _running_task, _late = task, False
    try:
        try:
            _current = task
            _on_signal()  # one that came before we had begun
            f = _function(name)
            arg = memoryview(body)[TASK_HEAD.size + n:]
            raw = getattr(f, "raw", False)  # it takes and gives pickles
            if not raw:
                arg = pickle.loads(arg)
            if type(arg) is Into:
                result = arg.call(f)
            else:
                result = f(*arg) if type(arg) is Args else f(arg)
        finally:
            _current = 0
        if os.getpid() != _pid:
            os._exit(0)  # a child that user code forked and let return
        body = result if raw else _dumps(result)
        if len(body) > _MAX_MESSAGE:
            raise ValueError("a result of %d bytes is too large (limit %d); return big data as an array" % (len(body), _MAX_MESSAGE))
        return RESULT, body
    except SystemExit as e:
        _current = 0
        code = e.code if isinstance(e.code, int) else 0 if e.code is None else 1
        if code == 1 and not isinstance(e.code, int):
            print(e.code, file=sys.stderr)
        _flush()
        os._exit(code)
    except BaseException as e:
        _current = 0
        if os.getpid() != _pid:
            os._exit(1)
        return ERROR, atrium_functions.describe(e)


def _flush():
    for f in (sys.stdout, sys.stderr):
        try:
            f.flush()
        except Exception as e:  # user code put something else there
            os.write(2, ("atrium: flush: %r\n" % e).encode())


def _handshake():
    global _sock, _setup, _cells, _cell
    _sock = socket.socket(fileno=3)
    _sock.set_inheritable(False)
    version = "%d.%d.%d" % sys.version_info[:3]
    _send(HELLO, 0, json.dumps({"protocol": 2, "pid": os.getpid(), "language": "python", "version": version}).encode())
    kind, _, body = _receive()
    if kind != SETUP:
        sys.exit("atrium: frame %d came where SETUP belongs" % kind)
    _setup = json.loads(body)
    with open(_setup["board"], "r+b") as f:
        _cells = memoryview(mmap.mmap(f.fileno(), 0)).cast("Q")
    _cell = _setup["cell"] * 8
    atrium_abroad.rules = _setup.get("abroad")
    sys.path[:0] = _setup.get("path") or []
    with open("/proc/self/comm", "w") as f:
        f.write("atrium-py%d" % _setup["index"])


retiring = []  # not empty: this process is to be replaced after the running task


def main():
    global _running_task, _idle
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, _on_signal)
    _handshake()
    sys.stdout, sys.stderr = _Printer(1, "<stdout>"), _Printer(2, "<stderr>")
    try:
        for name in _setup.get("import") or []:
            atrium_functions.module(name)
        if _setup.get("begin"):
            atrium_functions.begin(**_setup["begin"])
    except BaseException as e:
        _flush()
        _send(REFUSED, 0, atrium_functions.describe(e))
        os._exit(2)
    _send(READY)
    budget = _setup.get("memory") or 0
    retired = False
    while _waiting or not _stop:
        _take(wait=retired or not _waiting)
        if _waiting and not retired:
            _idle = time.monotonic()
            task, body = _waiting.popleft()
            _cells[_cell] = task
            kind, body = _call(task, body)
            _flush()
            _running_task = 0
            _cells[_cell + 1] = task
            if kind == ERROR:
                for f in _made:
                    f.sent = False
            _settle()
            if retiring or budget and atrium_functions.private() > budget:
                retired = True  # nothing is begun that waits here: it is called back
                _send(RETIRE)
            _send(kind, task, body)
    _flush()
    _sock.close()
