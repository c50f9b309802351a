"""Signed distance of a triangle mesh: exact distance, sign by a method that can be exchanged."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import igl
import numpy as np
from jaxtyping import Bool, Float, Int

from urform.geometry._mesh import face_normals
from urform.geometry._orientation import orient
from urform.geometry._rays import RayScene, fibonacci_sphere

QUICK_DIRECTIONS = 8  # rays that settle the sign of most points
QUICK_ESCAPES = 2  # of them, before a point in front of its nearest face counts as outside
HIDDEN_DIRECTIONS = 128  # a cavity stays closed behind a slit that shows less than about a hundredth of all directions
GUARD_DIRECTIONS, GUARD_ESCAPES = 32, 3  # more than a tenth of all directions must be open


class Nearest(NamedTuple):
    """What the distance query found for N points: the nearest face, and the way from its nearest point to the query."""

    face: Int[np.ndarray, " N"]
    offset: Float[np.ndarray, "N 3"]


InsideTest = Callable[[np.ndarray, Nearest], np.ndarray]
"""points (N, 3) and their nearest faces -> inside (N,) of bool."""
SignMethod = Callable[[np.ndarray, np.ndarray], InsideTest]
"""vertices (V, 3), faces (F, 3) of a cleaned mesh -> its inside test."""


def winding_sign(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> InsideTest:
    """Inside where the generalised winding number exceeds one half, faces first oriented by what sees the outside.

    Right for nearly watertight meshes, also with overlapping parts and flipped faces. A cavity is outside. In an object
    that is open by design, such as a box without a lid, some of the air counts as inside.

    Source: Barill 2018 (fast winding numbers).
    """
    oriented = orient(vertices, faces)

    def inside(points: Float[np.ndarray, "N 3"], nearest: Nearest | None = None) -> Bool[np.ndarray, " N"]:
        return _winds(vertices, oriented, points)

    return inside


def hidden_sign(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> InsideTest:
    """Inside where none of 128 rays leaves without touching the mesh.

    Blind to orientation and to doubled faces, and cavities closed to the outside count as solid; but the inside of
    anything with a hole is called outside.
    """
    scene = RayScene(vertices, faces)
    directions = fibonacci_sphere(HIDDEN_DIRECTIONS)

    def inside(points: Float[np.ndarray, "N 3"], nearest: Nearest | None = None) -> Bool[np.ndarray, " N"]:
        return ~scene.sees_outside(points, directions, start=0.0)

    return inside


def guarded_sign(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> InsideTest:
    """As `solid_sign`, but air that many rays escape from is outside whatever winds around it.

    Right for what is open by design, a lamp's shade, a box; around a hole where a face is missing it dents the inside.
    """
    solid, scene = solid_sign(vertices, faces), RayScene(vertices, faces)
    directions = fibonacci_sphere(GUARD_DIRECTIONS)

    def inside(points: Float[np.ndarray, "N 3"], nearest: Nearest) -> Bool[np.ndarray, " N"]:
        answer = solid(points, nearest)
        chosen = np.flatnonzero(answer)
        escapes = sum(scene.escape(points[chosen], direction).astype(int) for direction in directions)
        answer[chosen] = escapes <= GUARD_ESCAPES
        return answer

    return inside


def solid_sign(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> InsideTest:
    """Inside by winding number, or hidden from the outside: closed cavities are solid, as in the published recipe.

    Most points need neither. Where two of a few rays escape and the nearest face, turned outwards, is seen from its
    front, a point is outside; where none escapes and the face is seen from behind, it is inside. The winding number
    decides where the two do not agree, and what it calls outside is inside all the same where nothing escapes.
    """
    oriented = orient(vertices, faces)
    normals = face_normals(vertices, oriented)
    scene = RayScene(vertices, faces)
    quick, all_directions = fibonacci_sphere(QUICK_DIRECTIONS), fibonacci_sphere(HIDDEN_DIRECTIONS)

    def inside(points: Float[np.ndarray, "N 3"], nearest: Nearest) -> Bool[np.ndarray, " N"]:
        in_front = np.einsum("nk,nk->n", nearest.offset, normals[nearest.face]) > 0
        escapes = _escapes(scene, points, quick, in_front)
        answer = ~in_front & (escapes == 0)
        open_ones = np.flatnonzero(~answer & ~(in_front & (escapes >= QUICK_ESCAPES)))
        answer[open_ones] = _winds(vertices, oriented, points[open_ones])
        walled_in = open_ones[~answer[open_ones] & (escapes[open_ones] == 0)]
        answer[walled_in] = ~scene.sees_outside(points[walled_in], all_directions, start=0.0)
        return answer

    return inside


def _escapes(
    scene: RayScene, points: np.ndarray, directions: np.ndarray, in_front: Bool[np.ndarray, " N"]
) -> Int[np.ndarray, " N"]:
    """How many rays leave the scene; no longer counted than until it decides."""
    count = np.zeros(len(points), np.int64)
    waiting = np.arange(len(points))
    enough = np.where(in_front, QUICK_ESCAPES, 1)
    for direction in directions:
        count[waiting] += scene.escape(points[waiting], direction)
        waiting = waiting[count[waiting] < enough[waiting]]
        if not len(waiting):
            break
    return count


def _winds(vertices: np.ndarray, oriented: np.ndarray, points: np.ndarray) -> Bool[np.ndarray, " N"]:
    if not len(points):
        return np.zeros(0, bool)
    return np.asarray(igl.fast_winding_number(vertices, oriented, np.ascontiguousarray(points, np.float64))) > 0.5


SIGNS: dict[str, SignMethod] = {
    "solid": solid_sign,
    "winding": winding_sign,
    "guarded": guarded_sign,
    "hidden": hidden_sign,
}
"""The sign methods by name."""


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
        squared, face, closest = igl.point_mesh_squared_distance(points, self._vertices, self._faces)
        inside = self._inside(points, Nearest(np.asarray(face), points - closest))
        return np.where(inside, -1.0, 1.0) * np.sqrt(squared)
