"""The producer or the consumer, as stock Python. It is given which one, a name, the server's address and the file of the key."""
import sys
from multiprocessing.managers import ConditionProxy, DictProxy, ListProxy, SyncManager


class Manager(SyncManager):
    pass


Manager.register("get_items", proxytype=ListProxy)
Manager.register("get_changed", proxytype=ConditionProxy)
Manager.register("get_taken", proxytype=DictProxy)


def produce(items, changed, name, count, consumers):
    for i in list(range(int(count))) + [None] * int(consumers):  # None: there will be no more
        with changed:
            items.append(i)
            changed.notify()


def consume(items, changed, name):
    mine = []
    while True:
        with changed:                    # from here on nobody else looks or takes,
            while len(items) == 0:
                changed.wait()           # except while this waits
            item = items.pop(0)
        if item is None:
            return mine
        mine.append(item)


if __name__ == "__main__":
    what, address, keyfile, name = sys.argv[1:5]
    with open(keyfile, "rb") as f:
        m = Manager(address, f.read())
    m.connect()
    if what == "produce":
        produce(m.get_items(), m.get_changed(), name, *sys.argv[5:])
    else:
        m.get_taken()[name] = consume(m.get_items(), m.get_changed(), name)
