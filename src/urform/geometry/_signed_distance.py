"""Signed distance of a triangle mesh: exact distance, sign by a method that can be exchanged."""

from __future__ import annotations

from collections.abc import Callable

import igl
import igl.embree
import numpy as np
from jaxtyping import Bool, Float, Int

from urform.geometry._rays import RayScene, fibonacci_sphere

InsideTest = Callable[[np.ndarray], np.ndarray]
"""points (N, 3) -> inside (N,) of bool."""
SignMethod = Callable[[np.ndarray, np.ndarray], InsideTest]
"""vertices (V, 3), faces (F, 3) of a cleaned mesh -> its inside test."""


def winding_sign(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> InsideTest:
    """Inside where the generalised winding number exceeds one half, faces first oriented by what sees the outside.

    Holds on watertight and nearly watertight meshes, overlapping parts and flipped faces included.

    Source: Takayama 2014 (orientation), Barill 2018 (fast winding numbers).
    """
    flipped, _ = igl.embree.reorient_facets_raycast(vertices, faces, rays_total=20_000)
    oriented = np.ascontiguousarray(np.where(np.asarray(flipped)[:, None], faces[:, ::-1], faces))

    def inside(points: Float[np.ndarray, "N 3"]) -> Bool[np.ndarray, " N"]:
        return np.asarray(igl.fast_winding_number(vertices, oriented, np.ascontiguousarray(points, np.float64))) > 0.5

    return inside


def hidden_sign(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> InsideTest:
    """Inside where none of 128 rays leaves without touching the mesh.

    Blind to orientation and to doubled faces, and cavities closed to the outside count as solid; but the inside of
    anything with a hole is called outside.
    """
    scene = RayScene(vertices, faces)
    directions = fibonacci_sphere(128)

    def inside(points: Float[np.ndarray, "N 3"]) -> Bool[np.ndarray, " N"]:
        return ~scene.sees_outside(points, directions, start=0.0)

    return inside


def solid_sign(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> InsideTest:
    """Inside by winding number, or hidden from the outside: closed cavities are solid, as in the published recipe."""
    winding, hidden = winding_sign(vertices, faces), hidden_sign(vertices, faces)

    def inside(points: Float[np.ndarray, "N 3"]) -> Bool[np.ndarray, " N"]:
        answer = winding(points)
        answer[~answer] = hidden(points[~answer])
        return answer

    return inside


class SignedDistance:
    """Callable points (N, 3) -> sdf (N,) of a cleaned mesh, NEGATIVE inside, in the unit of the vertices.

    Args:
        vertices: (V, 3).
        faces: (F, 3), see `clean`.
        sign: how inside is told from outside.
    """

    def __init__(
        self, vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], sign: SignMethod = solid_sign
    ):
        self._vertices = np.ascontiguousarray(vertices, np.float64)
        self._faces = np.ascontiguousarray(faces, np.int64)
        self._inside = sign(self._vertices, self._faces)

    def __call__(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
        points = np.ascontiguousarray(points, np.float64)
        squared, _, _ = igl.point_mesh_squared_distance(points, self._vertices, self._faces)
        return np.where(self._inside(points), -1.0, 1.0) * np.sqrt(squared)
