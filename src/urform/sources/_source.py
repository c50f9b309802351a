"""A mesh that is to be prepared, and what can be said of it before it is opened."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from urform.data import ShapeKey, known_category
from urform.files import unique_names
from urform.formats import MESH_SUFFIXES
from urform.sources._archive import archive_stem

DATASET = "shapes"
CATEGORY = "object"
OWN_MESHES = frozenset({"SurfaceSamples", ".sources", ".staging"})
"""Folders of a data folder with mesh files, which `prepare` made itself."""
SHAPENET = "ShapeNetV2"
SHAPENET_MESH = Path("models", "model_normalized.obj")
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
        path: the mesh file; of one behind a URL, its place below the collection.
        family: a group of shapes so alike that they must lie on one side of a split; empty where it is unknown.
        is_test: whether a list puts it into the test split; None where nothing says so.
        problem: why it cannot be prepared, known before the file is opened; empty where nothing is known against it.
        rotation: nine numbers, row by row, of the matrix that turns the file's vertices upright and to the front
            (`matrix @ vertex`); None where they are so already.
        collection: URL of the folder that `path` is relative to; empty where the mesh is a file of this machine.
    """

    key: ShapeKey
    path: Path
    family: str = ""
    is_test: bool | None = None
    problem: str = ""
    rotation: tuple[float, ...] | None = None
    collection: str = ""

    @property
    def place(self) -> str:
        """Path or URL of the mesh file."""
        return f"{self.collection}/{self.path.as_posix()}" if self.collection else str(self.path)


def with_unique_names(sources: Sequence[Source]) -> list[Source]:
    """The sources, of equal names the later ones with `_2` and so on."""
    names = unique_names(str(source.key) for source in sources)
    return [replace(source, key=ShapeKey.parse(name)) for source, name in zip(sources, names, strict=True)]


def no_mesh(place: Path | str) -> ValueError:
    """What is to be raised where there is nothing to prepare."""
    return ValueError(f"{place}: no mesh in it, expected files ending in {', '.join(sorted(MESH_SUFFIXES))}")


def picked_synset(place: Path | str, synsets: Collection[str], category: str | None) -> str | None:
    """The one of the synsets of a ShapeNet root that `category` means; None where all of them are meant.

    Raises:
        ValueError: there are several, and it is none of them.
    """
    if category and (known := known_category(category, synsets)):
        return known
    if category and len(synsets) > 1:
        raise ValueError(
            f"{place}: holds the categories {', '.join(synsets)}; `category` must be one of them, got {category!r}"
        )
    return None


def is_litter(name: str) -> bool:
    """What macOS puts into archives and what a killed urform left behind."""
    return name == "__MACOSX" or name.startswith("._") or (name.startswith(".") and name.endswith(".partial"))


def is_wanted(name: str, folders: Container[str | None]) -> bool:
    """Whether a file is a mesh or looks like one, which must be named; an archive with its folder beside it is not."""
    suffix = PurePosixPath(name).suffix.lower()
    if is_litter(name):
        return False
    stem = archive_stem(name)
    if stem or suffix in PACKED_SUFFIXES:
        return stem not in folders
    return suffix in MESH_SUFFIXES or suffix in FOREIGN_SUFFIXES


def file_problem(path: Path) -> str:
    """What is wrong with a file that should be a mesh, by its name and existence alone; empty where nothing is."""
    try:
        return _file_problem(path)
    except PermissionError:
        return f"{path}: may not be read, change its permissions"


def _file_problem(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return f"{path}: is a broken link to {path.readlink()}; mend or remove it"
    if not path.exists():
        return f"{path}: no such file, expected a mesh"
    if path.suffix.lower() in MESH_SUFFIXES and not path.is_file():
        return f"{path}: is no file, expected a mesh"
    return name_problem(str(path))


def name_problem(place: str) -> str:
    """What is wrong with a path or URL that should be a mesh, by its ending alone; empty where nothing is."""
    suffix = PurePosixPath(place).suffix.lower()
    if suffix in MESH_SUFFIXES:
        return ""
    if suffix == ".sh3f":
        return f"{place}: is a furniture library, give it as MESHES itself"
    if archive_stem(place):
        return f"{place}: is an archive, unpack it with `urform data fetch`"
    if suffix in PACKED_SUFFIXES:
        return f"{place}: is packed, unpack it by hand"
    return f"{place}: cannot be read, convert it to .glb or .obj"
