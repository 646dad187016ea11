"""pool-tasks and pool-rt: tasks that do next to nothing, in two workers.

"tasks" is the time for each of many tasks that are asked for at once, none
grouped with another by hand; "rt" that of one after the other, each waited for.
"""

import os
import secrets
import time

import kernels
from peer import check, main


class Tasks:
    tasks = 20_000  # of a round; a hundred thousand where that does not take minutes
    trips = 200

    def setup(self, what, scratch):
        self.what = what
        self.scratch = scratch
        self.open()

    def round(self, seed):
        return {self.what: getattr(self, "time_" + self.what)(seed)}

    def time_tasks(self, seed):
        items = range(seed, seed + self.tasks)
        t = time.perf_counter()
        results = self.map(items)
        many = (time.perf_counter() - t) / self.tasks
        check(list(results), [i + 1 for i in items])
        return many

    def time_rt(self, seed):
        t = time.perf_counter()
        for i in range(self.trips):
            check(self.call(seed + i), seed + i + 1)
        return (time.perf_counter() - t) / self.trips


class Pool(Tasks):
    """multiprocessing.Pool: map(chunksize=1), apply."""

    tasks = 100_000
    trips = 1000

    def open(self):
        from multiprocessing import Pool

        self.pool = Pool(2)

    def map(self, items):
        return self.pool.map(kernels.increment, items, chunksize=1)

    def call(self, v):
        return self.pool.apply(kernels.increment, (v,))

    def teardown(self):
        self.pool.terminate()


class Mpire(Tasks):
    """mpire.WorkerPool.map(chunk_size=1), apply, kept alive between maps."""

    tasks = 10_000

    def open(self):
        from mpire import WorkerPool

        self.pool = WorkerPool(n_jobs=2, keep_alive=True)

    def map(self, items):
        return self.pool.map(kernels.increment, items, iterable_len=len(items), chunk_size=1)

    def call(self, v):
        return self.pool.apply(kernels.increment, (v,))

    def teardown(self):
        self.pool.terminate()


class Loky(Tasks):
    """loky's reusable executor, which joblib ships: map(chunksize=1), submit."""

    tasks = 10_000

    def open(self):
        from joblib.externals.loky import get_reusable_executor

        self.pool = get_reusable_executor(max_workers=2, timeout=None)

    def map(self, items):
        return self.pool.map(kernels.increment, items, chunksize=1)

    def call(self, v):
        return self.pool.submit(kernels.increment, v).result()

    def teardown(self):
        self.pool.shutdown(kill_workers=True)


class Ray(Tasks):
    """A remote function for each task; ray.get of all of them, or of one."""

    tasks = 2000

    def open(self):
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # else left in the home directory
        import ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=256 << 20,
                 _temp_dir=os.path.join(self.scratch, "ray"))
        self.ray = ray
        self.remote = ray.remote(num_cpus=1)(kernels.increment)

    def map(self, items):
        return self.ray.get([self.remote.remote(i) for i in items])

    def call(self, v):
        return self.ray.get(self.remote.remote(v))

    def teardown(self):
        self.ray.shutdown()


class Dask(Tasks):
    """Client.map, gathered; submit of one."""

    tasks = 2000

    def open(self):
        from dask.distributed import Client, LocalCluster

        self.cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                                    local_directory=self.scratch)
        self.client = Client(self.cluster)

    def map(self, items):
        return self.client.gather(self.client.map(kernels.increment, items, pure=False))

    def call(self, v):
        return self.client.submit(kernels.increment, v, pure=False).result()

    def teardown(self):
        self.client.close()
        self.cluster.close()


if __name__ == "__main__":
    main({
        "multiprocessing.Pool": Pool,
        "mpire": Mpire,
        "loky": Loky,
        "ray": Ray,
        "dask": Dask,
    })
