"""What a manager has Python workers do for its clients: the calls of their pools, sort keys, actions of barriers.

Not a part of the worker but added to the workers of package manager (begin in docs/formats/worker-protocol.md). What clients
sent is unpickled here and nowhere else. Standard library only.
"""
import collections
import importlib.util
import io
import itertools
import multiprocessing
import os
import pickle
import sys
from multiprocessing.reduction import ForkingPickler

import atrium_worker

_main = ""
_left = 0  # calls until this process is replaced; 0 for no end
_kept = collections.deque(maxlen=64)  # results with proxies, whose objects the manager has not got hold of yet


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module in ("__main__", "__mp_main__") and not _main:
            raise AttributeError("%s is in the __main__ of a client, which the manager was not given: start it with the client's script "
                                 "(atrium serve --main, Config.Main), or put %s into a module" % (name, name))
        return super().find_class(module, name)


def _loads(data):
    return pickle.loads(data) if _main else _Unpickler(io.BytesIO(data)).load()


_PLAIN = {int, float, str, bytes, bool, type(None)}


def _dumps(answer):
    value = answer[1]
    if type(value) in _PLAIN or type(value) is list and _PLAIN.issuperset(map(type, value)):
        return pickle.dumps(answer, 4)
    return bytes(ForkingPickler.dumps(answer, 4))  # knows what else multiprocessing can send


def begin(data):
    """Once in each process, before it is ready."""
    global _main, _left
    key, _main, _left, initializer = pickle.loads(data)
    me = multiprocessing.current_process()
    me.name = "PoolWorker-%d" % (atrium_worker._setup["index"] + 1)
    if key is not None:
        me.authkey = key
    if _main:
        _load(_main)
    if initializer is not None:
        f, args = _loads(initializer)
        f(*args)


def _load(path):
    """The clients' main module, as a child of multiprocessing has it: what is under `if __name__ == "__main__"` does not run."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("__mp_main__", path)
    if spec is None:
        raise ImportError("%s is no Python script" % path)
    m = importlib.util.module_from_spec(spec)
    sys.modules["__main__"] = sys.modules["__mp_main__"] = m
    from multiprocessing.managers import SyncManager
    pool, SyncManager.Pool = SyncManager.Pool, _no_pool
    try:
        spec.loader.exec_module(m)
    finally:
        SyncManager.Pool = pool


def _no_pool(*_, **__):
    raise RuntimeError("%s makes a Pool as soon as it is loaded, and so each of the pool's workers would make one; put what it does under\n\n"
                       "    if __name__ == \"__main__\":\n" % _main)


def _apply(f, args, kwds):
    return f(*args, **kwds)


def _map(f, items):
    return list(map(f, items))


def _starmap(f, items):
    return list(itertools.starmap(f, items))


def _items(iterable):
    """What there is, and the exception that it ends with."""
    items = []
    try:
        for x in iterable:
            items.append(x)
    except Exception as e:
        return items, _traced(e)
    return items, None


def _sort(key, items, reverse):
    """In which order the items are then."""
    keys = [key(x) for x in items]
    return sorted(range(len(keys)), key=keys.__getitem__, reverse=reverse)


_DOES = {"apply": _apply, "map": _map, "starmap": _starmap, "items": _items, "sort": _sort}


def call(data):
    """data is the pickle of what to do; the result that of (True, result) or (False, exception)."""
    global _left
    answer = None
    try:
        what, *args = _loads(data)
        answer = True, _DOES[what](*args)
    except Exception as e:
        answer = False, _traced(e)
    try:
        out = _dumps(answer)
    except Exception as e:
        from multiprocessing.pool import MaybeEncodingError
        out = pickle.dumps((False, MaybeEncodingError(e, answer[1])), 4)
    # A process is sent less calls ahead than are kept here: when one is forgotten, the manager has had it for long.
    _kept.append(answer if b"RebuildProxy" in out else None)
    if _left:
        _left -= 1
        if not _left:
            atrium_worker.retiring.append(True)
    return out


call.raw = True


def _traced(e):
    """An exception that takes its traceback along, as those of a multiprocessing.Pool do."""
    from multiprocessing.pool import ExceptionWithTraceback
    tb = e.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith("<atrium_"):
        tb = tb.tb_next
    return ExceptionWithTraceback(e, tb)
