"""A mesh that is to be prepared, and what can be said of it before it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from urform.data._archive import archive_stem
from urform.data._layout import ShapeKey
from urform.geometry import MESH_SUFFIXES

DATASET = "shapes"
CATEGORY = "object"
PACKED_SUFFIXES = frozenset({".gz", ".xz", ".bz2", ".7z", ".rar", ".zst"})
# Three-dimensional data that urform does not read: never dropped silently.
FOREIGN_SUFFIXES = frozenset(
    {
        ".3dm",
        ".3ds",
        ".abc",
        ".blend",
        ".blend1",
        ".c4d",
        ".dwg",
        ".dxf",
        ".fbx",
        ".iges",
        ".igs",
        ".lwo",
        ".ma",
        ".max",
        ".mb",
        ".skp",
        ".step",
        ".stp",
        ".usd",
        ".usda",
        ".usdc",
        ".usdz",
        ".wrl",
        ".x3d",
    }
)


@dataclass(frozen=True)
class Source:
    """A mesh that is to be prepared.

    Attributes:
        key: what it is called in the data folder.
        path: the mesh file.
        family: a group of shapes so alike that they must lie on one side of a split; empty where it is unknown.
        is_test: whether a list puts it into the test split; None where nothing says so.
        problem: why it cannot be prepared, known before the file is opened; empty where nothing is known against it.
        rotation: nine numbers, row by row, of the matrix that turns the file's vertices upright and to the front
            (`matrix @ vertex`); None where they are so already.
    """

    key: ShapeKey
    path: Path
    family: str = ""
    is_test: bool | None = None
    problem: str = ""
    rotation: tuple[float, ...] | None = None


def file_problem(path: Path) -> str:
    """What is wrong with a file that should be a mesh, by its name and existence alone; empty where nothing is."""
    try:
        return _file_problem(path)
    except PermissionError:
        return f"{path}: may not be read, change its permissions"


def _file_problem(path: Path) -> str:
    suffix = path.suffix.lower()
    if path.is_symlink() and not path.exists():
        return f"{path}: is a broken link to {path.readlink()}; mend or remove it"
    if not path.exists():
        return f"{path}: no such file, expected a mesh"
    if suffix in MESH_SUFFIXES:
        return "" if path.is_file() else f"{path}: is no file, expected a mesh"
    if suffix == ".sh3f":
        return f"{path}: is a furniture library, give it as MESHES itself"
    if archive_stem(path.name):
        return f"{path}: is an archive, unpack it with `urform data fetch`"
    if suffix in PACKED_SUFFIXES:
        return f"{path}: is packed, unpack it by hand"
    return f"{path}: cannot be read, convert it to .glb or .obj"
