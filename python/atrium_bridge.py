"""The bridge between a Go program and Ray or Dask, for package engine/cluster (docs/formats/cluster.md).

A child of the program, whose descriptor 3 is the socket to it. Uses what Ray (2.40 and newer) and distributed (2024.1 and newer)
document, and no more. It ends with the program, and the engine that it started itself ends with it.
"""
import hashlib
import json
import mmap
import os
import queue
import re
import signal
import socket
import struct
import sys
import threading
import time
import traceback
import types

START, READY, REFUSED, PUT, FREE, SUBMIT, CANCEL, PART, DONE, FAILED, RESIZE, STOP, FATAL = range(1, 14)
HEAD = struct.Struct("<IBQ")
MAX_PART = 256 << 20


# ---- what runs in the engine's worker processes: this function travels by value, and takes the rest along as text

def _atrium_task(name, source, kind, session, program, arrays, chunk):
    import sys
    import types
    module = sys.modules.get(name)
    if module is None:
        module = types.ModuleType(name)
        exec(compile(source, "<atrium_node>", "exec"), module.__dict__)
        module = sys.modules.setdefault(name, module)
    return module.run(module.ENGINES[kind](), session, program, arrays, chunk)


def _atrium_cancel(name, session, chunk, items):
    import sys
    module = sys.modules.get(name)
    return module is not None and module.cancel(session, chunk, items)


def _atrium_close(name, session):
    import sys
    module = sys.modules.get(name)
    if module is not None:
        module.close(session)


# ---- the socket

class Socket:
    def __init__(self, fd):
        self.sock = socket.socket(fileno=fd)
        self.sock.set_inheritable(False)
        self.lock = threading.Lock()

    def send(self, kind, task=0, *parts):
        size = sum(len(p) for p in parts)
        data = [HEAD.pack(9 + size, kind, task), *parts]
        with self.lock:
            if size < 65536:
                self.sock.sendall(b"".join(data))
            else:
                for d in data:
                    self.sock.sendall(d)

    def receive(self):
        n, kind, task = HEAD.unpack(self.exactly(HEAD.size))
        return kind, task, self.exactly(n - 9)

    def exactly(self, n):
        data = bytearray(n)
        view, have = memoryview(data), 0
        while have < n:
            m = self.sock.recv_into(view[have:])
            if not m:
                os._exit(0)  # the program is gone
            have += m
        return data


class Lost(Exception):
    """The engine has no object any more that the driver put."""


def _bytes_of(view):
    """What is put into the engine's store: an array, which travels without copies of its own, where there is NumPy."""
    try:
        import numpy
    except ImportError:
        return bytes(view)
    return numpy.frombuffer(view, numpy.uint8)


def _version(module, least):
    have = tuple(int(n) for n in re.findall(r"\d+", module.__version__)[:2])
    if have < least:
        raise RuntimeError("%s %s is too old: %s or newer is needed; run: %s -m pip install -U %s" % (
            module.__name__, module.__version__, ".".join(map(str, least)), sys.executable, module.__name__))


# ---- engines

class Ray:
    def __init__(self, cfg, done):
        try:
            import ray
        except ImportError as e:
            raise RuntimeError("Ray is not installed for %s (%s); run: %s -m pip install ray" % (sys.executable, e, sys.executable)) from None
        _version(ray, (2, 40))
        self.ray, self.done, self.named, self.refs = ray, done, {}, {}
        options = dict(cfg["options"])
        options.setdefault("log_to_driver", False)
        options.setdefault("configure_logging", False)
        if cfg["address"]:
            options["address"] = cfg["address"]
        else:
            options["address"] = "local"
            options.setdefault("include_dashboard", False)
        try:
            context = ray.init(**options)
        except ConnectionError as e:
            raise RuntimeError("%s; if it asks for a token, RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH has to tell it; the lines it printed say more" % e) from None
        self.function = ray.remote(_atrium_task)
        self.task = dict(cfg["task"])
        self.each = float(self.task.get("num_cpus", 1)) or 1.0
        self.info = {"engine": "ray", "version": ray.__version__, "dashboard": getattr(context, "dashboard_url", "") or ""}
        self.session = {}

    def slots(self):
        return int(self.ray.cluster_resources().get("CPU", 0) / self.each)

    def put(self, view):
        return self.ray.put(_bytes_of(view))

    def free(self, ref):
        pass  # with the last reference

    def reference(self, ref):
        return [ref]  # in a list it is fetched where it is wanted, and not for each task

    def submit(self, number, name, *args):
        f = self.named.get(name)
        if f is None:
            f = self.named[name] = self.function.options(name=name, **self.task)
        ref = self.refs[number] = f.remote(*args)
        ref.future().add_done_callback(lambda future: self.done.put((number, future)))

    def cancel(self, number, items):
        ref = self.refs.get(number)
        if ref is not None:
            self.ray.cancel(ref, force=False)

    def results(self, batch):
        """Of futures that are done, each chunk's number with its result or its exception."""
        for number, future in batch:
            self.refs.pop(number, None)
            try:
                yield number, future.result(), None
            except BaseException as e:
                yield number, None, e

    def judge(self, e):
        x, cause = self.ray.exceptions, getattr(e, "cause", None)
        if isinstance(e, x.TaskCancelledError) or isinstance(cause, x.TaskCancelledError):
            return "cancelled", cause
        if isinstance(e, (x.ObjectLostError, x.OwnerDiedError)) or isinstance(cause, (x.ObjectLostError, x.OwnerDiedError)):
            return "lost", cause
        if isinstance(e, x.RayTaskError):
            return "task", cause
        return "engine", None

    def healthy(self):
        return True

    def close(self):
        self.ray.shutdown()


class Dask:
    def __init__(self, cfg, done):
        try:
            import distributed
        except ImportError as e:
            raise RuntimeError("Dask is not installed for %s (%s); run: %s -m pip install distributed" % (sys.executable, e, sys.executable)) from None
        _version(distributed, (2024, 1))
        self.distributed, self.done, self.futures, self.cluster = distributed, done, {}, None
        options = dict(cfg["options"])
        if cfg["address"]:
            tls = {k: options.pop(k) for k in list(options) if k.startswith("tls_")}
            if tls:
                options["security"] = distributed.Security(require_encryption=True, **tls)
            options.setdefault("timeout", 30)
            self.client = distributed.Client(cfg["address"], set_as_default=False, **options)
        else:
            options.setdefault("dashboard_address", None)
            options.setdefault("threads_per_worker", 1)
            options.setdefault("processes", True)
            self.cluster = distributed.LocalCluster(**options)
            self.client = distributed.Client(self.cluster, set_as_default=False)
        self.task = dict(cfg["task"])
        self.info = {"engine": "dask", "version": distributed.__version__, "dashboard": str(self.client.dashboard_link or "") if cfg["address"] else ""}
        self.session = {"client": self.client.id}
        self.unheard = 0

    def slots(self):
        return sum(self.client.nthreads().values())

    def put(self, view):
        return self.client.scatter(_bytes_of(view), hash=False)

    def free(self, future):
        future.release()

    def reference(self, future):
        if future.status != "finished":
            raise Lost("Dask has lost what was put there (%s)" % future.status)
        return future

    def submit(self, number, name, *args):
        key = "%s-%s-%d" % (re.sub(r"[^\w.:/]", "_", name), SESSION, number)
        future = self.client.submit(_atrium_task, *args, key=key, pure=False, **self.task)
        self.futures[number] = future
        future.add_done_callback(lambda f: self.done.put((number, f)))

    def cancel(self, number, items):
        future = self.futures.get(number)
        if future is None:
            return
        def told():
            answers = self.client.run(_atrium_cancel, MODULE, SESSION, number, items, nanny=False, on_error="ignore")
            return any(a is True for a in answers.values())

        if future.status == "pending" and not told() and not items and future.status == "pending":
            future.cancel()
            told()  # a worker may have begun it meanwhile

    def results(self, batch):
        fine = [(n, f) for n, f in batch if f.status == "finished"]
        got = {}
        if fine:
            try:
                got = dict(zip((n for n, _ in fine), self.client.gather([f for _, f in fine])))
            except BaseException:  # one was lost meanwhile: each for itself
                got = {}
        for number, future in batch:
            self.futures.pop(number, None)
            if number in got:
                yield number, got[number], None
                continue
            try:
                yield number, future.result(timeout=60), None
            except BaseException as e:
                yield number, None, e

    def judge(self, e):
        import concurrent.futures
        name = type(e).__name__
        if isinstance(e, concurrent.futures.CancelledError) or name in ("CancelledError", "FutureCancelledError"):
            return "cancelled", None
        if name in ("KilledWorker", "CommClosedError", "TimeoutError", "NoValidWorkerError"):
            return "engine", None
        return "task", e

    def healthy(self):
        self.unheard = 0 if self.client.status == "running" else self.unheard + 1
        return self.unheard < 5

    def close(self):
        try:
            self.client.run(_atrium_close, MODULE, SESSION, nanny=False, on_error="ignore")
        finally:
            self.client.close(timeout=5)
            if self.cluster is not None:
                self.cluster.close(timeout=10)


# ---- the bridge

class Bridge:
    def __init__(self, sock):
        self.sock = sock
        self.stopped = False
        self.done = queue.SimpleQueue()
        self.cancels = queue.SimpleQueue()
        self.objects = {}  # the driver's number -> (name, size, path, inode, the engine's reference)
        kind, _, body = self.sock.receive()
        self.cfg = cfg = json.loads(bytes(body))
        globals()["SESSION"] = cfg["config"]["session"]
        self.source = cfg["node"]
        self.node = types.ModuleType("atrium_node")
        exec(compile(self.source, "<atrium_node>", "exec"), self.node.__dict__)
        globals()["MODULE"] = "atrium_node_" + hashlib.sha256(self.source.encode()).hexdigest()[:16]
        with open(cfg["program"], "rb") as f:
            program = f.read()
        self.session = {"session": cfg["config"]["session"], "config": cfg["config"], "args": cfg["args"], "goos": cfg["goos"],
                        "goarch": cfg["goarch"], "sha": hashlib.sha256(program).hexdigest()}
        self.engine = {"ray": Ray, "dask": Dask}[cfg["kind"]](cfg, self.done)
        self.session.update(self.engine.session)
        self.program = program
        self.program_ref = self.engine.put(program)

    def ready(self):
        self.now = self.engine.slots()
        self.sock.send(READY, 0, json.dumps(dict(self.engine.info, slots=self.now, python=sys.version.split()[0])).encode())
        threading.Thread(target=self.complete, daemon=True).start()
        threading.Thread(target=self.watch, daemon=True).start()
        threading.Thread(target=self.cancel, daemon=True).start()

    def serve(self):
        while True:
            kind, task, body = self.sock.receive()
            if kind == SUBMIT:
                self.submit(task, body)
            elif kind == PUT:
                self.put(task, body)
            elif kind == FREE:
                have = self.objects.pop(task, None)
                if have is not None and have[4] is not None:
                    self.engine.free(have[4])
            elif kind == CANCEL:
                items = struct.unpack("<%dI" % (len(body) // 4), body)
                self.cancels.put((task, items))
            elif kind == STOP:
                self.stopped = True
                return

    def cancel(self):
        while True:
            task, items = self.cancels.get()
            try:
                self.engine.cancel(task, items)
            except Exception as e:  # the driver asks again
                print("atrium: cancel: %r" % e, file=sys.stderr)

    def put(self, number, body):
        inode, size, n = struct.unpack_from("<QQH", body)
        path = bytes(body[18:18 + n])
        name = bytes(body[18 + n:]).decode()
        self.objects[number] = (name, size, path, inode, self.load(path, inode, size))

    def load(self, path, inode, size):
        """Puts a file into the engine's store; the exception that it cannot, for the tasks that need it."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                st = os.fstat(fd)
                if st.st_ino != inode or st.st_size < size:
                    raise FileNotFoundError("another file has its name: keep an array open until the calls with it are done")
                m = mmap.mmap(fd, size, access=mmap.ACCESS_READ)
            finally:
                os.close(fd)
            view = memoryview(m)
            return self.engine.put(view)
        except Exception as e:
            return e

    def reference(self, number):
        name, size, path, inode, ref = self.objects[number]
        if isinstance(ref, Exception):
            again = self.load(path, inode, size)
            if isinstance(again, Exception):
                raise RuntimeError("atrium: %s cannot be put into the cluster: %s" % (os.fsdecode(path), ref))
            ref = again
        try:
            return name, size, self.engine.reference(ref)
        except Lost:
            ref = self.load(path, inode, size)
            if isinstance(ref, Exception):
                raise RuntimeError("atrium: the cluster lost %s, and it cannot be put again: %s" % (os.fsdecode(path), ref)) from None
            return name, size, self.engine.reference(ref)
        finally:
            self.objects[number] = (name, size, path, inode, ref)

    def submit(self, number, body):
        (n,) = struct.unpack_from("<H", body)
        name = bytes(body[2:2 + n]).decode("utf-8", "replace")
        (count,) = struct.unpack_from("<H", body, 2 + n)
        at = 4 + n + 8 * count
        try:
            arrays = [self.reference(i) for i in struct.unpack_from("<%dQ" % count, body, 4 + n)]
            try:
                program = self.engine.reference(self.program_ref)
            except Lost:
                self.program_ref = self.engine.put(self.program)
                program = self.engine.reference(self.program_ref)
            self.engine.submit(number, name, MODULE, self.source, self.cfg["kind"], self.session, program, arrays, (number, bytes(body[at:])))
        except Exception as e:
            self.fail(number, "put", str(e))

    def fail(self, number, kind, text):
        self.sock.send(FAILED, number, struct.pack("<H", len(kind)), kind.encode(), text.encode("utf-8", "replace")[:1 << 20])

    def complete(self):
        while True:
            batch = [self.done.get()]
            while len(batch) < 256:
                try:
                    batch.append(self.done.get_nowait())
                except queue.Empty:
                    break
            for number, result, e in self.engine.results(batch):
                try:
                    self.settle(number, result, e)
                except Exception as e:
                    self.fail(number, "put", "atrium: a result cannot be taken: %s" % e)

    def settle(self, number, result, e):
        if e is not None:
            kind, cause = self.engine.judge(e)
            result = getattr(cause, "outcome", None)
            if result is None:
                if hasattr(cause, "died"):
                    kind = "node"
                if kind == "lost":  # it may have been the program
                    self.program_ref = self.engine.put(self.program)
                self.fail(number, kind, str(cause or e) if kind != "engine" else "%s: %s" % (type(e).__name__, e))
                return
        outcome, files, copied = result
        for name, data in files:
            self.keep(name, data)
        view = memoryview(outcome)
        while len(view) > MAX_PART:
            self.sock.send(PART, number, view[:MAX_PART])
            view = view[MAX_PART:]
        self.sock.send(DONE, number, struct.pack("<I", copied), view)

    def keep(self, path, data):
        """Makes the file of an array in a result, of which the driver is the owner by its name."""
        prefix = self.cfg["config"]["given_as"]
        if not path.startswith(prefix) or not re.fullmatch(r"[0-9.]+-[0-9]+", path[len(prefix):]):
            raise ValueError("a result names %r for an array" % path)
        place = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.node.write(place, path, memoryview(data).cast("B"))  # which is there already when the engine computed it twice
        finally:
            os.close(place)

    def watch(self):
        """Tells of workers that come and go, and of an engine that is gone."""
        asked = [time.monotonic()]

        def impatient():
            while time.monotonic() - asked[0] < 30:
                time.sleep(1)
                if self.stopped:
                    return
            self.fatal("the engine has not answered for 30 s")

        threading.Thread(target=impatient, daemon=True).start()
        while True:
            time.sleep(1)
            if self.stopped:
                return
            try:
                if not self.engine.healthy():
                    self.fatal("the scheduler is gone")
                now = self.engine.slots()
                asked[0] = time.monotonic()
                if now != self.now:
                    self.now = now
                    self.sock.send(RESIZE, now)
            except Exception as e:
                print("atrium: watch: %r" % e, file=sys.stderr)

    def fatal(self, text):
        self.sock.send(FATAL, 0, text.encode())
        os._exit(3)


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Ray's workers inherit it, and are told by it of a cancel
    sock = Socket(3)
    try:
        bridge = Bridge(sock)
        bridge.ready()
    except BaseException as e:
        text = "%s: %s" % (type(e).__name__, e) if not isinstance(e, RuntimeError) else str(e)
        traceback.print_exc()
        sock.send(REFUSED, 0, text.encode("utf-8", "replace"))
        os._exit(2)
    bridge.serve()
    try:
        bridge.engine.close()
    except Exception as e:
        print("atrium: close: %r" % e, file=sys.stderr)
    os._exit(0)


if __name__ == "__main__":
    main()
