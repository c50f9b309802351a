"""The bytes of the files that are made of a mesh."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np


def write_file(path: Path, content: bytes) -> None:
    """Write a file into a folder that nobody else reads yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def points_ply(points: np.ndarray) -> bytes:
    """A PLY file of points (N, 3)."""
    # Far from the origin single precision would move the points off the surface.
    wide = np.abs(points).max() > 1e3 * np.ptp(points, axis=0).max()
    kind = "double" if wide else "float"
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(points)}\nproperty {kind} x\nproperty {kind} y\nproperty {kind} z\nend_header\n"
    )
    return header.encode() + points.astype("<f8" if wide else "<f4").tobytes()


def npz(**arrays: np.ndarray) -> bytes:
    """An npz file of named arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
