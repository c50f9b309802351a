"""Distances between surfaces, as published protocols define them."""

from __future__ import annotations

import numpy as np
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
