"""What every script begins with: a stock client of the server at sys.argv[1], an address as an expression."""
import faulthandler
import multiprocessing
import sys
from multiprocessing.managers import MakeProxyType, SyncManager

faulthandler.dump_traceback_later(25, exit=True)  # before the test gives up on us
KEY = b"the atrium's key"


def alive():
    """Tells the test, which skips it, and the timer that all is well."""
    print("\u2026", flush=True)
    faulthandler.dump_traceback_later(25, exit=True)


class Manager(SyncManager):
    """SyncManager with the set of 3.14."""


SET = ("__and__", "__contains__", "__iand__", "__ior__", "__isub__", "__iter__", "__ixor__", "__len__", "__or__", "__rand__", "__ror__", "__rsub__",
       "__rxor__", "__sub__", "__xor__", "__ge__", "__gt__", "__le__", "__lt__", "add", "clear", "copy", "difference", "difference_update", "discard",
       "intersection", "intersection_update", "isdisjoint", "issubset", "issuperset", "pop", "remove", "symmetric_difference",
       "symmetric_difference_update", "union", "update")
if not hasattr(SyncManager, "set"):
    SetProxy = multiprocessing.managers.SetProxy = MakeProxyType("SetProxy", SET)
    SetProxy.__module__ = "multiprocessing.managers"
    Manager.register("set", set, SetProxy)


def connect(address=None):
    multiprocessing.current_process().authkey = KEY
    m = Manager(address or eval(sys.argv[1]), KEY)
    m.connect()
    return m
