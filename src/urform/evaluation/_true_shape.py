"""A test shape as a protocol sees it: what is true of it, and in which unit it is measured."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from urform.config import ShapeChoice
from urform.data import ChosenShapes, DataFolder, ShapeKey, choose_shapes, read_split
from urform.evaluation._protocols import PROTOCOLS, Comparison, Protocol, Sample, Unit, chosen
from urform.evaluation._scores import Values
from urform.evaluation._truth import TrueMeshes, stored_surface
from urform.geometry import Solid

UNITS: dict[Unit, str] = {
    "original": "original mesh units",
    "diagonal": "unit bounding-box diagonal",
    "edge": "longest box edge {size:g}",
    "radius": "radius {size:g} about the mean of the vertices",
}


def true_shapes(
    data: DataFolder,
    split: Path,
    protocol: str,
    choice: ShapeChoice | None = None,
    needs: Sequence[str] = (),
) -> ChosenShapes:
    """The shapes of a split of which the data folder has what a protocol compares with.

    Args:
        data: the data folder.
        split: the test shapes.
        protocol: one of `PROTOCOLS`.
        choice: whether to refuse a split that names others, and which are left out in any case.
        needs: what a shape must have besides, see `choose_shapes`.

    Raises:
        FileNotFoundError: no shape has what it needs, or some have not and the choice is strict.
        ValueError: the split is not one.
    """
    keys = list(dict.fromkeys(read_split(split)))
    chosen = choose_shapes(data, keys, ("surface samples", "normalisation", *needs), choice)
    if protocol in PROTOCOLS and PROTOCOLS[protocol].surface != "stored":
        meshes = TrueMeshes(data)
        found = set(meshes.found(chosen.keys))
        if len(found) < len(chosen.keys) and (not found or (choice is not None and choice.strict)):
            meshes.source(next(key for key in chosen.keys if key not in found))  # says what is wrong with it
        lacking = [str(key) for key in chosen.keys if key not in found]
        chosen = chosen.without("no mesh that they were prepared from", lacking, str(data.root), False)
    return chosen


@dataclass(frozen=True)
class TrueShape:
    """A test shape.

    Attributes:
        key: its name.
        target: what the protocol takes of the true surface.
        again: another sample of the same, for the noise floor; None where there is only the one.
        cube: the points whose inside is asked for; None where it is not.
        scale: from normalised units to the protocol's.
    """

    key: ShapeKey
    target: Sample
    again: Sample | None
    cube: Float[np.ndarray, "K 3"] | None
    scale: float


class TrueShapes:
    """Makes the test shapes, and whatever is compared with them, ready for a protocol.

    Args:
        protocol: how it is compared.
        data: where the shapes lie.
        unit: the protocol's, or another one instead of the meshes' own.
        seed: of all points, with names.
    """

    def __init__(self, protocol: Protocol, data: DataFolder, unit: Unit, seed: int):
        self.protocol = protocol
        self.unit: Unit = unit
        self.meshes = TrueMeshes(data)
        self._data, self._seed = data, seed

    @property
    def unit_text(self) -> str:
        """The unit in words."""
        return UNITS[self.unit].format(size=self.protocol.size)

    def rng(self, text: str) -> np.random.Generator:
        """Randomness that depends on the seed and a name alone, not on what else is evaluated."""
        digest = hashlib.sha256(text.encode()).digest()
        return np.random.default_rng([self._seed, int.from_bytes(digest[:8], "little")])

    def usable(self, keys: Sequence[ShapeKey]) -> list[ShapeKey]:
        """Those of the shapes that have what the protocol takes of a true surface."""
        keys = [key for key in keys if self._data.surface_path(key).exists()]
        return keys if self.protocol.surface == "stored" else self.meshes.found(keys)

    def subject(self, key: ShapeKey) -> TrueShape:
        """A test shape.

        Raises:
            FileNotFoundError: its mesh is needed and not there.
            ValueError: its file is damaged.
        """
        if self.protocol.surface == "stored":
            return self._stored_subject(key)
        solid = self.meshes.solid(key)
        low, high = solid.vertices.min(axis=0), solid.vertices.max(axis=0)
        length = edge = float((high - low).max())
        if self.unit == "radius":
            length = float(np.linalg.norm(solid.vertices - solid.vertices.mean(axis=0), axis=1).max())
        cube = None
        if count := self.protocol.volume_points:
            cube = (low + high) / 2 + (self.rng(f"{key}/volume").random((count, 3)) - 0.5) * edge
        target = self._sample(solid, f"{key}/target", cube)
        again = None  # of vertices there is but one sample
        if self.protocol.surface != "vertices":
            again = replace(self._sample(solid, f"{key}/again", None), inside=target.inside)
        return TrueShape(key, target, again, cube, self.protocol.size / length)

    def _stored_subject(self, key: ShapeKey) -> TrueShape:
        count, surface = self.protocol.points, stored_surface(self._data, key)
        index = chosen(np.arange(len(surface)), count, self.rng(f"{key}/target"))
        points, rest = surface[index], np.delete(surface, index, axis=0)
        again = Sample(chosen(rest, count, self.rng(f"{key}/again"))) if len(rest) >= count else None
        length = float(np.linalg.norm(np.ptp(points, axis=0)))
        if not length > 0:
            raise ValueError(f"{self._data.surface_path(key)}: its points coincide, expected a surface")
        scale = 1 / (self._data.normalisation(key).scale if self.unit == "original" else length)
        return TrueShape(key, Sample(points), again, None, scale)

    def true_sample(self, key: ShapeKey, subject: TrueShape) -> Sample:
        """What the protocol takes of another true shape."""
        name = f"{key}/training"
        if self.protocol.surface == "stored":
            return Sample(chosen(stored_surface(self._data, key), self.protocol.points, self.rng(name)))
        return self._sample(self.meshes.solid(key), name, subject.cube)

    def score(self, found: Sample, subject: TrueShape) -> Values:
        """The protocol's metrics of a surface."""
        return self._compare(found, subject.target, subject.scale)

    def failure(self, subject: TrueShape) -> Values:
        """Their values where a method gave no surface."""
        return {metric.name: metric.of_failure(subject.target, subject.scale) for metric in self.protocol.metrics}

    def floor(self, subject: TrueShape) -> Values:
        """Their values for two samples of one and the same surface: nothing can be told to be better."""
        if subject.again is not None:
            return self.score(subject.again, subject)
        points = subject.target.points
        halves = self._compare(Sample(points[::2]), Sample(points[1::2]), subject.scale)
        return {metric.name: halves[metric.name] / 2**metric.decay for metric in self.protocol.metrics}

    def _compare(self, found: Sample, target: Sample, scale: float) -> Values:
        comparison = Comparison(found, target, scale)
        return {metric.name: metric.of(comparison) for metric in self.protocol.metrics}

    def _sample(self, solid: Solid, name: str, cube: np.ndarray | None) -> Sample:
        return self.protocol.sample(solid, self.rng(name), cube)
