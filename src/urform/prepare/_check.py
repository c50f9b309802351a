"""Looking through a whole data folder before a training: what is missing, what is damaged."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from urform.data import DataFolder, Inventory, ShapeKey, read_split
from urform.files import encode_png, write_atomically
from urform.pictures import Tile, contact_sheet
from urform.prepare._check_shape import THUMBNAIL, ShapeFacts, check_shape
from urform.prepare._check_split import check_split

SHEET_SHAPES = 400
SHEET_COLUMNS = 20
LABEL_LINE = 13  # pixels
LABEL_LETTERS = 16
NAMES_SHOWN = 10
QUANTILES = {"least": 0.0, "5 %": 0.05, "median": 0.5, "95 %": 0.95, "most": 1.0}


@dataclass(frozen=True)
class Problem:
    """One kind of trouble.

    Attributes:
        kind: what is wrong; begins with "missing", "damaged" or "split".
        count: how often.
        first: the first few shapes or files.
    """

    kind: str
    count: int
    first: tuple[str, ...]


@dataclass(frozen=True)
class CheckResult:
    """What a data folder holds.

    Attributes:
        categories: number of shapes by "dataset/category".
        samples: quantiles of the number of SDF samples a shape.
        inside_fraction: quantiles of the share of samples that lie inside.
        views: number of RGBA views by level.
        picture_sizes: number of decoded views by "height x width".
        disk_bytes: size of the files by folder.
        problems: what is missing or damaged.
        splits: of each split file that was asked about, how many shapes it names and how many have which files.
    """

    categories: dict[str, int]
    samples: dict[str, float]
    inside_fraction: dict[str, float]
    views: dict[str, int]
    picture_sizes: dict[str, int]
    disk_bytes: dict[str, int]
    problems: tuple[Problem, ...]
    splits: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def shapes(self) -> int:
        """Number of shapes."""
        return sum(self.categories.values())


def check(
    data: DataFolder,
    full: bool = False,
    sheet: Path | None = None,
    workers: int = 0,
    splits: Sequence[Path] = (),
) -> CheckResult:
    """Look through a data folder.

    A part that no shape of a category has (say, no albedo) was not wanted; one that only some have is missing in the
    others. Of each shape a few bytes stay in memory.

    Args:
        data: the folder.
        full: decode every view instead of up to three of a level and kind.
        sheet: where to write a contact sheet, a PNG file: a view each of up to 400 shapes, evenly chosen.
        workers: threads; 0 = one a core, at most 4.
        splits: split files to be compared with the folder, too.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no shape in it.
    """
    inventory = Inventory(data)
    keys = sorted(inventory.shapes)
    if not keys:
        raise ValueError(f"{data.root}: no shape in it, expected SdfSamples or views; `urform prepare` makes them")
    shown = {keys[index] for index in np.linspace(0, len(keys) - 1, min(SHEET_SHAPES, len(keys))).astype(int)}
    shown = shown if sheet else set()
    summary, tiles = _Summary(), []
    with ThreadPoolExecutor(workers or min(4, os.cpu_count() or 1)) as pool:
        # Facts are small and come back in order, whatever the threads do.
        found = pool.map(lambda key: check_shape(data, key, full, key in shown), keys)
        for facts in tqdm(found, total=len(keys), desc="check", unit="shape"):
            summary.add(facts)
            if facts.key in shown:
                tiles.append(_tile(facts))
    for kind, name in _split_problems(data, inventory.with_sdf):
        summary.problems.add(kind, name)
    counted = {str(path): check_split(data, path, summary.problems.add) for path in splits}
    if sheet:
        rows = [tiles[start : start + SHEET_COLUMNS] for start in range(0, len(tiles), SHEET_COLUMNS)]
        write_atomically(sheet, encode_png(contact_sheet(rows, THUMBNAIL, LABEL_LINE)))
    return replace(summary.result(), splits=counted)


def format_check(result: CheckResult) -> str:
    """A short table, then the problems."""
    rows = [("shapes", f"{result.shapes:,}: " + ", ".join(f"{n:,} {name}" for name, n in result.categories.items()))]
    if result.samples:
        rows.append(("samples a shape", ", ".join(f"{name} {n:,.0f}" for name, n in result.samples.items())))
        rows.append(("inside", ", ".join(f"{name} {share:.1%}" for name, share in result.inside_fraction.items())))
    for level, count in result.views.items():
        rows.append((f"views, {level}", f"{count:,} ({count / result.shapes:.1f} a shape)"))
    for path, counts in result.splits.items():
        rows.append(("split", f"{path}: " + ", ".join(f"{count:,} {what}" for what, count in counts.items())))
    sizes = ", ".join(f"{name} {count / 2**20:,.1f}" for name, count in result.disk_bytes.items())
    rows.append(("disk", f"{sum(result.disk_bytes.values()) / 2**20:,.1f} MiB: {sizes}"))
    lines = [f"{name:16s} {text}" for name, text in rows]
    for problem in result.problems:
        more = ", ..." if problem.count > len(problem.first) else ""
        lines += ["", f"{problem.count:,} x {problem.kind}", f"    {', '.join(problem.first)}{more}"]
    return "\n".join([*lines, "", "nothing is missing or damaged" if not result.problems else "see the problems above"])


class _Problems:
    """Kinds of trouble, counted, each with its first few names."""

    def __init__(self):
        self._counts: Counter[str] = Counter()
        self._first: dict[str, list[str]] = {}

    def add(self, kind: str, name: str) -> None:
        self._counts[kind] += 1
        names = self._first.setdefault(kind, [])
        if len(names) < NAMES_SHOWN:
            names.append(name)

    def result(self) -> tuple[Problem, ...]:
        return tuple(Problem(kind, self._counts[kind], tuple(self._first[kind])) for kind in sorted(self._counts))


@dataclass
class _Category:
    """The shapes of one dataset and category: how many have which parts, and the first few that lack them."""

    shapes: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    early: list[str] = field(default_factory=list)
    lacking: dict[str, list[str]] = field(default_factory=dict)

    def add(self, facts: ShapeFacts) -> None:
        for part in facts.parts - self.parts.keys():
            # The first shape that has the part: those before it lack it.
            self.lacking[part] = list(self.early)
        for part in self.parts.keys() - facts.parts:
            if len(self.lacking[part]) < NAMES_SHOWN:
                self.lacking[part].append(str(facts.key))
        self.parts.update(facts.parts)
        self.shapes += 1
        if len(self.early) < NAMES_SHOWN:
            self.early.append(str(facts.key))

    def missing(self) -> Iterator[Problem]:
        for part, count in sorted(self.parts.items()):
            if count < self.shapes:
                yield Problem(f"missing: {part}", self.shapes - count, tuple(self.lacking[part]))


class _Summary:
    """Adds up the facts of shapes."""

    def __init__(self):
        self.problems = _Problems()
        self._categories: dict[str, _Category] = {}
        self._samples: list[int] = []
        self._inside: list[float] = []
        self._views: Counter[str] = Counter()
        self._disk_bytes: Counter[str] = Counter()
        self._sizes: dict[str, _Problems] = {}

    def add(self, facts: ShapeFacts) -> None:
        self._categories.setdefault("/".join(facts.key[:2]), _Category()).add(facts)
        for kind, name in facts.damage:
            self.problems.add(f"damaged: {kind}", name)
        if facts.inside_fraction is not None:
            self._samples.append(facts.samples)
            self._inside.append(facts.inside_fraction)
        self._views.update(facts.views)
        self._disk_bytes.update(facts.disk_bytes)
        for height, width, path in facts.picture_sizes:
            self._sizes.setdefault(f"{height} x {width}", _Problems()).add("size", path)

    def result(self) -> CheckResult:
        sizes = {size: found.result()[0] for size, found in self._sizes.items()}
        usual = max(sizes, key=lambda size: sizes[size].count, default="")
        others = [
            Problem(f"damaged: views of {size} pixels, expected {usual} as most have", found.count, found.first)
            for size, found in sorted(sizes.items())
            if size != usual
        ]
        missing = [problem for category in self._categories.values() for problem in category.missing()]
        return CheckResult(
            categories={name: category.shapes for name, category in self._categories.items()},
            samples=_quantiles(self._samples),
            inside_fraction=_quantiles(self._inside),
            views=dict(sorted(self._views.items())),
            picture_sizes={size: found.count for size, found in sorted(sizes.items())},
            disk_bytes=dict(self._disk_bytes.most_common()),
            problems=(*missing, *self.problems.result(), *others),
        )


def _tile(facts: ShapeFacts) -> Tile:
    # Grey where there is no view, so that a gap is not taken for a white object.
    grey = np.full((THUMBNAIL, THUMBNAIL, 3), 200, np.uint8)
    name = facts.key.instance
    lines = f"{name[:LABEL_LETTERS]}\n{name[LABEL_LETTERS : 2 * LABEL_LETTERS]}"
    return Tile(grey if facts.thumbnail is None else facts.thumbnail, lines)


def _quantiles(values: list[Any]) -> dict[str, float]:
    if not values:
        return {}
    return {name: float(np.quantile(values, share)) for name, share in QUANTILES.items()}


def _split_problems(data: DataFolder, with_sdf: set[ShapeKey]) -> Iterator[tuple[str, str]]:
    """What is wrong with the split files of a data folder, each with the file or shape."""
    splits: dict[str, set[ShapeKey]] = {}
    for path in sorted((data.root / "splits").glob("*.json")):
        try:
            # `prepare` writes an empty split where no shape belongs to it.
            keys = [] if path.is_file() and json.loads(path.read_text()) == {} else read_split(path)
        except (ValueError, OSError, RecursionError):
            yield "split: cannot be read, expected a split file", str(path)
            continue
        for key in keys:
            if key not in with_sdf:
                yield f"split: {path.name} names shapes without SDF samples", str(key)
        splits[path.stem] = set(keys)
    for name, keys in splits.items():
        other = name.removesuffix("_train") + "_test"
        if name.endswith("_train"):
            for key in sorted(keys & splits.get(other, set())):
                yield f"split: the same shape in {name}.json and {other}.json", str(key)
