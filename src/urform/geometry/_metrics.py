"""Distances between surfaces, as published protocols define them."""

from __future__ import annotations

import numpy as np
import trimesh
from jaxtyping import Float


def chamfer_deepsdf(a_points: Float[np.ndarray, "N 3"], b_points: Float[np.ndarray, "M 3"], workers: int = -1) -> float:
    """Symmetric squared Chamfer distance: mean of squared nearest distances a -> b, plus the same b -> a.

    Tables of the field show it times 1000; this is the plain value, in squared units of the points.

    Args:
        a_points: points of one surface.
        b_points: points of the other surface, in the same space.
        workers: threads for the search, -1 for all cores.

    Raises:
        ValueError: a side has no points, or they are not finite.

    Source: FORMATS section 6, `deepsdf`.
    """
    from scipy.spatial import KDTree

    for name, points in (("a_points", a_points), ("b_points", b_points)):
        if points.ndim != 2 or points.shape[1] != 3 or not len(points):
            raise ValueError(f"{name} must have shape (N, 3) with N > 0, got {points.shape}")
        if not np.isfinite(points).all():
            raise ValueError(f"{name} must be finite, got NaN or infinite values")
    to_b, _ = KDTree(b_points).query(a_points, workers=workers)
    to_a, _ = KDTree(a_points).query(b_points, workers=workers)
    return float(np.mean(to_b**2) + np.mean(to_a**2))


def sample_surface(mesh: trimesh.Trimesh, count: int, rng: np.random.Generator) -> Float[np.ndarray, "count 3"]:
    """Draw points on a mesh, uniform over its area; the same generator state gives the same points.

    Raises:
        ValueError: the mesh has no area.
    """
    corners = np.asarray(mesh.vertices, dtype=np.float64)[np.asarray(mesh.faces)]
    along, across = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    cumulative = np.cumsum(np.linalg.norm(np.cross(along, across), axis=1))
    if not len(cumulative) or not cumulative[-1] > 0:
        raise ValueError(f"the mesh must have an area to sample, got {len(corners)} faces without one")
    # "right" passes over faces without area, the last face included.
    face = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    u, v = rng.random((2, count, 1))
    # Points of the parallelogram beyond the diagonal are folded back into the triangle.
    beyond = u + v > 1
    u, v = np.where(beyond, 1 - u, u), np.where(beyond, 1 - v, v)
    return corners[face, 0] + u * along[face] + v * across[face]


def noise_floor(area: float, count: int) -> float:
    """What `chamfer_deepsdf` gives for two independent samples of `count` points of one and the same surface.

    Points thrown at density count / area have a mean squared nearest distance of area / (pi * count); both directions
    add up to twice that.
    """
    if not area > 0 or count < 1:
        raise ValueError(f"area must be positive and count at least 1, got {area} and {count}")
    return 2 * area / (np.pi * count)
