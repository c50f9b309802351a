"""Which side of each face is the outer one."""

from __future__ import annotations

import igl
import numpy as np
from jaxtyping import Float, Int

from urform.geometry._mesh import face_normals
from urform.geometry._rays import RayScene

RAYS = 20_000  # spread over the patches by their area ...
LEAST_RAYS = 10  # ... and never fewer a patch
START = 1e-4  # off the face that a ray starts from, normalised units


def orient(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Int[np.ndarray, "F 3"]:
    """The faces, each turned to the side that sees the outside.

    Faces that meet in edges of two form patches, whose faces are turned alike. Each patch is then turned to the side on
    which more of its rays leave the scene. On a tie it is turned to the side on which they go farther. libigl's own
    `reorient_facets_raycast` does the same with random numbers of its own, which differ from call to call: not the same
    bytes twice.

    Args:
        vertices: in normalised space.
        faces: see `clean`.

    Source: Takayama 2014.
    """
    aligned = igl.bfs_orient(np.ascontiguousarray(faces, np.int64))
    oriented, patch = (np.asarray(array).astype(np.int64) for array in aligned)
    origins, normals, of_patch = _places(vertices, oriented, patch)
    directions = np.random.default_rng(0).normal(size=origins.shape)
    directions *= np.sign(np.einsum("nk,nk->n", directions, normals))[:, None]
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    scene, count = RayScene(vertices, faces), int(patch.max()) + 1
    escapes, reach = [], []
    for way in (directions, -directions):
        hits = scene.first_hits(origins + START * way, way)
        gone = hits.face < 0
        escapes.append(np.bincount(of_patch[gone], minlength=count))
        reach.append(np.bincount(of_patch[~gone], hits.distance[~gone], minlength=count))
    inwards = (escapes[0] < escapes[1]) | ((escapes[0] == escapes[1]) & (reach[0] < reach[1]))
    return np.ascontiguousarray(np.where(inwards[patch][:, None], oriented[:, ::-1], oriented))


def _places(
    vertices: np.ndarray, faces: np.ndarray, patch: np.ndarray
) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"], Int[np.ndarray, " N"]]:
    """Where the rays of each patch start, uniform over its area: point, normal of the face there, patch."""
    corners = vertices[faces]
    double_areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    order = np.argsort(patch, kind="stable")
    ends = np.cumsum(np.maximum(double_areas[order], 1e-30))
    last = np.flatnonzero(np.append(np.diff(patch[order]) != 0, True))  # of each patch, in this order
    upper = ends[last]
    lower = np.concatenate([[0.0], upper[:-1]])
    counts = np.maximum(LEAST_RAYS, np.round(RAYS * (upper - lower) / ends[-1])).astype(int)
    rng = np.random.default_rng(0)
    number = np.repeat(np.arange(len(last)), counts)
    chosen = order[np.searchsorted(ends, lower[number] + rng.random(len(number)) * (upper - lower)[number])]
    along, across = rng.random((2, len(number), 1))
    along, across = np.where(along + across > 1, 1 - along, along), np.where(along + across > 1, 1 - across, across)
    first, second, third = corners[chosen].transpose(1, 0, 2)
    points = first + along * (second - first) + across * (third - first)
    return points, face_normals(vertices, faces)[chosen], patch[order][last][number]
