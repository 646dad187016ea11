"""Objects that the server shares by name: see share_test.go."""
import gc
from client import connect, Manager
from multiprocessing.managers import AcquirerProxy, DictProxy

Manager.register("get_prices", proxytype=DictProxy)
Manager.register("get_jobs")
Manager.register("get_lock", proxytype=AcquirerProxy)
m = connect()
prices, again = m.get_prices(), m.get_prices()
assert prices["tea"] == 3 and prices["all"] == [1, 2]
again["milk"] = 1
assert dict(prices) == {"tea": 3, "all": [1, 2], "milk": 1} and sorted(prices) == ["all", "milk", "tea"]
jobs = m.get_jobs()
jobs.put(1)
jobs.put(2)
assert m.get_jobs().full() and [m.get_jobs().get(), jobs.get()] == [1, 2]
with m.get_lock():
    assert not m.get_lock().acquire(False)
l = m.list([m.get_lock()])
assert l[0].acquire(False) and not m.get_lock().acquire(False)
l[0].release()
del prices, again, jobs, l
gc.collect()
assert m.get_prices()["milk"] == 1 and m._number_of_objects() == 0
print("ok")
