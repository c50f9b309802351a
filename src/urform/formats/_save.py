"""Writing meshes in the formats of others, for printers too."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from urform.files import replace_durably
from urform.formats._glb import glb_bytes
from urform.geometry import UPRIGHT

if TYPE_CHECKING:
    import trimesh

PRINT_SIZE_MM = 100.0  # longest side of what is to be printed
SIZES_MM = (0.001, 1_000_000)  # least and most of the longest side of an STL file


class MeshFormat(NamedTuple):
    """How meshes are written in a format.

    Attributes:
        save: writes a mesh to a path.
        for_printers: whether its files are for printers, see `printable`.
    """

    save: Callable[[trimesh.Trimesh, Path], object]
    for_printers: bool = False


def _save_glb(mesh: trimesh.Trimesh, path: Path) -> None:
    path.write_bytes(glb_bytes(mesh))


def _exporter(kind: str) -> Callable[[trimesh.Trimesh, Path], object]:
    return lambda mesh, path: mesh.export(path, file_type=kind)


FORMATS: dict[str, MeshFormat] = {
    "glb": MeshFormat(_save_glb),
    "obj": MeshFormat(_exporter("obj")),
    "ply": MeshFormat(_exporter("ply")),
    "stl": MeshFormat(_exporter("stl"), for_printers=True),
}
"""The formats that are written, by the suffix of their files."""


def check_size_mm(size_mm: float) -> None:
    """Raise a ValueError for a size that the numbers of an STL file cannot hold, or that no one means."""
    if not SIZES_MM[0] <= size_mm <= SIZES_MM[1]:
        raise ValueError(f"size_mm must be {SIZES_MM[0]} to {SIZES_MM[1]:,}, got {size_mm}")


def printable(mesh: trimesh.Trimesh, size_mm: float = PRINT_SIZE_MM) -> trimesh.Trimesh:
    """A copy as slicers expect it: z up, standing on z = 0 in the middle of the plate, in millimetres.

    Args:
        mesh: y up, front +z.
        size_mm: its longest side.

    Raises:
        ValueError: the size is out of range.
    """
    check_size_mm(size_mm)
    copy = mesh.copy()
    vertices = np.asarray(copy.vertices, np.float64) @ UPRIGHT["z"]
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = (low + high) / 2
    copy.vertices = (vertices - [middle[0], middle[1], low[2]]) * (size_mm / (high - low).max())
    return copy


def as_written(mesh: trimesh.Trimesh, file_format: str, size_mm: float = PRINT_SIZE_MM) -> trimesh.Trimesh:
    """The mesh as files of a format have it: `printable` where they are for printers, else as it is."""
    kind = FORMATS.get(file_format.lower().lstrip("."))
    return printable(mesh, size_mm) if kind is not None and kind.for_printers else mesh


def save_mesh(mesh: trimesh.Trimesh, path: Path) -> None:
    """Write a mesh atomically, its format told by the suffix.

    Raises:
        ValueError: the suffix is none of `FORMATS`.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise ValueError(f"{path}: meshes are written as {', '.join(FORMATS)}, got {path.suffix!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        FORMATS[kind].save(mesh, partial)
        replace_durably(partial, path)
    finally:
        partial.unlink(missing_ok=True)
