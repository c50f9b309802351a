"""Work done ahead of its use, in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
WORKERS = 2


def made_ahead(make: Callable[[int], T], indices: Iterable[int], workers: int = WORKERS) -> Iterator[T]:
    """`make` of each index, in order, made in threads while those before are used.

    Args:
        make: does not depend on the order of its calls.
        indices: its arguments.
        workers: threads; so many results are waiting, and one more is being made.

    Raises:
        Exception: whatever `make` raises, where its result would come.
    """
    waiting: deque[Future[T]] = deque()
    # One core each: several threads of several threads wait for each other more than they work.
    with ThreadPoolExecutor(workers, "batch", torch.set_num_threads, (1,)) as pool:
        try:
            for index in indices:
                waiting.append(pool.submit(make, index))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
