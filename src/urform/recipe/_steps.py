"""Steps of a long job: each is done once, also when the job is interrupted and run again."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from urform.files import write_atomically

logger = logging.getLogger(__name__)


class Step(NamedTuple):
    """One step.

    Attributes:
        name: is shown, and is the name of the file that says that it is done.
        run: does it; it must be able to run again after it was killed.
    """

    name: str
    run: Callable[[], None]


def run_steps(steps: Sequence[Step], done: Path, say: Callable[[str], None]) -> None:
    """Do the steps that are not done yet, in order.

    Args:
        steps: of the job.
        done: folder of a file for each step that is done, with the time that it took.
        say: is told what is done, a line each.
    """
    done.mkdir(parents=True, exist_ok=True)
    for number, step in enumerate(steps, 1):
        file, started = done / f"{step.name}.json", done / f"{step.name}.started"
        label = f"[{number}/{len(steps)}] {step.name}"
        if file.is_file():
            say(f"{label}: was done in {_minutes(seconds_of(done, step.name))}")
            continue
        before = _number_in(started)
        say(f"{label} ...")
        start = time.monotonic()
        try:
            step.run()
        except BaseException:
            write_atomically(started, f"{before + time.monotonic() - start:.1f}".encode())
            raise
        elapsed_s = before + time.monotonic() - start
        write_atomically(file, json.dumps({"elapsed_s": round(elapsed_s, 1)}).encode())
        started.unlink(missing_ok=True)
        say(f"{label}: done in {_minutes(elapsed_s)}")


def seconds_of(done: Path, name: str) -> float:
    """How long a step took, seconds; 0 where the file does not say so."""
    try:
        return float(json.loads((done / f"{name}.json").read_text())["elapsed_s"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0.0


def _number_in(file: Path) -> float:
    """Seconds that a file holds; 0 where it is missing or damaged."""
    try:
        seconds = float(file.read_text())
    except (OSError, ValueError):
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
