"""Unpacked archives with parts of a data folder, merged into it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from urform.data import DATASOURCES_FILE, NO_CATEGORY, VIEW_LEVELS
from urform.files import digest_of, write_atomically

_PARTS = NO_CATEGORY | {"Keypoints", "Parts"}
_PROBES = 50  # entries of a folder that are looked at before it is taken for no category


@dataclass(frozen=True)
class Merged:
    """What came of a merge.

    Attributes:
        added: how many files are new in the data folder.
        same: how many were there already, with the same content.
        clashes: files that are there with another content; they stay as they are.
    """

    added: int
    same: int
    clashes: tuple[str, ...]


def merge(source: Path, data: Path) -> Merged:
    """Put the files of an unpacked archive where they belong in a data folder; none that is there is replaced.

    The parts (`SdfSamples`, ..., folders of categories with views) may lie in folders of their own in the archive. A
    file becomes a second name of the unpacked one where the disk allows it, and a copy elsewhere.

    Args:
        source: the unpacked archive.
        data: the data folder, made when missing.

    Raises:
        ValueError: the archive has no part of a data folder.
    """
    roots = list(_roots(source))
    if not roots:
        raise ValueError(
            f"{source}: has no part of a data folder, expected {', '.join(sorted(_PARTS))} or CATEGORY/INSTANCE/easy"
        )
    added, same, clashes = 0, 0, []
    for root, part in roots:
        for file in sorted(path for path in (root / part).rglob("*") if path.is_file()):
            target = data / file.relative_to(root)
            if not target.exists():
                _place(file, target)
                added += 1
            elif target.stat().st_size == file.stat().st_size and digest_of(target) == digest_of(file):
                same += 1
            else:
                clashes.append(str(file.relative_to(root)))
    for root in dict.fromkeys(root for root, _ in roots):
        note_datasources(data, _read_places(root / DATASOURCES_FILE))
    return Merged(added, same, tuple(clashes))


def note_datasources(data: Path, places: dict[str, str]) -> None:
    """Add to what a data folder says of where the meshes of its datasets lie; what it says already stays."""
    if places:
        content = {**places, **_read_places(data / DATASOURCES_FILE)}
        write_atomically(data / DATASOURCES_FILE, (json.dumps(content, indent=1) + "\n").encode())


def _read_places(file: Path) -> dict[str, str]:
    try:
        return {str(name): str(place) for name, place in json.loads(file.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{file}: not a JSON object, expected the folder of each dataset's meshes") from error


def _roots(folder: Path, depth: int = 4) -> Iterator[tuple[Path, str]]:
    """Each part of a data folder below a folder, and the folder that it lies in."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    for name in names:
        if name in _PARTS or _is_category(folder / name):
            yield folder, name
        elif depth:
            yield from _roots(folder / name, depth - 1)


def _is_category(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        probes = [Path(entry.path) for entry, _ in zip(entries, range(_PROBES), strict=False) if entry.is_dir()]
    return any((probe / level).is_dir() for probe in probes for level in VIEW_LEVELS)


def _place(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, target)
    except OSError:  # another disk, or one without hard links
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        shutil.copyfile(file, partial)
        partial.replace(target)
