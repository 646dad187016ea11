"""map-rows: np.sqrt and a row sum over the rows of a .npy, two workers.

Input and result are .npy files in shared memory that exist beforehand. "sqrt"
stores 256 rows of 1 MB in the result, "sum" gives one number a row. The bench
looks at what was stored.
"""

import time

import numpy as np

import kernels
from peer import check, main

WORKERS = 2


class Rows:
    def setup(self, source, result, scratch):
        self.src = np.load(source, mmap_mode="r")
        self.dst = np.load(result, mmap_mode="r+")
        self.rows = range(len(self.src))
        self.want = [kernels.row_sum(r) for r in self.src]
        self.open()

    def round(self, seed):
        t = time.perf_counter()
        self.sqrt()
        sqrt = time.perf_counter() - t
        t = time.perf_counter()
        sums = self.sum()
        took = time.perf_counter() - t
        check(list(sums), self.want)
        return {"sqrt": sqrt, "sum": took}


class PoolMap(Rows):
    """multiprocessing.Pool.map over the rows: each is pickled, and so is what
    comes back, which the parent stores."""

    def open(self):
        from multiprocessing import Pool

        self.src = np.array(self.src)  # plain arrays pickle faster than memmaps
        self.pool = Pool(WORKERS)

    def sqrt(self):
        for i, row in enumerate(self.pool.map(np.sqrt, self.src)):
            self.dst[i] = row

    def sum(self):
        return self.pool.map(kernels.row_sum, self.src)

    def teardown(self):
        self.pool.terminate()


def _attach(source, result):
    global src, dst
    src = np.load(source, mmap_mode="r")
    dst = np.load(result, mmap_mode="r+")


def _sqrt_row(i):
    kernels.sqrt_into(src, dst, i)


def _sum_row(i):
    return kernels.sum_of(src, i)


class PoolByHand(Rows):
    """multiprocessing.Pool.map over indices, for who maps both files in an
    initializer by hand: what sharing costs without any library."""

    def setup(self, source, result, scratch):
        self.files = source, result
        super().setup(source, result, scratch)

    def open(self):
        from multiprocessing import Pool

        self.pool = Pool(WORKERS, _attach, self.files)

    def sqrt(self):
        self.pool.map(_sqrt_row, self.rows)

    def sum(self):
        return self.pool.map(_sum_row, self.rows)

    def teardown(self):
        self.pool.terminate()


class Joblib(Rows):
    """joblib with memmaps for input and result, as its guide shows."""

    def open(self):
        from joblib import Parallel

        self.context = Parallel(n_jobs=WORKERS)
        self.parallel = self.context.__enter__()

    def sqrt(self):
        from joblib import delayed

        self.parallel(delayed(kernels.sqrt_into)(self.src, self.dst, i) for i in self.rows)

    def sum(self):
        from joblib import delayed

        return self.parallel(delayed(kernels.sum_of)(self.src, i) for i in self.rows)

    def teardown(self):
        self.context.__exit__(None, None, None)


def _sqrt_shared(shared, i):
    kernels.sqrt_into(*shared, i)


def _sum_shared(shared, i):
    return kernels.sum_of(shared[0], i)


class Mpire(Rows):
    """mpire with both memmaps as its shared objects, inherited by fork."""

    def open(self):
        from mpire import WorkerPool

        self.pool = WorkerPool(WORKERS, shared_objects=(self.src, self.dst), keep_alive=True)

    def sqrt(self):
        self.pool.map(_sqrt_shared, self.rows)

    def sum(self):
        return self.pool.map(_sum_shared, self.rows)

    def teardown(self):
        self.pool.terminate()


if __name__ == "__main__":
    main({
        "multiprocessing.Pool.map": PoolMap,
        "multiprocessing.Pool.map, files mapped by hand": PoolByHand,
        "joblib": Joblib,
        "mpire": Mpire,
    })
