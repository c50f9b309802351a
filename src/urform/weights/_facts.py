"""What is known of the shipped categories: size, training shapes, and scores on shapes that training never saw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from urform.files import write_atomically
from urform.weights._shipped import find_weights, shipped_categories

SCORES_FILE = "scores.json"
SCORED = {
    "fixed": "urform, fixed view",
    "random": "urform, random view",
    "all": "urform, all views",
    "fit": "fit",
    "template": "mean template",
    "oracle": "oracle retrieval",
}
"""Rows of an evaluation that are kept, by their short names."""
_NUMBERS = ("mean", "median", "failures")
_GAP = "-"


@dataclass(frozen=True)
class CategoryFacts:
    """One shipped category.

    Attributes:
        category: its name.
        mebibytes: size of the weights file.
        training_shapes: how many the decoder learned; None where the weights do not say.
        scores: group of test shapes to `{"shapes": 12, "rows": {"fixed": {"mean": 2.39, "median": 1.79, ...}}}`; the
            rows are those of `SCORED`.
    """

    category: str
    mebibytes: float
    training_shapes: int | None
    scores: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The same, JSON-able."""
        return {**asdict(self), "mebibytes": round(self.mebibytes, 2)}


def shipped_facts() -> list[CategoryFacts]:
    """Each shipped category.

    Raises:
        ValueError: a file beside the weights is damaged.
    """
    return [_facts(name, find_weights(name)) for name in shipped_categories()]


def save_scores(folder: Path, groups: Mapping[str, tuple[int, Sequence[Mapping[str, Any]]]]) -> None:
    """Write the scores of weights beside them.

    Args:
        folder: of the weights.
        groups: of test shapes: how many there are, and the rows of an evaluation.
    """
    content = {
        group: {
            "shapes": count,
            "rows": {
                short: {number: row[number] for number in _NUMBERS}
                for short, method in SCORED.items()
                for row in rows
                if row["method"] == method and row["metric"] == "chamfer"
            },
        }
        for group, (count, rows) in groups.items()
    }
    write_atomically(folder / SCORES_FILE, (json.dumps(content, indent=1) + "\n").encode())


def category_table(facts: Sequence[CategoryFacts]) -> str:
    """Facts as text, a line for each group of test shapes; distances are mean / median."""
    shown = [name for name in SCORED if name != "template"]
    rows = [["category", "MiB", "shapes", "test group", "of", *shown, "failures"]]
    for each in facts:
        about = [each.category, f"{each.mebibytes:.1f}", _text(each.training_shapes)]
        groups: Mapping[str, Any] = each.scores or {_GAP: {"rows": {}}}
        for group, scores in groups.items():
            values = [scores["rows"].get(name) for name in shown]
            distances = [f"{value['mean']:.2f} / {value['median']:.2f}" if value else _GAP for value in values]
            failures = [value["failures"] for value in values[:3] if value]
            rows.append([*about, group, _text(scores.get("shapes")), *distances, _text(max(failures, default=None))])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "distances: Chamfer (deepsdf) at unit box diagonal, x 1000, mean / median"])


def _text(value: int | None) -> str:
    return _GAP if value is None else str(value)


def _facts(category: str, weights: Path) -> CategoryFacts:
    sizes, scores = _object(weights.with_name("config.json")), _object(weights.with_name(SCORES_FILE))
    known = sizes.get("training_shapes")
    if not all(_is_group(group) for group in scores.values()):
        raise ValueError(f"{weights.with_name(SCORES_FILE)}: damaged, expected groups with shapes and rows")
    return CategoryFacts(category, weights.stat().st_size / 2**20, known if isinstance(known, int) else None, scores)


def _object(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is no file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: damaged, expected a JSON object")
    return content


def _is_group(group: Any) -> bool:
    rows = group.get("rows") if isinstance(group, dict) else None
    return (
        isinstance(rows, dict)
        and isinstance(group.get("shapes"), int)
        and all(
            isinstance(row, dict) and all(isinstance(row.get(name), int | float) for name in _NUMBERS)
            for row in rows.values()
        )
    )
