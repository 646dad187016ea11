"""array-handoff: one worker gets a float64 array and reads one element of it.

"first" is the first hand-over of an array that was just made, "again" the mean
of further ones of the same array. Where a peer has a place that workers share,
the array is made there beforehand, which is not counted, as it is for atrium.
"""

import os
import secrets
import time

import numpy as np

import kernels
from peer import check, main

AGAIN = 20  # hand-overs averaged into one round's "again"


class Handoff:
    again = AGAIN

    def setup(self, elements, scratch):
        self.n = elements
        self.scratch = scratch
        self.open()

    def round(self, seed):
        share = self.make(seed)
        try:
            t = time.perf_counter()
            v = self.first(share, 1)
            first = time.perf_counter() - t
            check(v, seed + 1.0)
            t = time.perf_counter()
            for k in range(self.again):
                v += self.hand(share, k)
            again = (time.perf_counter() - t) / self.again
            check(v, seed + 1.0 + sum(seed + k for k in range(self.again)))
            return {"first": first, "again": again}
        finally:
            self.drop(share)

    def fill(self, seed, out=None):
        if out is None:
            out = np.empty(self.n)
        out[:] = np.arange(seed, seed + self.n)
        return out

    # What a peer has of its own; by default a plain array, handed as it is.
    def make(self, seed):
        return self.fill(seed)

    def first(self, share, i):
        return self.hand(share, i)

    def drop(self, share):
        pass


class PoolApply(Handoff):
    """multiprocessing.Pool.apply with the array as an argument: by value."""

    again = 3

    def open(self):
        from multiprocessing import Pool

        self.pool = Pool(1)

    def hand(self, a, i):
        return self.pool.apply(kernels.element, (a, i))

    def teardown(self):
        self.pool.terminate()


class SharedMemory(PoolApply):
    """multiprocessing.shared_memory: the block's name goes to the worker."""

    again = AGAIN

    def open(self):
        from multiprocessing import resource_tracker

        # Before the fork, or the worker gets a tracker of its own, which would
        # take the parent's blocks for leaked ones (gh-82300).
        resource_tracker.ensure_running()
        super().open()

    def make(self, seed):
        from multiprocessing.shared_memory import SharedMemory

        block = SharedMemory(create=True, size=8 * self.n)
        self.fill(seed, np.ndarray(self.n, np.float64, buffer=block.buf))
        return block

    def hand(self, block, i):
        return self.pool.apply(kernels.element_by_name, (block.name, self.n, i))

    def drop(self, block):
        self.pool.apply(kernels.forget, (block.name,))
        block.close()
        block.unlink()


class Joblib(Handoff):
    """joblib with a memmap, which its workers open by file name."""

    def open(self):
        from joblib import Parallel

        # With one job joblib would run the function in this process.
        self.context = Parallel(n_jobs=2, batch_size=1)
        self.parallel = self.context.__enter__()

    def make(self, seed):
        path = os.path.join(self.scratch, f"joblib-{seed}")
        return self.fill(seed, np.memmap(path, np.float64, "w+", shape=self.n))

    def hand(self, a, i):
        from joblib import delayed

        return self.parallel([delayed(kernels.element)(a, i)])[0]

    def drop(self, a):
        os.unlink(a.filename)

    def teardown(self):
        self.context.__exit__(None, None, None)


class Ray(Handoff):
    """ray.put, which copies into the object store, then a call of an actor."""

    def open(self):
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # else left in the home directory
        import ray

        ray.init(
            num_cpus=1,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=1 << 30,
            _temp_dir=os.path.join(self.scratch, "ray"),
        )

        @ray.remote(num_cpus=1)
        class Worker:
            def element(self, a, i):
                return float(a[i])

        self.ray = ray
        self.worker = Worker.remote()

    def make(self, seed):
        return [self.fill(seed), None]

    def first(self, share, i):
        share[1] = self.ray.put(share[0])
        return self.hand(share, i)

    def hand(self, share, i):
        return self.ray.get(self.worker.element.remote(share[1], i))

    def drop(self, share):
        share.clear()

    def teardown(self):
        self.ray.shutdown()


class Dask(Handoff):
    """Client.scatter straight to the worker, then submit with the future."""

    def open(self):
        from dask.distributed import Client, LocalCluster

        self.cluster = LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=self.scratch,
        )
        self.client = Client(self.cluster)

    def make(self, seed):
        return [self.fill(seed), None]

    def first(self, share, i):
        share[1] = self.client.scatter(share[0], direct=True, hash=False)
        return self.hand(share, i)

    def hand(self, share, i):
        return self.client.submit(kernels.element, share[1], i, pure=False).result()

    def drop(self, share):
        share.clear()

    def teardown(self):
        self.client.close()
        self.cluster.close()


if __name__ == "__main__":
    main({
        "multiprocessing.Pool.apply": PoolApply,
        "multiprocessing.SharedMemory": SharedMemory,
        "joblib": Joblib,
        "ray": Ray,
        "dask": Dask,
    })
