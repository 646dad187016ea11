"""lock and lock-2p: multiprocessing.Lock, taken by one process, or wanted all the time by two that count under it."""

import multiprocessing
import time

from peer import check, main


def turns(lock, count, n):
    for _ in range(n):
        with lock:
            count[0] += 1


def alongside(lock, count, start, end, n):
    while True:
        start.wait()
        turns(lock, count, n)
        end.wait()


class Lock:
    def setup(self, processes, scratch):
        self.processes = processes
        self.n = 200_000 if processes == 1 else 20_000
        self.lock = multiprocessing.Lock()
        self.count = multiprocessing.RawArray("q", 1)
        self.start, self.end = multiprocessing.Barrier(processes), multiprocessing.Barrier(processes)
        self.others = [
            multiprocessing.Process(target=alongside, args=(self.lock, self.count, self.start, self.end, self.n), daemon=True)
            for _ in range(processes - 1)
        ]
        for p in self.others:
            p.start()

    def round(self, seed):
        before = self.count[0]
        self.start.wait()
        t = time.perf_counter()
        turns(self.lock, self.count, self.n)
        self.end.wait()
        took = time.perf_counter() - t
        check(self.count[0], before + self.processes * self.n)
        return {"turn": took / self.n / self.processes}

    def teardown(self):
        for p in self.others:
            p.terminate()
            p.join()


if __name__ == "__main__":
    main({"multiprocessing.Lock": Lock})
