"""Which way is up: what turns a mesh y up."""

from __future__ import annotations

import numpy as np

UPRIGHT = {
    "x": np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
    "y": np.eye(3),
    "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}
"""By the axis that points up: the rotation after which y does (`rotation @ vertex`)."""
