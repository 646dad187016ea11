"""pipe-*: 64 bytes there and back through multiprocessing.Pipe, busy or after 10 ms of silence."""

import multiprocessing
import os
import time

from peer import check, main


def run_on(cores, number):
    if cores:
        cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cpus[0 if cores == "one" else number]})


def answer(conn, cores):
    run_on(cores, 1)
    while True:
        m = conn.recv_bytes()
        conn.send_bytes(m[:63] + bytes([(m[63] + 1) & 255]))


class Pipe:
    def setup(self, kind, cores, scratch):
        self.kind = kind
        self.conn, other = multiprocessing.Pipe()
        self.other = multiprocessing.Process(target=answer, args=(other, cores), daemon=True)
        self.other.start()
        run_on(cores, 0)

    def trip(self, i):
        self.conn.send_bytes(bytes(63) + bytes([i & 255]))
        check(self.conn.recv_bytes()[63], (i + 1) & 255)

    def round(self, seed):
        if self.kind == "hot":
            n = 5_000
            t = time.perf_counter()
            for i in range(n):
                self.trip(i)
            return {"trip": (time.perf_counter() - t) / n}
        total, n = 0.0, 30
        for i in range(n):
            time.sleep(0.01)
            t = time.perf_counter()
            self.trip(i)
            total += time.perf_counter() - t
        return {"trip": total / n}

    def teardown(self):
        self.other.terminate()
        self.other.join()


if __name__ == "__main__":
    main({"multiprocessing.Pipe": Pipe})
