"""queue-*: messages from one process, or four, to another through the queues that Python has.

Producers begin when the consumer, which is this process and holds the clock, lets them; each puts its share.
"""

import multiprocessing
import time

import numpy as np

from peer import check, main

BATCH = 64


def produce(peer, number):
    while True:
        peer.start.wait()
        peer.produce(int(peer.seed[0]))


class Queue:
    counts = {"small": 20_000, "batch": 20_000, "big": 100, "array": 30}

    def make(self):
        return multiprocessing.Queue()

    def setup(self, producers, kind, scratch):
        self.producers, self.kind = producers, kind
        self.n = self.counts[kind] // producers
        self.queue = self.make()
        self.seed = multiprocessing.RawArray("q", 1)
        self.start = multiprocessing.Barrier(producers + 1)
        self.others = [multiprocessing.Process(target=produce, args=(self, i), daemon=True) for i in range(producers)]
        for p in self.others:
            p.start()

    def produce(self, seed):
        if self.kind == "big":
            message = bytes([seed % 251]) * (1 << 20)
            for _ in range(self.n):
                self.queue.put(message)
        elif self.kind == "array":
            array = np.full(1 << 20, float(seed))
            for _ in range(self.n):
                self.queue.put(array)
        elif self.kind == "batch":
            for i in range(0, self.n, BATCH):
                self.put_many(list(range(seed + i, seed + min(i + BATCH, self.n))))
        else:
            put = self.queue.put
            for i in range(seed, seed + self.n):
                put(i)

    def consume(self, seed):
        if self.kind == "big":
            for _ in range(self.n):
                check(int(np.frombuffer(self.queue.get(), "u8").sum(dtype="u8") & 0xFF), (seed % 251) * (1 << 17) & 0xFF)
        elif self.kind == "array":
            for _ in range(self.n):
                check(float(self.queue.get()[7]), float(seed))
        else:
            total = self.producers * self.n
            check(self.total(total), self.producers * self.n * (2 * seed + self.n - 1) // 2)

    def total(self, n):
        get = self.queue.get
        return sum(get() for _ in range(n))

    def round(self, seed):
        self.seed[0] = seed
        self.start.wait()
        t = time.perf_counter()
        self.consume(seed)
        return {"message": (time.perf_counter() - t) / (self.producers * self.n)}

    def teardown(self):
        for p in self.others:
            p.terminate()
            p.join()


class SimpleQueue(Queue):
    def make(self):
        return multiprocessing.SimpleQueue()


class Faster(Queue):
    counts = {"small": 100_000, "batch": 400_000}

    def make(self):
        import faster_fifo
        import faster_fifo_reduction  # noqa: F401  so that the queue can be given to processes

        return faster_fifo.Queue(1 << 20)

    def put_many(self, items):
        self.queue.put_many(items, timeout=30)

    def produce(self, seed):
        if self.kind == "batch":
            return super().produce(seed)
        put = self.queue.put
        for i in range(seed, seed + self.n):
            put(i, timeout=30)

    def total(self, n):
        if self.kind == "batch":
            got = total = 0
            while got < n:
                batch = self.queue.get_many(max_messages_to_get=BATCH, timeout=30)
                got += len(batch)
                total += sum(batch)
            return total
        get = self.queue.get
        return sum(get(timeout=30) for _ in range(n))


if __name__ == "__main__":
    main({"multiprocessing.Queue": Queue, "multiprocessing.SimpleQueue": SimpleQueue, "faster-fifo": Faster})
