"""What runs in the worker processes of Ray and Dask, for package engine/cluster (docs/formats/cluster.md).

The bridge sends it along as text with its tasks, so that nothing has to be installed. A task gets a chunk of calls; it is handed to a
child of this process that lives on, the user's own Go binary in the role of a node, and its outcome is the task's result.
"""
import errno
import fcntl
import hashlib
import itertools
import json
import os
import platform
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

SETUP, READY, REFUSED, CHUNK, PART, DONE, CANCEL = 1, 2, 3, 4, 5, 6, 7
HEAD = struct.Struct("<IBQ")
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
START = 60  # seconds that a node has to begin
RAISED = 16 << 20  # bytes of arrays that an exception may carry

_lock = threading.Lock()
_nodes = {}  # session -> _Node


def run(engine, session, program, arrays, chunk):
    """Runs a chunk here: the outcome, the files of arrays in it, and how many arrays were copied to this node for it.

    arrays are (name, size, reference) each. Raises RuntimeError when a call failed, with what is else returned as its attribute
    outcome, so that the engine shows and counts the failure.
    """
    node = _node(engine, session, program)
    copied = sum(node.need(engine, *a) for a in arrays)
    why, outcome, files = node.call(chunk, engine)
    made = [(name, _take(path)) for name, path in files]
    result = outcome, made, copied
    if why and sum(len(m) for _, m in made) <= RAISED:
        e = RuntimeError(why)
        e.outcome = result
        raise e
    return result


def cancel(session, chunk, items):
    """Ends items of a chunk that runs here, or all of it."""
    node = _nodes.get(session)
    return node is not None and node.cancel(chunk, items)


def close(session):
    """Ends the node of a driver that is gone."""
    with _lock:
        node = _nodes.pop(session, None)
    if node is not None:
        node.close()


def _node(engine, session, program):
    key = session["session"]
    with _lock:
        node = _nodes.get(key)
        if node is not None and node.alive:
            return node
        node = _nodes[key] = _Node(engine, session, _program(engine, session, program))
    engine.watch(node, session, lambda: close(key))
    return node


def _program(engine, session, ref):
    """The path of the user's binary on this machine, which is written here once."""
    here = sys.platform, MACHINES.get(platform.machine().lower(), platform.machine())
    want = session["goos"], session["goarch"]
    if here != want:
        raise RuntimeError("atrium: the program is built for %s/%s and this node (%s) is %s/%s: build it with GOOS=%s GOARCH=%s, "
                           "or keep tasks off such nodes" % (want + (socket.gethostname(),) + here + here))
    base = os.path.join(tempfile.gettempdir(), "atrium-%d" % os.getuid())
    try:
        os.mkdir(base, 0o700)
    except FileExistsError:
        pass
    st = os.lstat(base)
    if st.st_uid != os.getuid() or st.st_mode & 0o170077 != 0o040000:
        raise RuntimeError("atrium: %s is not a directory of this user's alone: remove it" % base)
    path = os.path.join(base, session["sha"])
    if os.path.exists(path):
        return path
    data = memoryview(engine.fetch(ref)).cast("B")
    if hashlib.sha256(data).hexdigest() != session["sha"]:
        raise RuntimeError("atrium: the program arrived damaged at %s" % socket.gethostname())
    fd, temporary = tempfile.mkstemp(dir=base)
    try:
        with open(fd, "wb") as f:
            f.write(data)
        os.chmod(temporary, 0o700)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


class _Node:
    def __init__(self, engine, session, path):
        self.alive, self.listener = True, None
        self.lock = threading.Lock()
        self.calls = {}  # our number -> _Call
        self.numbers = itertools.count(1)
        ours, theirs = socket.socketpair()
        self.sock = ours
        env = dict(os.environ, ATRIUM_CHILD="node:%d" % theirs.fileno(), ATRIUM_ENGINE_WORKER=str(os.getpid()))
        for again in range(50):
            try:
                process = subprocess.Popen(session["args"], executable=path, env=env, pass_fds=[theirs.fileno()],
                                                stdin=subprocess.DEVNULL, start_new_session=True)
                break
            except OSError as e:
                if e.errno != errno.ETXTBSY or again == 49:  # a child of another thread still has it open for writing
                    ours.close()
                    raise RuntimeError("atrium: the node at %s cannot be started: %s (is %s mounted noexec? TMPDIR chooses another)"
                                       % (path, e, os.path.dirname(path))) from None
                time.sleep(0.02)
            finally:
                if again == 49:
                    theirs.close()
        theirs.close()
        process.wait()  # the node is a child of it, and now of nobody
        setup = {"config": session["config"], "node": engine.node(), "slots": engine.slots(), "python": sys.executable, "pid": os.getpid()}
        ours.settimeout(START)
        try:
            self.send(SETUP, 0, json.dumps(setup).encode())
            kind, _, body = self.receive()
        except (OSError, EOFError) as e:
            self.close()
            raise RuntimeError("atrium: the node did not begin (%r); does the program's main call atrium.Main() first?" % e) from None
        if kind != READY:
            self.close()
            raise RuntimeError("atrium: the node refused: " + body.decode("utf-8", "replace"))
        ours.settimeout(None)
        ready = json.loads(body)
        self.copies, self.pid = ready["copies"], ready["pid"]
        self.listener = threading.Thread(target=self.listen, daemon=True, name="atrium-node")
        self.listener.start()

    def send(self, kind, task=0, body=b""):
        with self.lock:
            try:
                self.sock.sendall(HEAD.pack(9 + len(body), kind, task))
                self.sock.sendall(body)
            except BaseException:  # an interrupt of the engine's too: half a message was sent
                self.alive = False
                self.sock.shutdown(socket.SHUT_RDWR)
                raise

    def exactly(self, n):
        data = bytearray(n)
        view, have = memoryview(data), 0
        while have < n:
            m = self.sock.recv_into(view[have:])
            if not m:
                raise EOFError("it ended")
            have += m
        return data

    def receive(self):
        n, kind, task = HEAD.unpack(self.exactly(HEAD.size))
        return kind, task, self.exactly(n - 9)

    def listen(self):
        try:
            while True:
                kind, task, body = self.receive()
                call = self.calls.get(task)
                if call is None:
                    continue
                if kind == PART:
                    call.parts.append(body)
                else:
                    call.body = body
                    call.event.set()
        except (OSError, EOFError):
            self.alive = False
            for call in list(self.calls.values()):
                call.event.set()

    def call(self, chunk, engine):
        call, number = _Call(chunk[0]), next(self.numbers)
        self.calls[number] = call
        try:
            sent = False
            while True:
                try:
                    if not sent:
                        self.send(CHUNK, number, chunk[1])
                        sent = True
                        if not self.alive:  # listen may have gone through calls before ours was there
                            raise OSError
                    if call.event.wait(0.1):  # an interrupt of the engine's is seen between two waits
                        break
                except KeyboardInterrupt:
                    if not self.alive:
                        raise
                    self.send(CANCEL, number)
                    sent = True
                except OSError:
                    raise self.died() from None
        finally:
            del self.calls[number]
        if call.body is None:
            raise self.died()
        return _outcome(call)

    def died(self):
        e = RuntimeError("atrium: the node process %d on %s died" % (self.pid, socket.gethostname()))
        e.died = True
        return e

    def cancel(self, chunk, items):
        """Whether it runs here."""
        mine = [number for number, call in list(self.calls.items()) if call.chunk == chunk]
        for number in mine:
            self.send(CANCEL, number, struct.pack("<%dI" % len(items), *items))
        return bool(mine)

    def need(self, engine, name, size, ref):
        """Sees to it that this machine has the copy of an array: 1 when it was made now, once for all processes here."""
        path = self.copies + name
        if os.path.exists(path):
            return 0
        place = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(place, fcntl.LOCK_EX)
            if os.path.exists(path):
                return 0
            data = memoryview(engine.fetch(ref)).cast("B")
            if len(data) != size:
                raise RuntimeError("atrium: an array of %d bytes came with %d" % (size, len(data)))
            write(place, path, data)
            return 1
        finally:
            os.close(place)

    def close(self):
        self.alive = False
        try:
            self.sock.shutdown(socket.SHUT_WR)  # which ends it
        except OSError:
            pass
        if self.listener is not None:
            self.listener.join(5)
            if self.listener.is_alive():
                os.kill(self.pid, signal.SIGKILL)
                self.listener.join()
        self.sock.close()


class _Call:
    def __init__(self, chunk):
        self.chunk, self.event, self.parts, self.body = chunk, threading.Event(), [], None


def _outcome(call):
    """The text of the first failure, the outcome for the driver, and (name, path) of the files with it."""
    b, at = memoryview(call.body), 0

    def take(fmt):
        nonlocal at
        (n,) = struct.unpack_from(fmt, b, at)
        at += struct.calcsize(fmt) + n
        return bytes(b[at - n:at]).decode("utf-8", "surrogateescape")

    why = take("<I")
    (n,) = struct.unpack_from("<H", b, at)
    at += 2
    files = [(take("<H"), take("<H")) for _ in range(n)]
    return why, b"".join(call.parts) + bytes(b[at:]), files


def _take(path):
    """The bytes of a file, which is removed."""
    size = os.stat(path).st_size
    try:
        import numpy
    except ImportError:  # copied once more
        with open(path, "rb") as f:
            data = f.read()
    else:
        data = numpy.memmap(path, numpy.uint8, "r", shape=(size,)).view(numpy.ndarray)
    os.unlink(path)
    return data


def write(place, path, data):
    """A file that appears whole; nothing is left of it when we are killed on the way. place is its directory's descriptor."""
    fd = os.open(os.path.dirname(path), os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        for done in range(0, len(data), 64 << 20):
            os.posix_fallocate(fd, done, min(64 << 20, len(data) - done))
        done = 0
        while done < len(data):
            done += os.write(fd, data[done:done + (1 << 30)])
        try:
            os.link("/proc/self/fd/%d" % fd, os.path.basename(path), dst_dir_fd=place, follow_symlinks=True)
        except FileExistsError:
            pass
    finally:
        os.close(fd)


class Ray:
    """What a task asks of Ray."""

    def fetch(self, ref):
        import ray
        return ray.get(ref[0])

    def node(self):
        import ray
        return ray.get_runtime_context().get_node_id()[:16]

    def slots(self):
        return 1

    def watch(self, node, session, end):
        """Ray ends the worker processes of a driver that is gone, and nodes end with those."""


class Dask:
    """What a task asks of Dask."""

    def __init__(self):
        from distributed import get_client, get_worker
        self.worker, self.client = get_worker(), get_client()

    def fetch(self, data):
        return data  # a Future in a task's arguments comes as what it stands for

    def node(self):
        name = os.environ.get("ATRIUM_NODE") or "%s-%d" % (socket.gethostname(), os.stat("/dev/shm").st_dev)
        return hashlib.sha256(name.encode()).hexdigest()[:16]

    def slots(self):
        return self.client.nthreads().get(self.worker.address, 1)

    def watch(self, node, session, end):
        """Dask's workers are not told when a client is gone: they ask the scheduler."""
        def look():
            while True:
                time.sleep(1.5)
                if not node.alive:  # another node may have its place, and is watched too
                    return
                try:
                    if not self.client.run_on_scheduler(_has_client, session["client"]):
                        break
                except Exception:
                    if self.client.status != "running":  # the scheduler is gone
                        break
            end()
        threading.Thread(target=look, daemon=True, name="atrium-watch").start()


def _has_client(client, dask_scheduler=None):
    return client in dask_scheduler.clients


_has_client.__module__ = "__main__"  # so that it travels by value: the scheduler does not have this module
ENGINES = {"ray": Ray, "dask": Dask}
