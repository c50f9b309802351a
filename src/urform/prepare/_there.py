"""What lies in a data folder before a run: files of shapes that are cut off, and files that no run wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from urform.config import PrepareConfig
from urform.data import METADATA, VIEW_KINDS, DataFolder, ShapeKey
from urform.prepare._report import ShapeReport, reported_keys
from urform.prepare._store import Store
from urform.prepare._views import view_level
from urform.render import LEVELS

_END_OF_PNG, _END_OF_ZIP = b"\0\0\0\0IEND\xaeB`\x82", b"PK\5\6"
_PARTS = {"samples", "views"}
_SAMPLES = (("SdfSamples", ".npz"), ("SurfaceSamples", ".ply"), ("NormalizationParameters", ".npz"))


def damaged_file(data: DataFolder, report: ShapeReport, config: PrepareConfig) -> Path | None:
    """A file of a prepared shape that is missing or cut off, as a failing disk leaves it; only the ends are read.

    Args:
        data: the data folder.
        report: of the shape.
        config: the settings that it was made with; `only` says what is looked at.
    """
    made = config.only or report.made
    files = [*(_samples(data, report.key) if made != "views" else ())]
    files += _views(data, report.key, config) if made != "samples" else ()
    files += [picture] if (picture := data.report_path(report.key).with_suffix(".png")).exists() else ()
    return next((path for path in files if not _is_whole(path)), None) if report.outcome == "done" else None


def _samples(data: DataFolder, key: ShapeKey) -> Iterator[Path]:
    yield from (data.sdf_path(key), data.surface_path(key), data.normalisation_path(key))
    yield from (path for path in (data.keypoints_path(key), data.parts_path(key)) if path.exists())


def _views(data: DataFolder, key: ShapeKey, config: PrepareConfig) -> Iterator[Path]:
    for level in LEVELS:
        count = view_level(config, level)[1]
        for kind in VIEW_KINDS if count else ():
            folder = data.views_path(key, level, kind)
            if kind == "image" or folder.is_dir():  # the other kinds are removed to save room
                yield from (folder / f"{index:02d}.png" for index in range(count))
        if count:
            yield data.views_path(key, level) / METADATA


def _is_whole(path: Path) -> bool:
    try:
        if path.suffix in (".png", ".npz"):
            with path.open("rb") as file:
                file.seek(-min(22, path.stat().st_size), 2)
                end = file.read()
            return end.endswith(_END_OF_PNG) if path.suffix == ".png" else end.startswith(_END_OF_ZIP)
        if path.suffix == ".ply":
            return _has_all_points(path)
        if path.suffix == ".json":
            return bool(json.loads(path.read_bytes()))
        return path.read_bytes().endswith(b"],\n")
    except (OSError, ValueError):
        return False


def _has_all_points(path: Path) -> bool:
    """Whether a PLY file of points, as `urform prepare` writes it, has the size that its header asks for."""
    with path.open("rb") as file:
        head = re.match(
            rb"ply\n.*?element vertex (\d+)\nproperty (float|double) x\n.*?end_header\n", file.read(400), re.S
        )
    row = 0 if head is None else 3 * (4 if head[2] == b"float" else 8)
    return head is not None and path.stat().st_size == head.end() + int(head[1]) * row


def check_foreign(
    store: Store,
    keys: Sequence[ShapeKey],
    only: str | None,
    splits: Mapping[tuple[str, str], Sequence[str]],
    earlier: Mapping[ShapeKey, ShapeReport],
) -> None:
    """Refuse to replace files that no run of `urform prepare` wrote, those of a published data folder say.

    Every file that a run puts in place has a report first.

    Args:
        store: the data folder.
        keys: the shapes that are to be prepared.
        only: "views" or "samples", where these alone are to be made.
        splits: the split files that are written, by dataset and category.
        earlier: the reports that can be read.

    Raises:
        ValueError: there are such files.
    """
    names = cache(lambda folder: frozenset(store.names(folder)))
    reported = set(reported_keys(store, {key[:2] for key in keys}))
    wanted = {only} if only else _PARTS
    found = [
        place
        for key in keys
        for place in _places(key, wanted - (_written(earlier.get(key)) if key in reported else set()))
        if place[1] in names(place[0])
    ]
    places = {key[:2] for key in reported}
    found += [
        ("splits", name.removeprefix("splits/"))
        for place, files in splits.items()
        if place not in places
        for name in files
        if name.removeprefix("splits/") in names("splits")
    ]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise ValueError(
            f"{store}/{'/'.join(found[0])}{more}: would be replaced, and no `urform prepare` wrote it (it has no "
            "report); choose another `out`, give `dataset` or `category` another name, or remove it"
        )


def _written(report: ShapeReport | None) -> set[str]:
    """What a run has put in place, or may have put before it was interrupted."""
    return {report.made} if report is not None and report.outcome == "done" and report.made else _PARTS


def _places(key: ShapeKey, parts: set[str]) -> Iterator[tuple[str, str]]:
    """Folders and the names in them under which a shape lies."""
    dataset, category, instance = key
    if "samples" in parts:
        for part, ending in _SAMPLES:
            yield from ((f"{part}/{dataset}/{category}", name) for name in (f"{instance}{ending}", instance))
    if "views" in parts:
        yield category, instance
