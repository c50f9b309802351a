"""The same jobs on the machines of a Ray cluster."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from urform.prepare._pool import run_isolated

J = TypeVar("J")
R = TypeVar("R")
Done = tuple[J, R | None, str]
MOST_TOGETHER = 16  # jobs that one process works through: starting it takes as long as a small mesh
AHEAD = 2  # tasks handed out before they are needed, a core


def run_on_cluster(
    function: Callable[[J], R],
    jobs: Sequence[J],
    address: str,
    time_limit_s: float | None = None,
    memory_gb: float | None = None,
) -> Iterator[tuple[J, R | None, str]]:
    """Run a function on jobs on every core of a Ray cluster, as they get done; as `run_isolated` does on one machine.

    On each core a task runs a few jobs, one after the other, in a process of its own. A job that crashes or hangs costs
    only itself. If a machine is lost, its jobs run again elsewhere.

    Args:
        function: importable on the machines of the cluster; its argument and result can be pickled.
        jobs: what it is called with.
        address: of the cluster: "auto" (the one that this machine belongs to), host:port, ray://host:port, or "local"
            (one of this machine's cores, for a try).
        time_limit_s: see `run_isolated`.
        memory_gb: see `run_isolated`.

    Yields:
        Job, result, and "" or, where there is no result, the reason.

    Raises:
        ValueError: Ray is not installed.
        ConnectionError: there is no cluster at the address.
        OSError: from the function; a full disk is no fault of the job.
    """
    ray = _connected(address)
    try:
        cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
        together = max(1, min(MOST_TOGETHER, len(jobs) // (4 * cores)))
        waiting = iter([jobs[start : start + together] for start in range(0, len(jobs), together)])
        task = ray.remote(num_cpus=1)(_run)
        running: dict[Any, Sequence[J]] = {}
        while True:
            while len(running) < AHEAD * cores and (batch := next(waiting, None)) is not None:
                running[task.remote(function, batch, time_limit_s, memory_gb)] = batch
            if not running:
                return
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                yield from _outcomes(ray, reference, running.pop(reference))
    finally:
        ray.shutdown()


def _connected(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent home
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's coming default, and no warning of it
    try:
        import ray  # pyright: ignore[reportMissingImports] (the extra `cluster`)
    except ImportError:
        raise ValueError("`cluster` needs Ray: pip install 'urform[cluster]'") from None
    try:
        _knock(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise ConnectionError(f"`cluster` {address}: no Ray cluster answers there ({first})") from error
    return ray


def _knock(address: str) -> None:
    """See whether anything listens there: Ray itself tries for two minutes and then ends the process."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    if parts.hostname and parts.port:
        socket.create_connection((parts.hostname, parts.port), timeout=10).close()


def _run(
    function: Callable[[J], R], jobs: Sequence[J], time_limit_s: float | None, memory_gb: float | None
) -> list[tuple[int, R | None, str]]:
    """What runs on a core of the cluster; jobs are named by their number, so they need not travel back."""
    numbered = _Numbered(function)
    done = run_isolated(numbered, list(enumerate(jobs)), 1, time_limit_s, memory_gb)
    return [(number, result, reason) for (number, _), result, reason in done]


class _Numbered:
    """A function of a job as one of (number, job)."""

    def __init__(self, function: Callable[[Any], Any]):
        self._function = function

    def __call__(self, numbered: tuple[int, Any]) -> Any:
        return self._function(numbered[1])


def _outcomes(ray: Any, reference: Any, batch: Sequence[J]) -> Iterator[tuple[J, Any, str]]:
    try:
        for number, result, reason in ray.get(reference):
            yield batch[number], result, reason
    except ray.exceptions.RayTaskError as error:
        raise error.cause if isinstance(error.cause, OSError) else error from None
    except ray.exceptions.RayError as error:
        for job in batch:
            yield job, None, f"the cluster lost the task: {str(error).splitlines()[0]}"
