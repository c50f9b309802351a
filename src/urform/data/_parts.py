"""Points of a shape that know which part they lie on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Parts(NamedTuple):
    """Points on the surface of a shape, and the part that each lies on.

    Attributes:
        points: in normalised space.
        part: index of each point's part.
        names: of the parts.
    """

    points: Float[np.ndarray, "P 3"]
    part: Int[np.ndarray, " P"]
    names: tuple[str, ...]
