"""What an evaluation found, as table, CSV and numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from urform.data import ShapeKey
from urform.evaluation._protocols import Protocol

_NAMES_SHOWN = 10
Values = Mapping[str, float]
"""A number a metric, by its name."""


@dataclass(frozen=True)
class Scores:
    """The numbers of one method.

    Attributes:
        method: its name.
        values: one entry a shape, in split order; failures have the values that the protocol gives them.
        failures: shape to the reason for which the method gave no surface.
    """

    method: str
    values: list[Values] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def column(self, metric: str) -> list[float]:
        """A value a shape."""
        return [values[metric] for values in self.values]

    def row(self, metric: str) -> dict[str, Any]:
        """Mean, std and median over all shapes, failures among them and counted."""
        column = np.array(self.column(metric))
        return {
            "method": self.method,
            "metric": metric,
            "mean": float(column.mean()),
            "std": float(column.std()),
            "median": float(np.median(column)),
            "failures": len(self.failures),
        }


def mean_of(values: Sequence[Values]) -> Values:
    """The mean of each metric, over the views of a shape or over shapes."""
    return {name: float(np.mean([each[name] for each in values])) for name in values[0]}


def as_result(
    protocol: Protocol, unit: str, seed: int, keys: Sequence[ShapeKey], scores: Sequence[Scores], floor: Values
) -> dict[str, Any]:
    """What an evaluation found, as numbers.

    Args:
        protocol: how it was measured.
        unit: in words.
        seed: of all points.
        keys: the shapes.
        scores: of each method.
        floor: the metrics of two samples of one surface.
    """
    metrics = protocol.metrics
    names = [metric.name for metric in metrics]
    return {
        "protocol": protocol.name,
        "unit": unit,
        "points": protocol.points,
        "seed": seed,
        "noise_floor": floor[names[0]],  # of the first metric; each has its own below
        "metrics": [
            {
                "name": metric.name,
                "title": metric.title,
                "factor": metric.factor,
                "higher_is_better": metric.higher_is_better,
                "noise_floor": floor[metric.name],
            }
            for metric in metrics
        ],
        "shapes": [str(key) for key in keys],
        "rows": [entry.row(name) for name in names for entry in scores],
        "values": {entry.method: {name: entry.column(name) for name in names} for entry in scores},
        "failed": {entry.method: entry.failures for entry in scores},
        "left_out": {},
    }


def format_table(result: dict[str, Any]) -> str:
    """The result as a text table, a block a metric."""
    count = len(result["shapes"])
    resolution = f"resolution {result['resolution']}, " if "resolution" in result else ""
    lines = [
        f"{result['protocol']}: {count} shape{'s' * (count != 1)}, {result['points']} points a side, "
        f"{resolution}{result['unit']}"
    ]
    for metric in result["metrics"]:
        factor = "" if metric["factor"] == 1 else f" x {metric['factor']:g}"
        better = "higher" if metric["higher_is_better"] else "lower"
        lines += [
            "",
            f"{metric['title']}{factor}, {better} is better, noise floor {metric['noise_floor']:.3f}",
            f"{'method':34s} {'mean':>8s} {'std':>8s} {'median':>8s} {'failures':>8s}",
        ]
        lines += [
            f"{row['method']:34s} {row['mean']:8.3f} {row['std']:8.3f} {row['median']:8.3f} {row['failures']:8d}"
            for row in result["rows"]
            if row["metric"] == metric["name"]
        ]
        lines += [f"{method:34s} left out" for method in result["left_out"]]
    reasons: dict[str, list[str]] = {}
    for method, reason in result["left_out"].items():
        reasons.setdefault(reason, []).append(method)
    lines += [f"\nleft out, as {reason}: {'; '.join(methods)}" for reason, methods in reasons.items()]
    for reason, shapes in result.get("shapes_left_out", {}).items():
        named = ", ".join(shapes[:_NAMES_SHOWN]) + (", ..." if len(shapes) > _NAMES_SHOWN else "")
        lines.append(f"\n{len(shapes)} of {count + _left_out(result)} shapes left out, {reason}: {named}")
    return "\n".join(lines)


def _left_out(result: dict[str, Any]) -> int:
    return sum(map(len, result["shapes_left_out"].values()))


def format_csv(result: dict[str, Any]) -> str:
    """A line a shape and method: its values, and why it failed where it did."""
    names = [metric["name"] for metric in result["metrics"]]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["protocol", "shape", "method", *names, "failure"])
    for method, columns in result["values"].items():
        for place, shape in enumerate(result["shapes"]):
            values = [columns[name][place] for name in names]
            writer.writerow([result["protocol"], shape, method, *values, result["failed"][method].get(shape, "")])
    return text.getvalue()
