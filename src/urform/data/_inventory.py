"""Which shapes a data folder holds, told by the names of its files alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from urform.data._categories import known_category
from urform.data._folder import DataFolder
from urform.data._shape_key import ShapeKey

VIEW_LEVELS = ("easy", "hard")
VIEW_KINDS = ("image", "image_rgb", "albedo")
# What stands beside the folders of the categories.
NO_CATEGORY = frozenset({"SdfSamples", "SurfaceSamples", "NormalizationParameters", "Reports", "splits"})


class Inventory:
    """The shapes of a data folder.

    Args:
        data: the folder.

    Attributes:
        with_sdf: shapes that have SDF samples, in either placing.
        shapes: these and all others that have surface samples, a normalisation or views.

    Raises:
        FileNotFoundError: no such folder.
    """

    def __init__(self, data: DataFolder):
        if not data.root.is_dir():
            raise FileNotFoundError(f"{data.root}: no such data folder; `urform prepare` makes it")
        self.with_sdf = set(_keys(data.root / "SdfSamples", ".npz"))
        self.shapes = self.with_sdf | set(_keys(data.root / "SurfaceSamples", ".ply"))
        self.shapes |= set(_keys(data.root / "NormalizationParameters", ".npz"))
        self._add_views(data.root)

    def select(self, dataset: str | None, category: str | None) -> tuple[list[ShapeKey], list[ShapeKey]]:
        """The shapes of one dataset and category, sorted: with SDF samples, and without.

        Args:
            dataset: its name; None where there is but one.
            category: the same; chair, chairs and 03001627 are one.

        Raises:
            ValueError: none or several are meant.
        """
        places = sorted({key[:2] for key in self.with_sdf})
        named = category and known_category(category, [place[1] for place in places])
        meant = [place for place in places if dataset in (None, place[0]) and (category is None or place[1] == named)]
        if len(meant) != 1:
            shown = ", ".join("/".join(place) for place in places) or "none"
            raise ValueError(
                f"`dataset` and `category` must mean one of the folders of SdfSamples ({shown}), got "
                f"{dataset or 'any'}/{category or 'any'}"
            )
        with_sdf = sorted(key for key in self.with_sdf if key[:2] == meant[0])
        return with_sdf, sorted(key for key in self.shapes - self.with_sdf if key[:2] == meant[0])

    def _add_views(self, root: Path) -> None:
        """Views do not tell their dataset: it is the one whose category has this instance, or else any."""
        datasets: dict[str, str] = {}
        instances: dict[str, set[str]] = {}
        for key in sorted(self.shapes):
            datasets.setdefault(key.category, key.dataset)
            instances.setdefault(key.category, set()).add(key.instance)
        for category in sorted(_folders(root) - NO_CATEGORY):
            known = instances.get(category, set())
            for instance in _folders(root / category) - known:
                if any((root / category / instance / level).is_dir() for level in VIEW_LEVELS):
                    self.shapes.add(ShapeKey(datasets.get(category, "unknown"), category, instance))


def _folders(folder: Path) -> set[str]:
    """Names of the folders in a folder; hidden ones are temporary."""
    if not folder.is_dir():
        return set()
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()}


def _keys(folder: Path, suffix: str) -> Iterator[ShapeKey]:
    """Shapes named by `<dataset>/<category>/<instance><suffix>` or `.../<instance>/<instance><suffix>`."""
    for dataset in _folders(folder):
        for category in _folders(folder / dataset):
            with os.scandir(folder / dataset / category) as entries:
                for entry in entries:
                    if re.fullmatch(r"\..*\.partial", entry.name):
                        continue
                    if entry.name.endswith(suffix):
                        yield ShapeKey(dataset, category, entry.name[: -len(suffix)])
                    elif entry.is_dir() and (Path(entry.path) / f"{entry.name}{suffix}").exists():
                        yield ShapeKey(dataset, category, entry.name)
