"""What a data folder has of the shapes that a split file names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from urform.data import NEEDS, DataFolder, read_split


def check_split(data: DataFolder, path: Path, report: Callable[[str, str], None]) -> dict[str, int]:
    """Count which shapes of a split have which files.

    Files that none of its shapes has were not wanted; SDF samples or views every shape must have.

    Args:
        data: the data folder.
        path: the split file.
        report: gets each kind of trouble, with the name of a shape that has it.

    Returns:
        How many shapes it names, and how many of them have SDF samples, views ...

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no split file.
    """
    named = Counter(read_split(path))
    counts = {"shapes": len(named)}
    for key, times in named.items():
        if times > 1:
            report(f"split: {path.name} names shapes several times", f"{key} ({times})")
    for need, has in NEEDS.items():
        missing = [key for key in named if not has(data, key, ())]
        counts[f"with {need}"] = len(named) - len(missing)
        if len(missing) < len(named) or need == "SDF samples":
            for key in missing:
                report(f"split: {path.name} names shapes without {need}", str(key))
    return counts
