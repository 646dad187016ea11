"""Queues and locks of the driver, for functions in atrium's Python worker (docs/formats/queue-connection.md).

What a function is handed asks the driver, over connections that are made when they are needed and used by one thread at a time. The
first of them is never used for anything: it lasts as long as this process, so that what the process holds is given back
when it ends, and not when a call is interrupted. Standard library only.
"""
import os
import pickle
import socket
import struct
import threading

worker = None  # the module atrium_worker

_links = {}  # address -> _Link
_links_lock = threading.Lock()


class OwnerDead(RuntimeError):
    """The lock's last owner died with it, and may have left what the lock guards half done.

    Who gets this does not have the lock. acquire(mend=True) takes it all the same: look at what it guards, mend it, then
    mark_consistent(), then release().
    """


class _Link:
    """This process's connections to one server."""

    def __init__(self, address, key):
        self.address, self.key, self.session = address, key, os.urandom(16)
        self.idle = []
        self.all = set()
        self.anchor = self._connect()

    def _connect(self):
        from multiprocessing.connection import Client
        with Client(self.address, authkey=self.key) as c:
            s = socket.socket(fileno=os.dup(c.fileno()))
        self.all.add(s)
        try:
            s.set_inheritable(False)
            # A signal that comes just before we sleep in the kernel is heeded when we wake.
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, 500_000))
            _send(s, pickle.dumps(("session", self.session), 4))
            _outcome(_receive(s))
        except BaseException:
            self.drop(s)
            raise
        return s

    def drop(self, s):
        self.all.discard(s)
        s.close()

    def ask(self, request, undo):
        """Sends a request and gives the answer.

        A signal that ends the task is heeded while we wait, when nothing of the answer was read: closing the connection
        then tells the server that it did not arrive. While it is read the signal waits, and what was got is given back.
        Nothing is called between the end of that and our caller's next line, as Python heeds signals in calls.
        """
        main = threading.get_ident() == worker._main
        s = None
        try:
            try:
                s = self.idle.pop()
            except IndexError:
                s = self._connect()
            _send(s, request)
            _some(s, 1, socket.MSG_PEEK)
            if main:
                worker._sending = True
            try:
                answer = _receive(s)
                self.idle.append(s)
            except BaseException:
                if main:
                    worker._sending = False
                raise
        except BaseException:
            if s is not None:
                self.drop(s)
            raise
        value = failed = None
        try:
            cargo.taking = True
            value = _outcome(answer)
        except BaseException as e:
            failed = e
        cargo.taking = False
        if main:
            worker._sending = False
        if main and worker._late:
            self._interrupted(undo if value else None)
        if failed is not None:
            raise failed
        return value

    def _interrupted(self, undo):
        worker._late = False
        try:
            worker._on_signal()
        except BaseException:
            if undo is not None:
                self.ask(undo, None)
            raise


def _forked():
    """A child that user code forks has no business on our connections: what we hold would be held until it ends."""
    global _links, _links_lock
    for link in _links.values():
        for s in link.all:
            s.close()
    _links, _links_lock = {}, threading.Lock()


os.register_at_fork(after_in_child=_forked)


def _send(s, body):
    n = len(body)
    head = struct.pack("!i", n) if n <= 0x7fffffff else struct.pack("!iQ", -1, n)
    s.sendall(head + body if n < 65536 else head)
    if n >= 65536:
        s.sendall(body)


def _receive(s):
    """The message that has come, of which there is never more than one."""
    b = _some(s, 65536)
    while len(b) < 4 or len(b) < 12 and b[:4] == b"\xff\xff\xff\xff":
        b += _some(s, 12)
    n, = struct.unpack_from("!i", b)
    head = 4
    if n == -1:
        n, = struct.unpack_from("!Q", b, 4)
        head = 12
    if len(b) == head + n:
        return memoryview(b)[head:]
    parts, left = [memoryview(b)[head:]], head + n - len(b)
    while left:
        b = _some(s, min(left, 1 << 20))
        parts.append(b)
        left -= len(b)
    return b"".join(parts)


def _some(s, most, flags=0):
    while True:
        try:
            b = s.recv(most, flags)
        except BlockingIOError:
            continue
        if not b:
            raise EOFError("the driver has closed the connection")
        return b


def _outcome(answer):
    kind, value = pickle.loads(answer)
    if kind == "error":
        raise value
    return value


class _Cargo(threading.local):
    """The files of the arrays that this thread is putting into a queue: ours again when that fails."""

    made = copied = None
    taking = False  # this thread unpickles what comes from one

    def __enter__(self):
        self.made, self.copied = [], []

    def arrived(self):
        self.made, self.copied = [], []

    def __exit__(self, *_):
        for f in self.made:
            f.sent = False
        for f in self.copied:
            f.unlink()
        self.made = self.copied = None


cargo = _Cargo()


class _Shared:
    def __init__(self, address, key, number):
        self._server, self._number = (address, key), number

    def _ask(self, method, *args, undo=None):
        address, key = self._server
        link = _links.get(address)
        if link is None:
            with _links_lock:
                link = _links.get(address)
                if link is None:
                    link = _links[address] = _Link(address, key)
        if undo is not None:
            undo = pickle.dumps((self._number, undo), 4)
        request = (self._number, method) + args
        if method != "put" or type(args[0]) in (int, float, str, bytes, bool, type(None)):
            return link.ask(pickle.dumps(request, 4), undo)
        with cargo:  # arrays in the value
            value = link.ask(worker._dumps(request), undo)
            cargo.arrived()
        return value

    def __reduce__(self):
        raise TypeError("a %s of the driver's goes to a worker as an argument, and no further" % type(self).__name__)


class Queue(_Shared):
    """A queue.Queue of the driver's, with the methods of multiprocessing's JoinableQueue."""

    def put(self, obj, block=True, timeout=None):
        self._ask("put", obj, block, timeout)

    def put_nowait(self, obj):
        self.put(obj, False)

    def get(self, block=True, timeout=None):
        return self._ask("get", block, timeout)

    def get_nowait(self):
        return self.get(False)

    def qsize(self):
        return self._ask("qsize")

    def empty(self):
        return self._ask("empty")

    def full(self):
        return self._ask("full")

    def task_done(self):
        self._ask("task_done")

    def join(self):
        self._ask("join")


class Lock(_Shared):
    """A psync.Mutex of the driver's. It belongs to this process: any of its threads may release it."""

    def acquire(self, block=True, timeout=None, mend=False):
        return self._ask("acquire", block, timeout, mend, undo="release")

    def release(self):
        self._ask("release")

    def mark_consistent(self):
        """What the lock guards is whole again: between acquire(mend=True) and release."""
        self._ask("mark_consistent")

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self.release()


class Semaphore(_Shared):
    """A psync.Semaphore of the driver's."""

    def acquire(self, block=True, timeout=None):
        return self._ask("acquire", block, timeout, undo="release")

    def release(self, n=1):
        self._ask("release", n)

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self.release()


class Event(_Shared):
    """A psync.Event of the driver's."""

    def is_set(self):
        return self._ask("is_set")

    def set(self):
        self._ask("set")

    def clear(self):
        self._ask("clear")

    def wait(self, timeout=None):
        return self._ask("wait", timeout)
