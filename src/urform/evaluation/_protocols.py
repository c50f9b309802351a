"""Published protocols: what is compared, from how many points, in which unit, by which metrics (docs/evaluation.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from urform.geometry import (
    Neighbours,
    Solid,
    chamfer_l1,
    chamfer_squared,
    earth_movers_distance,
    f_score,
    mutual_neighbours,
    normal_consistency,
    volumetric_iou,
)

Unit = Literal["original", "diagonal", "edge", "radius"]
"""The mesh's own unit; what makes the diagonal of the true box 1; its longest edge; the farthest vertex's distance
from the mean of all vertices."""


@dataclass(frozen=True)
class Sample:
    """What a protocol takes of a surface, in normalised space.

    Attributes:
        points: on it.
        normals: of unit length, turned either way; None where no metric asks for them.
        inside: which of the points in the true shape's cube lie in the solid; None where no metric asks for it.
    """

    points: Float[np.ndarray, "N 3"]
    normals: Float[np.ndarray, "N 3"] | None = None
    inside: Bool[np.ndarray, " K"] | None = None


@dataclass(frozen=True)
class Comparison:
    """A surface beside the true one; nearest neighbours are searched once for all metrics.

    Attributes:
        found: the surface that is scored.
        target: the true one.
        scale: from normalised units to those of the protocol.
    """

    found: Sample
    target: Sample
    scale: float

    @cached_property
    def neighbours(self) -> Neighbours:
        """Of the points, in the protocol's unit."""
        return mutual_neighbours(self.found.points, self.target.points).scaled(self.scale)


@dataclass(frozen=True)
class Metric:
    """One number of a protocol.

    Attributes:
        name: in CSV and JSON.
        title: in the table.
        measure: its plain value.
        factor: that it is shown with.
        higher_is_better: scores in 0..1, not distances.
        decay: power of the number of points that its noise floor falls with.
    """

    name: str
    title: str
    measure: Callable[[Comparison], float]
    factor: float = 1
    higher_is_better: bool = False
    decay: float = 0

    def of(self, comparison: Comparison) -> float:
        """The value shown."""
        return self.measure(comparison) * self.factor

    def of_failure(self, target: Sample, scale: float) -> float:
        """The value of a method that gave no surface: no score, or the distance to a single point at the centre."""
        if self.higher_is_better:
            return 0.0
        return self.of(Comparison(Sample(np.zeros((1, 3))), target, scale))


@dataclass(frozen=True)
class Protocol:
    """How a published table was made.

    Attributes:
        name: of the protocol.
        points: on each side.
        surface: where the true points come from: `stored` surface samples of the data folder, the `visible` surface of
            the mesh, or its `vertices` (then also on the other side).
        unit: what the distances are measured in ...
        size: ... and how long that is.
        metrics: the first one orders the picture sheet.
        volume_points: in the true shape's cube, for IoU.
        views: those that are scored unless told otherwise.
    """

    name: str
    points: int
    surface: Literal["stored", "visible", "vertices"]
    unit: Unit
    metrics: tuple[Metric, ...]
    size: float = 1
    volume_points: int = 0
    views: tuple[str, ...] = ("fixed", "random")

    def sample(self, solid: Solid, rng: np.random.Generator, cube: Float[np.ndarray, "K 3"] | None) -> Sample:
        """What the protocol takes of a solid.

        Args:
            solid: true or predicted.
            rng: its randomness.
            cube: points whose inside is asked for, None where it is not.
        """
        inside = None if cube is None else solid.contains(cube)
        if self.surface == "vertices":
            return Sample(chosen(solid.vertices, self.points, rng), inside=inside)
        return Sample(*solid.sample(self.points, rng), inside=inside)


def chosen(rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """So many of the rows, by chance; all of them where there are no more."""
    return rows if len(rows) <= count else rows[rng.choice(len(rows), count, replace=False)]


def _chamfer(comparison: Comparison) -> float:
    return chamfer_squared(comparison.neighbours)


def _l1(comparison: Comparison) -> float:
    return chamfer_l1(comparison.neighbours)


def _emd(comparison: Comparison) -> float:
    # A failure's one point, and the points of a sparse surface, are taken as often as the other side has points.
    target = comparison.target.points
    return earth_movers_distance(np.resize(comparison.found.points, target.shape), target) * comparison.scale


def _f_score(comparison: Comparison, threshold: float) -> float:
    return f_score(comparison.neighbours, threshold)


def _normals(comparison: Comparison) -> float:
    found, target = comparison.found.normals, comparison.target.normals
    if found is None or target is None:
        raise ValueError("normal consistency needs the normals of both surfaces")
    return normal_consistency(comparison.neighbours, found, target)


def _iou(comparison: Comparison) -> float:
    found, target = comparison.found.inside, comparison.target.inside
    if found is None or target is None:
        raise ValueError("IoU needs the inside of both solids")
    return volumetric_iou(found, target)


_CHAMFER = Metric("chamfer", "Chamfer distance, squared", _chamfer, decay=1)
_CHAMFER_1000 = Metric("chamfer", "Chamfer distance, squared", _chamfer, 1000, decay=1)
_NORMALS = Metric("normal_consistency", "normal consistency", _normals, higher_is_better=True)


def _f(threshold: float, name: str, title: str) -> Metric:
    return Metric(name, title, partial(_f_score, threshold=threshold), higher_is_better=True)


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("deepsdf", 30_000, "stored", "original", (_CHAMFER_1000,)),
        Protocol("deepsdf-emd", 500, "stored", "original", (Metric("emd", "earth mover's distance", _emd, decay=0.5),)),
        Protocol("disn", 2048, "vertices", "radius", (_CHAMFER_1000,), views=("all",)),
        Protocol(
            "onet",
            100_000,
            "visible",
            "edge",
            (
                Metric("chamfer_l1", "Chamfer distance, not squared, mean of both ways", _l1, 10),
                _NORMALS,
                Metric("iou", "volumetric IoU", _iou, higher_is_better=True),
            ),
            volume_points=100_000,
        ),
        Protocol(
            "meshrcnn",
            10_000,
            "visible",
            "edge",
            (_CHAMFER, *(_f(t, f"f1_{t:g}", f"F1 at {t:g}") for t in (0.1, 0.3, 0.5)), _NORMALS),
            size=10,
        ),
        Protocol("what3d", 100_000, "visible", "edge", (_f(0.01, "f_score", "F-score at 1 % of the box edge"),)),
    )
}
"""Published protocols by name."""


def measured_in(protocol: Protocol, original_scale: bool) -> Unit:
    """The unit of a protocol; instead of the meshes' own, unless these are asked for, unit box diagonal.

    Raises:
        ValueError: the meshes' own are asked for, and the protocol has another.
    """
    own_unit = protocol.unit == "original"
    if original_scale and not own_unit:
        raise ValueError(f"`original_scale` does not go with `protocol` {protocol.name}, which has a unit of its own")
    return "diagonal" if own_unit and not original_scale else protocol.unit
