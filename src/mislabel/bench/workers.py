"""Where cells are run: one after the other here, in processes, or on a cluster; all of it is joblib's work."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from joblib import Parallel, delayed, parallel_config

from mislabel.bench.cells import Cell, run_cell
from mislabel.errors import InputError, RunError

BACKENDS = ("loky", "ray", "dask")


def results_of(cells: list[Cell], jobs: int, backend: str, address: str | None) -> Iterator[dict[str, Any]]:
    """The lines of cells as they come, in any order.

    Raises
    ------
    InputError
        If the backend is not installed.
    RunError
        If a worker ended without a word.
    """
    if backend == "loky" and jobs == 1:
        yield from map(run_cell, cells)
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    cells = [replace(cell, threads=threads) for cell in cells]
    with ExitStack() as stack:
        settings: dict[str, Any] = {"n_jobs": jobs}
        if backend == "loky":
            settings["inner_max_num_threads"] = threads
        elif backend == "ray":
            _ray(address, jobs)
        else:
            _dask(address, jobs, stack)
        stack.enter_context(parallel_config(backend, **settings))
        try:
            yield from _unordered(cells)
        except Exception as error:
            if type(error).__name__ not in ("TerminatedWorkerError", "BrokenProcessPool", "KilledWorker"):
                raise
            raise RunError(
                f"a worker ended without a word ({type(error).__name__}), perhaps for want of memory: run the same "
                "command again with fewer --jobs; finished cells are kept"
            ) from error


def _unordered(cells: list[Cell]) -> Iterator[dict[str, Any]]:
    calls = [delayed(run_cell)(cell) for cell in cells]
    try:
        parallel = Parallel(return_as="generator_unordered")
        lines = parallel(calls)
    except (ValueError, NotImplementedError):  # a backend that gives all results at the end
        lines = Parallel()(calls)
    yield from lines  # pyright: ignore[reportReturnType]


def _ray(address: str | None, jobs: int) -> None:
    try:
        import ray  # pyright: ignore[reportMissingImports]
        from ray.util.joblib import register_ray  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise InputError('--backend ray needs it: pip install "ray[default]"') from None
    if not ray.is_initialized():
        own: dict[str, Any] = {"num_cpus": jobs, "include_dashboard": False}
        ray.init(address=address, log_to_driver=False, **({} if address else own))
    register_ray()


def _dask(address: str | None, jobs: int, stack: ExitStack) -> None:
    try:
        from distributed import Client, LocalCluster  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise InputError('--backend dask needs it: pip install "dask[distributed]"') from None
    cluster: Any = address
    if address is None:
        own: dict[str, Any] = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
        cluster = stack.enter_context(LocalCluster(**own))
    stack.enter_context(Client(cluster))
