"""Worker processes that may crash or hang: that costs the one job, not the run."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError  # the built-in one only since Python 3.11
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

J = TypeVar("J")
R = TypeVar("R")
AHEAD = 4  # jobs handed out before they are needed, a worker: enough to keep them busy, few enough to keep memory flat

PATIENCE_S = 1.0  # after which a pool without results is looked at
ROUNDS = 3  # sets of worker processes, one after the other, that may die without a result
_LOST = "all worker processes were killed, perhaps for want of memory; fewer `workers` need less"


def run_isolated(
    function: Callable[[J], R],
    jobs: Sequence[J],
    workers: int,
    time_limit_s: float | None = None,
    memory_gb: float | None = None,
) -> Iterator[tuple[J, R | None, str]]:
    """Run a function on jobs in processes of their own, as they get done.

    Args:
        function: importable; its argument and result can be pickled.
        jobs: what it is called with.
        workers: number of processes.
        time_limit_s: a job that takes longer is killed; None = no limit.
        memory_gb: how much memory a worker may ask for, beyond what it starts with (POSIX only); None = no limit.

    Yields:
        Job, result, and "" or, where there is no result, the reason.

    Raises:
        OSError: from the function; a full disk is no fault of the job.
    """
    for name in ("IGL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # for the workers, whose number is parallelism enough
    lost, rounds = list(jobs), 0
    while lost and rounds < ROUNDS:
        waiting, lost, rounds = lost, [], rounds + 1
        for job, result, reason in _run_pool(function, waiting, workers, time_limit_s, memory_gb):
            if reason == _LOST:
                lost.append(job)
            else:
                rounds = 0
                yield job, result, reason
    for job in lost:
        yield job, None, _LOST


def _run_pool(
    function: Callable[[J], R],
    jobs: Sequence[J],
    workers: int,
    time_limit_s: float | None,
    memory_gb: float | None,
) -> Iterator[tuple[J, R | None, str]]:
    """The jobs, as far as one set of worker processes gets with them; the others are lost."""
    context = multiprocessing.get_context("spawn")
    waiting = iter(jobs)
    running: dict[Future[R], J] = {}
    with ProcessPool(workers, context=context, initializer=_start_worker, initargs=[memory_gb]) as pool:
        try:
            while True:
                while len(running) < AHEAD * workers and (job := next(waiting, None)) is not None:
                    try:
                        running[pool.schedule(function, args=[job], timeout=time_limit_s)] = job
                    except RuntimeError:  # the pool is broken
                        yield job, None, _LOST
                if not running:
                    return
                done, _ = wait(running, PATIENCE_S, FIRST_COMPLETED)
                for future in done:
                    job = running.pop(future)
                    result, reason = _outcome(future, time_limit_s)
                    yield job, result, reason
                while running and not done and not pool.active:  # it is broken, and forgets what it has not begun
                    yield running.popitem()[1], None, _LOST
        finally:
            if running:  # the caller stopped early
                pool.stop()


def _outcome(future: Future[R], time_limit_s: float | None) -> tuple[R | None, str]:
    try:
        return future.result(), ""
    except FutureTimeoutError:
        return None, f"took longer than {time_limit_s:g} s and was stopped; `time_limit_s` allows more"
    except ProcessExpired as error:
        return None, f"the process that worked on it died (exit code {error.exitcode})"
    except OSError:
        raise
    except BrokenProcessPool:
        return None, _LOST
    except Exception as error:  # whatever a library raises on a mesh that nobody has seen before
        return None, f"{type(error).__name__}: {error}".splitlines()[0]


def _start_worker(memory_gb: float | None) -> None:
    threading.Thread(target=_die_with, args=[os.getppid()], daemon=True).start()
    _limit_memory(memory_gb)


def _die_with(parent: int) -> None:
    """End this process when its parent is gone: a killed run must not go on writing beside the one that follows it."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def _limit_memory(memory_gb: float | None) -> None:
    """Let this process ask for so much more memory than it has now."""
    if memory_gb is None:
        return
    with contextlib.suppress(ImportError, OSError, ValueError):  # no such limits on Windows
        import resource

        pages: Any = Path("/proc/self/statm").read_text().split()[0]
        now = int(pages) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (now + int(memory_gb * 2**30), most))
