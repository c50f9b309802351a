"""The cameras of rendered views, from the metadata beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float

from urform.render import Camera

METADATA = "rendering_metadata.txt"


def read_eyes(views: Path) -> Float[np.ndarray, "V 3"]:
    """Where the cameras of a folder's views stand, in the order of their names.

    A view's line is `[azimuth, elevation, roll, distance, focal length, sensor, factor of the distance, shift],`.

    Args:
        views: folder of `00.png`, `01.png`, ... and their metadata; a missing one has no views.

    Returns:
        Places seen from the middle of the shape, in diagonals of its box.

    Raises:
        FileNotFoundError: there is no metadata.
        ValueError: they are damaged, or lack a view.
    """
    pictures = sorted(views.glob("*.png"))
    if not pictures:
        return np.zeros((0, 3))
    # Of views on white they may lie beside the others, from which these were made.
    places = [views / METADATA, views.with_name("image") / METADATA]
    path = next((place for place in places if place.exists()), places[0])
    try:
        lines = json.loads("[" + path.read_text().strip().rstrip(",") + "]")
        return np.array([_eye(*lines[int(picture.stem)]) for picture in pictures])
    except (ValueError, TypeError, IndexError) as error:
        raise ValueError(f"{path}: damaged, expected a line for each view ({error}); prepare it again") from error


def _eye(
    azimuth_deg: float,
    elevation_deg: float,
    _roll_deg: float,
    distance: float,
    _focal_mm: float,
    _sensor_mm: float,
    factor: float,
    *shift: float,
) -> Float[np.ndarray, " 3"]:
    x, y, z = shift or (0.0, 0.0, 0.0)
    return Camera(azimuth_deg, elevation_deg, factor * distance, shift=(x, y, z)).eye
