"""Functions by their names, and exceptions as JSON, for atrium's Python worker.

Standard library only, and without a state of its own.
"""
import base64
import errno
import importlib
import importlib.util
import json
import os
import sys
import traceback
import types


class TaskCancelled(BaseException):
    """Raised in a task that its driver ended; like KeyboardInterrupt it passes `except Exception`."""


def load(name):
    where, _, what = name.rpartition(":")
    if not where or not what:
        raise LookupError("%r does not name a Python function; write module:function or path/to/file.py:function" % name)
    found = module(where)
    try:
        f = found
        for part in what.split("."):
            f = getattr(f, part)
    except AttributeError:
        near = [n for n in dir(found) if not n.startswith("_") and callable(getattr(found, n))]
        raise LookupError("%s has no function %s; it has %s" % (where, what, ", ".join(near[:20]) or "none")) from None
    if not callable(f):
        raise LookupError("%s is no function but a %s" % (name, type(f).__name__))
    return f


def module(where):
    if not where.endswith(".py"):
        return importlib.import_module(where)
    path = os.path.abspath(where)
    name = os.path.splitext(os.path.basename(path))[0]
    have = sys.modules.get(name)
    if have is not None and getattr(have, "__file__", None) == path:
        return have
    if have is not None:
        name = "atrium_file_" + name
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or not os.path.exists(path):
        raise FileNotFoundError("there is no Python file %s" % path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    try:
        spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[name]
        raise
    return made


def begin(module, source, arg):
    """What a driver adds to its workers: a module of its own, and what that does before the first task."""
    m = sys.modules[module] = types.ModuleType(module)
    exec(compile(source, "<%s>" % module, "exec"), m.__dict__)
    m.begin(base64.b64decode(arg))


def describe(e):
    """An exception as JSON, whatever is wrong with it."""
    try:
        return _describe(e)
    except BaseException as broken:
        return json.dumps({"kind": "exception", "type": type(e).__name__, "is": [], "traceback": "",
                           "message": "(describing it raised %s)" % type(broken).__name__}).encode("utf-8", "backslashreplace")


def _describe(e):
    tb = e.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith("<atrium_"):  # our own frames tell users nothing
        tb = tb.tb_next
    kind = type(e)
    name = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else "%s.%s" % (kind.__module__, kind.__qualname__)
    known = {"not-found": isinstance(e, LookupError) and tb is None, "not-exist": isinstance(e, FileNotFoundError),
             "permission": isinstance(e, PermissionError), "canceled": isinstance(e, TaskCancelled),
             "no-space": isinstance(e, OSError) and e.errno == errno.ENOSPC}
    text = "".join(traceback.format_exception(type(e), e, tb))
    return json.dumps({"kind": "exception", "type": name, "message": str(e), "traceback": text,
                       "is": [n for n, is_it in known.items() if is_it]}).encode("utf-8", "backslashreplace")


def private():
    """Bytes of this process's memory that no other shares."""
    with open("/proc/self/statm") as f:
        n = f.read().split()
    return (int(n[1]) - int(n[2])) * os.sysconf("SC_PAGE_SIZE")
