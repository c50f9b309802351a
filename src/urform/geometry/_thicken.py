"""Sheets given a thickness, so that a surface without an inside can be learned."""

from __future__ import annotations

import igl
import numpy as np
from jaxtyping import Bool, Float, Int

from urform.geometry._mesh import face_normals
from urform.geometry._quality import PROBE
from urform.geometry._signed_distance import SignedDistance

PLACES = np.array([[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4]]) / np.array([[3.0], [6], [6], [6]])
"""Barycentric coordinates of the places of a face at which its sides are looked at."""


class ThickenedDistance:
    """Signed distance of a mesh whose sheets, the faces with the outside on both sides, are slabs.

    Args:
        distance: of the mesh as it is.
        vertices: (V, 3) in normalised space.
        faces: (F, 3).
        thickness: of the slabs, normalised units.

    Attributes:
        sheets: which faces are sheets.

    """

    sheets: Bool[np.ndarray, " F"]

    def __init__(
        self,
        distance: SignedDistance,
        vertices: Float[np.ndarray, "V 3"],
        faces: Int[np.ndarray, "F 3"],
        thickness: float,
    ):
        self._distance, self._vertices, self._thickness = distance, vertices, thickness
        normals = face_normals(vertices, faces)
        places = np.einsum("pc,fck->fpk", PLACES, vertices[faces])
        sides = [
            distance((places + side * PROBE * normals[:, None]).reshape(-1, 3)).reshape(len(faces), -1) > 0
            for side in (1, -1)
        ]
        self.sheets = (sides[0] & sides[1]).mean(axis=1) >= 0.5
        self._faces, self._normals = np.ascontiguousarray(faces[self.sheets], np.int64), normals[self.sheets]

    def __call__(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
        if not self.sheets.any():
            return self._distance(points)
        points = np.ascontiguousarray(points, np.float64)
        squared, _, _ = igl.point_mesh_squared_distance(points, self._vertices, self._faces)
        return np.minimum(self._distance(points), np.sqrt(squared) - self._thickness / 2)

    def onto_slabs(
        self, surface: Float[np.ndarray, "N 3"], rng: np.random.Generator
    ) -> tuple[Float[np.ndarray, "M 3"], Int[np.ndarray, " M"]]:
        """Move points on sheets to a side of the slab.

        Returns:
            The points that did not come to lie inside, and which of the given ones they are.
        """
        squared, face, _ = igl.point_mesh_squared_distance(surface, self._vertices, self._faces)
        on_sheet = np.asarray(squared) < 1e-12  # nearer than a millionth: the rounding of points drawn on it
        side = rng.choice([-1.0, 1.0], len(surface))[:, None]
        moved = surface + np.where(on_sheet[:, None], side * self._normals[np.asarray(face)] * self._thickness / 2, 0.0)
        kept = np.flatnonzero(np.abs(self(moved)) < 1e-4)  # a fortieth of the thinnest slab that `thicken` takes
        return moved[kept], kept
