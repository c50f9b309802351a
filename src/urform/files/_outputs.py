"""Results that would replace an input, a folder or each other: refused before any work."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from urform.files._names import caseless


def check_outputs(
    out: Path | None, outputs: Iterable[Path], inputs: Iterable[Path], choose: str = "another `out`"
) -> None:
    """Raise a ValueError where a file cannot be written without loss.

    Args:
        out: folder of the outputs; None where each has a path of its own.
        outputs: files that are to be written. Two names that differ only in case are one file on many disks.
        inputs: files that are read.
        choose: what the user should give instead.
    """
    if out is not None and (file := _file_above(out)):
        raise ValueError(f"out must be a folder, got {out}, but {file} is a file")
    given = {_identity(path) for path in inputs} - {None}
    seen: set[str] = set()
    for output in outputs:
        if out is None and (file := _file_above(output.parent)):
            raise ValueError(f"{output}: cannot be written, as {file} is a file; choose {choose}")
        if output.is_dir():
            raise ValueError(f"{output}: is a folder, expected the name of a file; choose {choose}")
        if _identity(output) in given:
            raise ValueError(f"{output}: is an input and would be overwritten, choose {choose}")
        if (name := caseless(os.path.realpath(output))) in seen:
            raise ValueError(f"{output}: two results would have this name, choose {choose}")
        seen.add(name)


def _file_above(folder: Path) -> Path | None:
    """The file that stands where a folder is wanted."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), None)
    return None if there is None or there.is_dir() else there


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells the file apart from others, whatever it is called; None where there is none."""
    try:
        state = Path(os.path.realpath(path)).stat()  # `new/..` is no place before `new` is made
    except (OSError, ValueError):
        return None
    return state.st_dev, state.st_ino
