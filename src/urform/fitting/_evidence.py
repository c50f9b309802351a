"""What a scan says of the object's signed distance: at which points it is known, and at which but for its sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from urform.fitting._scan import Scan
from urform.geometry import (
    Normalisation,
    SdfSamples,
    SignedDistance,
    clean,
    face_normals,
    sample_sdf,
    sample_visible_surface,
    spread_points,
)

MESH_SAMPLES = 60_000  # of which a fit of 400 steps sees each about seven times
SURFACE_POINTS = 10_000  # that the near ones of these samples lie around, about six at each
VARIANCE = 0.005  # per axis, of the samples around a mesh; a tenth of it for half of them, as in training
# Normalised units. The sdf of training is clamped at 0.1. With this standard deviation per axis, 99 % of the points
# around a cloud lie nearer to it than that. A step along the normal is a tenth of it, so that few sheets are thinner.
NEAR_SPREAD = 0.03
NORMAL_STEP = 0.01

Rows = Float[np.ndarray, "N 4"]


@dataclass(frozen=True)
class Evidence:
    """Points whose distance to the object is known.

    Attributes:
        surface: points on the object, normalised space; the residual of a fit is measured at them.
        draw: (count, rng) -> rows of x y z sdf.
        signless: share of the rows, the last ones, whose sdf has no sign.
        is_partial: nothing is known away from the points.
    """

    surface: Float[np.ndarray, "S 3"]
    draw: Callable[[int, np.random.Generator], Rows]
    signless: float = 0.0
    is_partial: bool = False

    def signless_of(self, count: int) -> int:
        """How many of `count` rows have no sign."""
        return int(count * self.signless)


def evidence_of(scan: Scan, normalisation: Normalisation, partial: bool, rng: np.random.Generator) -> Evidence:
    """What a scan tells about its object.

    A mesh gives signed distances, by the sampling that training used. A cloud of the whole object gives zeros at its
    points. Away from them it gives the distance to the cloud without a sign. A part of an object gives zeros at its
    points and, with normals, distances just before and behind them. It tells nothing about other places.

    Args:
        scan: mesh or points.
        normalisation: from its coordinates to the model's.
        partial: it shows only a part of the object.
        rng: the randomness of the samples.

    Raises:
        ValueError: a mesh without area or of which hardly anything is visible.
    """
    try:
        return _evidence_of(scan, normalisation, partial, rng)
    except ValueError as error:
        raise ValueError(f"{scan.path}: {error}") from error


def _evidence_of(scan: Scan, normalisation: Normalisation, partial: bool, rng: np.random.Generator) -> Evidence:
    vertices = normalisation.apply(scan.vertices)
    if scan.is_mesh and not partial:
        cleaned = clean(vertices, scan.faces)
        surface, _ = sample_visible_surface(cleaned.vertices, cleaned.faces, SURFACE_POINTS, rng)
        distance = SignedDistance(cleaned.vertices, cleaned.faces)
        samples = sample_sdf(distance, surface, MESH_SAMPLES, VARIANCE, VARIANCE / 10, rng)
        return from_samples(samples, surface)
    normals = None if scan.normals is None else normalisation.turn(scan.normals)
    if scan.is_mesh:
        on_mesh = spread_points(vertices, scan.faces, SURFACE_POINTS, rng)
        vertices, normals = on_mesh.points, face_normals(vertices, scan.faces)[on_mesh.face]
    return from_part(vertices, normals) if partial else from_cloud(vertices, normals)


def from_samples(samples: SdfSamples, surface: Float[np.ndarray, "S 3"]) -> Evidence:
    """SDF samples of a whole object: half of what is drawn lies inside, as in training."""
    sides = [side for side in samples if len(side)]

    def draw(count: int, rng: np.random.Generator) -> Rows:
        counts = [count // len(sides)] * (len(sides) - 1)
        counts.append(count - sum(counts))
        return np.concatenate(
            [side[rng.integers(0, len(side), number)] for side, number in zip(sides, counts, strict=True)]
        )

    return Evidence(surface, draw)


def from_cloud(points: Float[np.ndarray, "P 3"], normals: Float[np.ndarray, "P 3"] | None) -> Evidence:
    """Points of a whole object: half of what is drawn lies on it, the rest around it and everywhere in the cube."""
    from scipy.spatial import KDTree

    tree = KDTree(points)
    on_surface = from_part(points, normals)

    def draw(count: int, rng: np.random.Generator) -> Rows:
        around, everywhere = count // 4, int(0.5 * count) - count // 4
        near = points[rng.integers(0, len(points), around)] + rng.normal(0, NEAR_SPREAD, (around, 3))
        air = np.concatenate([near, rng.uniform(-1, 1, (everywhere, 3))])
        distance = tree.query(air)[0]
        return np.concatenate([on_surface.draw(count - len(air), rng), np.column_stack([air, distance])])

    return Evidence(points, draw, signless=0.5)


def from_part(points: Float[np.ndarray, "P 3"], normals: Float[np.ndarray, "P 3"] | None) -> Evidence:
    """Points of some part of an object: sdf 0 there and, two thirds of what is drawn, +-0.01 along normals."""

    def draw(count: int, rng: np.random.Generator) -> Rows:
        chosen = rng.integers(0, len(points), count)
        step = np.zeros(count) if normals is None else NORMAL_STEP * rng.integers(-1, 2, count)
        moved = points[chosen] if normals is None else points[chosen] + step[:, None] * normals[chosen]
        return np.column_stack([moved, step])

    return Evidence(points, draw, is_partial=True)
