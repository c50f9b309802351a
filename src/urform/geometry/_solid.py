"""A solid with its surface: the form in which evaluation compares shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import igl
import numpy as np
from jaxtyping import Bool, Float, Int

from urform.geometry._mesh import face_normals
from urform.geometry._sampling import sample_on_faces, sample_visible_surface


@dataclass(frozen=True)
class Solid:
    """A triangle mesh and what lies in it.

    Attributes:
        vertices: (V, 3) in normalised space.
        faces: (F, 3).
        contains: points (N, 3) -> inside (N,) of bool.
        visible: whether only the surface that can be seen from outside counts: meshes as people make them have parts
            within others.
    """

    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    contains: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    visible: bool = False

    @classmethod
    def watertight(cls, vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Solid:
        """The solid of a watertight mesh whose faces look outwards, as iso-surfaces have them."""
        vertices, faces = np.ascontiguousarray(vertices, np.float64), np.ascontiguousarray(faces, np.int64)

        def contains(points: Float[np.ndarray, "N 3"]) -> Bool[np.ndarray, " N"]:
            winding = igl.fast_winding_number(vertices, faces, np.ascontiguousarray(points, np.float64))
            return np.asarray(winding) > 0.5

        return cls(vertices, faces, contains)

    def sample(
        self, count: int, rng: np.random.Generator
    ) -> tuple[Float[np.ndarray, "count 3"], Float[np.ndarray, "count 3"]]:
        """Area-uniform points on the surface, and the normals of their faces, turned either way.

        Raises:
            ValueError: the surface has no area, or hardly any of it is visible.
        """
        draw = sample_visible_surface if self.visible else sample_on_faces
        points, face = draw(self.vertices, self.faces, count, rng)
        return points, face_normals(self.vertices, self.faces)[face]
