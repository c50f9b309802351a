import multiprocessing
import os
import time

import numpy as np
import pytest

from urform.prepare import _pool
from urform.prepare._pool import run_isolated


def work(job: str) -> str:
    if job == "crash":
        os.abort()
    if job == "hang":
        time.sleep(600)
    if job.startswith("nap"):
        time.sleep(0.5)
    if job == "raise":
        raise RuntimeError("a library's own error\nwith details")
    if job == "eat":
        return str(np.ones((1 << 33, 8)).sum())
    return job.upper()


def guarded(job: str) -> str:
    try:
        return work(job)
    except MemoryError:
        return "no memory"


def test_a_crash_or_a_hang_costs_one_job() -> None:
    jobs = ["a", "crash", "b", "hang", "c", "eat", "raise", "d"]
    outcomes = {job: (result, reason) for job, result, reason in run_isolated(guarded, jobs, 2, 8.0, 2.0)}
    assert set(outcomes) == set(jobs)
    assert [outcomes[job] for job in "abcd"] == [("A", ""), ("B", ""), ("C", ""), ("D", "")]
    assert outcomes["crash"][0] is None
    assert "died" in outcomes["crash"][1]
    assert outcomes["hang"] == (None, "took longer than 8 s and was stopped; `time_limit_s` allows more")
    assert outcomes["eat"] == ("no memory", "")
    assert outcomes["raise"] == (None, "RuntimeError: a library's own error")


def test_workers_that_are_all_killed_cost_a_job_each_and_the_rest_is_done() -> None:
    jobs = [f"nap{number}" for number in range(12)]
    outcomes, killed = {}, 0
    for job, result, reason in run_isolated(guarded, jobs, 2, 10.0):
        outcomes[job] = result, reason
        if len(outcomes) == 2:
            time.sleep(0.2)
            for process in multiprocessing.active_children():
                process.kill()
                killed += 1
    assert killed == 2
    assert set(outcomes) == set(jobs)
    assert sum(result is None for result, _ in outcomes.values()) <= killed


def test_workers_that_cannot_start_end_in_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "_start_worker", die)
    outcomes = list(run_isolated(guarded, ["a", "b"], 1, 60.0))
    assert [(result, reason[:29]) for _, result, reason in outcomes] == [(None, "all worker processes were kil")] * 2


def die(memory_gb: float | None) -> None:
    os._exit(9)


def full(job: str) -> str:
    raise OSError(28, "No space left on device", job)


def test_a_full_disk_ends_the_run() -> None:
    with pytest.raises(OSError, match=r"No space left on device: '[ab]'"):  # whichever comes first
        list(run_isolated(full, ["a", "b"], 1))
