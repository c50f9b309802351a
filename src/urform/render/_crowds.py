"""What keeps meshes cheap to render in which many faces share a place or a vertex."""

from __future__ import annotations

import igl
import numpy as np
from jaxtyping import Float, Int

MOST_AT_PLACE = 16  # a ray looks at each face that it meets
MOST_AT_VERTEX = 512  # each face at a vertex is compared with all others there
_MIXED = np.array([0.7548776662466927, 0.5698402909980532, 0.4301597090019468])  # tells different corners apart


def at_most_at_one_place(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Int[np.ndarray, " G"]:
    """The indices of the faces without those that have 16 others before them with the same corners."""
    if len(faces) <= MOST_AT_PLACE:
        return np.arange(len(faces))
    places = np.sort((vertices * _MIXED).sum(axis=1)[faces], axis=1)
    return np.flatnonzero(_before((places * _MIXED).sum(axis=1)) < MOST_AT_PLACE)


def corner_normals(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], crease_deg: float
) -> Float[np.ndarray, "F 3 3"]:
    """Normals of the corners of faces, smooth where faces meet at less than an angle; zero where there is none.

    A vertex of more than 512 faces counts as several, each of the next 512 of them.
    """
    corners = faces.reshape(-1).astype(np.int64)
    crowd = _before(corners) // MOST_AT_VERTEX
    if crowd.any():
        number = int(crowd.max()) + 1
        found, corners = np.unique(corners * number + crowd, return_inverse=True)
        vertices = vertices[found // number]
    faces = np.ascontiguousarray(corners.reshape(-1, 3), np.int64)
    normals = igl.per_corner_normals(np.ascontiguousarray(vertices, np.float64), faces, crease_deg)
    return np.nan_to_num(np.asarray(normals)).reshape(len(faces), 3, 3)


def _before(values: np.ndarray) -> Int[np.ndarray, " N"]:
    """How many equal values stand before each one."""
    order = np.argsort(values, kind="stable")
    is_first = np.r_[True, values[order][1:] != values[order][:-1]]
    starts = np.flatnonzero(is_first)
    before = np.empty(len(values), np.int64)
    before[order] = np.arange(len(values)) - starts[np.cumsum(is_first) - 1]
    return before
