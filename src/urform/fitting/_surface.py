"""A surface in two coordinate systems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from urform.geometry import Normalisation


@dataclass(frozen=True)
class Surface:
    """Triangles of a subject.

    Attributes:
        vertices: in the subject's own coordinates.
        faces: vertex indices.
        normalisation: from there to the model's normalised space.
        is_own: whether it is the subject's own mesh, not one that the model made.
        polygon: the polygon of its file that each face is a piece of; None where the faces are the polygons.
    """

    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    normalisation: Normalisation
    is_own: bool
    polygon: Int[np.ndarray, " F"] | None = None

    @property
    def placed(self) -> Float[np.ndarray, "V 3"]:
        """The vertices in normalised space."""
        return self.normalisation.apply(self.vertices)
