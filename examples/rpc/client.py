"""A stock Python program that calls a Go object. It is given the server's address, what to do, and on standard input the key."""
import multiprocessing
import sys
from multiprocessing.managers import BaseManager


class Manager(BaseManager):
    pass


Manager.register("get_store")  # the one that the Go program has
Manager.register("Basket")     # a new one for each call


def shop(m):
    store = m.get_store()
    basket = m.Basket("Ada", limit=10)
    basket.put(store, "tea", 2)
    basket.put(store, "milk", 1)
    print(basket)
    for call in (
        lambda: basket.put(store, "tea", 2),
        lambda: basket.put(store, "coffee", 1),
        lambda: basket.put(store, "tea"),
        lambda: store.add("tea", "many"),
        lambda: m.Basket("Bob", limits=1),
    ):
        try:
            call()
        except Exception as e:
            print("%s: %s" % (type(e).__name__, e))
    try:
        basket.put(store, "tea", 2)
    except ValueError as e:
        print(str(e.__cause__).strip())  # which a traceback shows
    print("left:", dict(sorted(store.left().items())))


def wait(m):
    print("got coffee:", m.get_store().wait_for("coffee"))


if __name__ == "__main__":
    key = sys.stdin.buffer.read()
    multiprocessing.current_process().authkey = key  # a proxy as an argument or result uses this one
    manager = Manager(sys.argv[1], key)
    manager.connect()
    {"shop": shop, "wait": wait}[sys.argv[2]](manager)
