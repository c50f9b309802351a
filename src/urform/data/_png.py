"""PNG in memory: the views of a data folder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16


def encode_png(picture: UInt8[np.ndarray, "H W C"] | UInt16[np.ndarray, "H W"]) -> bytes:
    """Encode an RGB or RGBA picture, or a grey one of 16 bits."""
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    done, buffer = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded as PNG")
    return buffer.tobytes()


def read_rgba(path: Path) -> UInt8[np.ndarray, "H W 4"]:
    """Read an RGBA view quickly.

    Raises:
        ValueError: the file is damaged or has no alpha channel.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        raise ValueError(f"{path}: not an RGBA picture, expected a rendered view; prepare the shape again")
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)
