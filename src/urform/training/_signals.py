"""SIGINT and SIGTERM as wishes, to be granted when the step that is being made is done."""

from __future__ import annotations

import contextlib
import signal
import threading
from types import FrameType
from typing import Any


class Stop:
    """Whether this process was asked to stop while the context was open; a second SIGINT stops it at once.

    Attributes:
        requested: it was.
    """

    requested: bool = False

    def __enter__(self) -> Stop:
        self._before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                with contextlib.suppress(ValueError):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
