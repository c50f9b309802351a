"""Worker processes that do the work of requests, one after the other, each within its time."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import TimeoutError as TooLateError
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from urform.web import _jobs
from urform.web._limits import Limits

_GLANCE_S = 0.5  # between two looks at whether the client is still there


class BusyError(Exception):
    """The queue is full."""


class TooSlowError(Exception):
    """The work took longer than allowed, or what did it was lost."""


class Workers:
    """A pool of processes that have the models.

    A job that takes too long, or brings its process down, ends alone: the process is replaced. Jobs begin in the order
    in which they came.

    Args:
        weights: what each process loads: shipped categories, run folders or weights files.
        count: of processes.
        limits: time of a job, and how many may wait.
    """

    def __init__(self, weights: Sequence[str], count: int, limits: Limits):
        self._limits = limits
        threads = max(1, (os.cpu_count() or 1) // count)
        self._pool = ProcessPool(
            max_workers=count,
            context=multiprocessing.get_context("spawn"),  # forking a server that has threads may lock up
            initializer=_jobs.start_worker,
            initargs=(tuple(weights), threads),
        )
        self._count = count
        try:
            self.categories: list[str] = self._pool.schedule(_jobs.categories).result()  # waits for the models
        except BaseException:
            self.close()
            raise
        self._waiting: dict[str, None] = {}  # tickets of all jobs that are not done, in order
        self._serial = 0
        self.done = 0
        self.failed = 0

    @property
    def pending(self) -> int:
        """Jobs that are not done."""
        return len(self._waiting)

    def ahead(self, ticket: str) -> int | None:
        """How many jobs are to be done before that of a ticket begins; None where there is no such job."""
        if ticket not in self._waiting:
            return None
        return max(0, list(self._waiting).index(ticket) - self._count + 1)

    async def run(
        self,
        job: Callable[..., Any],
        *arguments: Any,
        ticket: str = "",
        is_gone: Callable[[], Awaitable[bool]] | None = None,
    ) -> Any:
        """Do a job and give what it returns.

        Args:
            job: a function of `_jobs`.
            arguments: for it.
            ticket: by which its place in the queue can be asked for.
            is_gone: whether nobody waits for it any more: then it is not begun.

        Raises:
            BusyError: too many jobs wait.
            TooSlowError: it took too long, or its process was lost.
            ValueError: what the job says of its arguments.
        """
        if self.pending >= self._limits.queue:
            raise BusyError(f"{self.pending} requests wait already, expected fewer; try again in a minute")
        self._serial += 1
        if not ticket or ticket in self._waiting:
            ticket = f"#{self._serial}"
        self._waiting[ticket] = None
        future = self._pool.schedule(job, args=arguments, timeout=self._limits.time_s)
        waited = asyncio.wrap_future(future)
        try:
            while not (await asyncio.wait([waited], timeout=_GLANCE_S))[0]:
                if is_gone is not None and not future.running() and await is_gone():
                    future.cancel()
            answer = waited.result()
            self.done += 1
            return answer
        except TooLateError:
            raise TooSlowError(f"stopped after {self._limits.time_s:g} s; ask for less, or try again") from None
        except ProcessExpired:
            raise TooSlowError("the process that worked on it was lost, perhaps for want of memory") from None
        except BaseException:
            self.failed += 1
            raise
        finally:
            del self._waiting[ticket]

    async def run_on_file(self, job: Callable[..., Any], content: bytes, name: str, *arguments: Any, **how: Any) -> Any:
        """Do a job that reads a file: it lies in a folder of its own, which is removed afterwards.

        Args:
            job: its first argument is the file.
            content: of the file.
            name: that the file was sent with; only its ending is used, and it stands in messages.
            arguments: further ones for the job.
            how: see `run`.

        Raises:
            See `run`.
        """
        ending = Path(name).suffix.lower()
        with tempfile.TemporaryDirectory(prefix="urform-") as folder:
            path = Path(folder) / f"upload{ending if ending[1:].isalnum() and len(ending) < 8 else ''}"
            path.write_bytes(content)
            try:
                return await self.run(job, path, *arguments, **how)
            except (ValueError, OSError) as error:
                raise ValueError(str(error).replace(str(path), name or "the file")) from error

    def close(self) -> None:
        """Stop all work."""
        self._pool.stop()
        self._pool.join()
