"""pickle: CPython's own module reads and writes the values that the bench put into files."""

import pickle
import time

from peer import check, main


class Pickle:
    def setup(self, values, turns, scratch):
        self.turns = turns
        self.data = {}
        for name in turns:
            with open(f"{values}/{name}", "rb") as f:
                self.data[name] = f.read()

    def round(self, seed):
        times = {}
        for name, turns in self.turns.items():
            data = self.data[name]
            t = time.perf_counter()
            for _ in range(turns):
                v = pickle.loads(data)
            times[name + " read"] = (time.perf_counter() - t) / turns
            t = time.perf_counter()
            for _ in range(turns):
                out = pickle.dumps(v, 4)
            times[name + " write"] = (time.perf_counter() - t) / turns
            check(pickle.loads(out), v)
        return times

    def teardown(self):
        pass


if __name__ == "__main__":
    main({"CPython's pickle": Pickle})
