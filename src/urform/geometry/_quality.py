"""How far a signed distance can be believed: does its zero lie on the surface, and nowhere else?"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

PROBE = 0.003  # distance from the surface at which its two sides are looked at, normalised units
_AROUND = 0.05  # spread of the other probes per axis, between the 0.07 and the 0.02 of training's near samples
_WITHIN = 0.95  # of the distance to the surface; the rest is for rounding


class SurfaceQuality(NamedTuple):
    """Two ways for a signed distance to be wrong.

    Attributes:
        lost: share of the visible surface without a change of sign: thin sheets, and shells open to the outside.
        jumps: share of points from which the sign changes on the way to a point nearer than the surface: places where
            the field has a zero and the mesh no surface, as across the opening of a box.
    """

    lost: float
    jumps: float

    @property
    def score(self) -> float:
        """0 is perfect; a zero in the air is worse than a sheet that is not there."""
        return self.lost + 10 * self.jumps


def surface_quality(
    distance: Callable[[np.ndarray], np.ndarray],
    surface: Float[np.ndarray, "N 3"],
    normals: Float[np.ndarray, "N 3"],
    rng: np.random.Generator,
) -> SurfaceQuality:
    """Probe a signed distance.

    Args:
        distance: points (N, 3) -> sdf (N,), in normalised space.
        surface: points on the visible surface.
        normals: of the surface there, unit vectors, either way round.
        rng: the randomness of the probes.
    """
    sides = np.stack([distance(surface + PROBE * normals), distance(surface - PROBE * normals)])
    lost = float(((sides < 0).sum(axis=0) != 1).mean())
    points = np.concatenate([surface + rng.normal(0, _AROUND, surface.shape), rng.uniform(-1, 1, surface.shape)])
    values = distance(points)
    ways = rng.normal(size=points.shape)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    # Within a ball of the radius |sdf| there is no surface, so there must be no change of sign.
    partners = distance(points + ways * (_WITHIN * np.abs(values))[:, None])
    return SurfaceQuality(lost, float(((values < 0) != (partners < 0)).mean()))
