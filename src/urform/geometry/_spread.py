"""Points on a mesh that know where on it they lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class SurfacePoints(NamedTuple):
    """Points on a mesh: the face that each lies on, and its weights of the face's corners."""

    points: Float[np.ndarray, "N 3"]
    face: Int[np.ndarray, " N"]
    weights: Float[np.ndarray, "N 3"]


def spread_points(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], count: int, rng: np.random.Generator
) -> SurfacePoints:
    """Points on a mesh, area-uniform.

    Args:
        vertices: of the mesh.
        faces: of the mesh.
        count: number of points.
        rng: their randomness.

    Raises:
        ValueError: the surface has no area.
    """
    corners = vertices[faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    total = np.cumsum(areas)
    if not len(total) or not total[-1] > 0:
        raise ValueError("the surface has no area, expected triangles that are not degenerate")
    face = np.searchsorted(total, rng.random(count) * total[-1], side="right").clip(max=len(faces) - 1)
    root, share = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - root, root * (1 - share), root * share], axis=1)
    return SurfacePoints(np.einsum("nk,nkd->nd", weights, corners[face]), face, weights)
