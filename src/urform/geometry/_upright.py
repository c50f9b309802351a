"""Which way is up: what turns a mesh y up."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

Up = Literal["y", "z"]
UPRIGHT = {
    "x": np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
    "y": np.eye(3),
    "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}
"""By the axis that points up: the rotation after which y does (`rotation @ vertex`)."""
_TURNED = frozenset({".3mf", ".dae"})


def up_of(path: Path, up: Up) -> Up:
    """Which axis points up once a file is read: COLLADA and 3MF say it themselves, and are read y up."""
    return "y" if path.suffix.lower() in _TURNED else up
