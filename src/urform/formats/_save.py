"""Writing meshes in the formats of others, for printers too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from urform.formats._glb import glb_bytes
from urform.geometry import UPRIGHT

if TYPE_CHECKING:
    import trimesh

FORMATS = ("glb", "obj", "ply", "stl")
PRINT_SIZE_MM = 100.0  # longest side of what is to be printed


def printable(mesh: trimesh.Trimesh, size_mm: float = PRINT_SIZE_MM) -> trimesh.Trimesh:
    """A copy as slicers expect it: z up, standing on z = 0 in the middle of the plate, in millimetres.

    Args:
        mesh: y up, front +z.
        size_mm: its longest side.

    Raises:
        ValueError: the size is not positive.
    """
    if not 0 < size_mm < float("inf"):
        raise ValueError(f"--size must be positive, got {size_mm}")
    copy = mesh.copy()
    vertices = np.asarray(copy.vertices, np.float64) @ UPRIGHT["z"]
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = (low + high) / 2
    copy.vertices = (vertices - [middle[0], middle[1], low[2]]) * (size_mm / (high - low).max())
    return copy


def mesh_bytes(mesh: trimesh.Trimesh, kind: str) -> bytes:
    """A mesh as a file in memory.

    Raises:
        ValueError: a kind other than glb, obj, ply and stl.
    """
    if kind not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {kind!r}")
    if kind == "glb":
        return glb_bytes(mesh)
    content = mesh.export(file_type=kind)
    return content.encode() if isinstance(content, str) else bytes(content)


def save_mesh(mesh: trimesh.Trimesh, path: Path) -> None:
    """Write a mesh atomically, its format told by the suffix.

    Raises:
        ValueError: a suffix other than .glb, .obj, .ply and .stl.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise ValueError(f"{path}: meshes are written as {', '.join(FORMATS)}, got {path.suffix!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        partial.write_bytes(mesh_bytes(mesh, kind))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
