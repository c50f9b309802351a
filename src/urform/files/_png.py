"""PNG in memory: the views of a data folder."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from urform.files._nameless import utf8_path

MAX_PIXELS = 100_000_000  # of a view, by the header of its PNG file


def encode_png(picture: UInt8[np.ndarray, "H W C"] | UInt16[np.ndarray, "H W"]) -> bytes:
    """Encode an RGB or RGBA picture, or a grey one of 16 bits."""
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    done, buffer = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded as PNG")
    return buffer.tobytes()


def read_png(path: Path) -> np.ndarray | None:
    """Read a picture as OpenCV has it, BGR; None where it is damaged, or too large to be a view."""
    if not path.is_file():  # opening a pipe would wait for ever
        return None
    try:
        with path.open("rb") as file:
            signature, width, height = struct.unpack(">8s8x2I", file.read(24))
        if signature != b"\x89PNG\r\n\x1a\n" or width * height > MAX_PIXELS:
            return None
        with utf8_path(path) as name:
            return cv2.imread(name, cv2.IMREAD_UNCHANGED)
    except (OSError, struct.error, cv2.error):
        return None


def read_rgba(path: Path) -> UInt8[np.ndarray, "H W 4"]:
    """Read an RGBA view quickly.

    Raises:
        ValueError: the file is damaged or has no alpha channel.
    """
    picture = read_png(path)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        raise ValueError(f"{path}: not an RGBA picture, expected a rendered view; prepare the shape again")
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)
