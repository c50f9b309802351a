"""3MF files, turned y up."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from urform.formats._threemf_colors import Colors
from urform.geometry import UPRIGHT, TexturedMesh

LARGEST_MODEL = 1 << 30  # bytes of the models in the archive once they are unpacked
MOST_FACES = 20_000_000  # of all instances of all objects
PLACING = 500  # triangles that take as long as placing an instance
LARGEST_RELATIONS = 1 << 20  # bytes of what says where the package begins
# What a file may require: these say nothing of where a surface lies, or are read.
_EXTENSIONS = re.compile(r"/3dmanufacturing/(core|material|production|trianglesets|(production/)?alternatives)/")
_SUPPORTS = ("solidsupport", "support")  # hold a part while it is printed, and are no part of it
_UNREAD = re.compile(rb"<(?:\w+:)?(beamlattice|slicestack|displacementmesh|booleanshape|levelset)\b")


def read_3mf(path: Path) -> TexturedMesh:
    """Read what a 3MF file builds, in its own unit, with its colors; the format has z up.

    Raises:
        ValueError: it is damaged, has no triangles, or a shape that is not made of triangles.
    """
    with zipfile.ZipFile(path) as archive:
        package = _Package(archive)
        parts = list(package.built())
    mesh = TexturedMesh.joined(parts, tuple(dict.fromkeys(package.notes)))
    return mesh.turned(UPRIGHT["z"])


class _Package:
    """The models of a file by their names in the archive; objects refer to one another across them.

    Args:
        archive: the file.
    """

    def __init__(self, archive: zipfile.ZipFile):
        models = [info for info in archive.infolist() if info.filename.lower().endswith(".model")]
        if not models:
            raise ValueError("has no `.model` in it, expected a 3MF package")
        named = _started(archive) or "3d/3dmodel.model"
        first = next((info for info in models if info.filename.lower().endswith(named)), models[0])
        if (size := sum(info.file_size for info in models)) > LARGEST_MODEL:
            raise ValueError(f"its models are {size / 2**30:.1f} GiB large, expected at most 1 GiB")
        self._archive, self._first = archive, first.filename
        self._roots = {info.filename: _parse(archive, info) for info in models}
        for root in self._roots.values():
            _check_required(root)
        self._objects: dict[tuple[str, str | None], Any] = {}
        for name, root in self._roots.items():
            for element in _all(root, "object"):
                if (name, element.get("id")) in self._objects:
                    raise ValueError(f"object {element.get('id')} of {name} is there twice")
                self._objects[name, element.get("id")] = element
        self._supports = 0
        self._colors = {name: Colors(root, archive) for name, root in self._roots.items()}
        self._meshes: dict[tuple[str, str | None], TexturedMesh] = {}
        self._faces = 0

    @property
    def notes(self) -> list[str]:
        """What was left out."""
        supports = [f"{self._supports} supports of a printer, left out"] if self._supports else []
        return [*(note for colors in self._colors.values() for note in colors.notes), *supports]

    def built(self) -> Iterator[TexturedMesh]:
        """Each instance of each object that is to be built."""
        items = list(_all(self._roots[self._first], "item"))
        if not items:
            raise ValueError("builds nothing, expected an `item` in its `build`")
        for item in items:
            yield from self._instances(self._first, item, np.eye(4), ())

    def _instances(
        self, model: str, reference: Any, outer: np.ndarray, above: tuple[tuple[str, str | None], ...]
    ) -> Iterator[TexturedMesh]:
        """The meshes of what an item or component refers to."""
        elsewhere = next((value.strip("/") for name, value in reference.items() if name.endswith("path")), model)
        key = (elsewhere, reference.get("objectid"))
        if key not in self._objects:
            raise ValueError(f"object {key[1]} of {key[0]} is referred to and not there")
        if key in above:
            raise ValueError(f"object {key[1]} is a part of itself")
        matrix = outer @ _matrix(reference.get("transform"))
        element = self._objects[key]
        if element.get("type") in _SUPPORTS:
            self._supports += 1
            return
        if mesh := self._mesh(key, element):
            self._count(len(mesh.faces) + PLACING)
            placed = mesh.turned(matrix[:3, :3]).moved(matrix[:3, 3], 1.0)
            yield placed.inside_out() if np.linalg.det(matrix[:3, :3]) < 0 else placed
        for component in _all(element, "component"):
            self._count(1)  # empty ones multiply, too
            yield from self._instances(elsewhere, component, matrix, (*above, key))

    def _count(self, faces: int) -> None:
        self._faces += faces
        if self._faces > MOST_FACES:
            raise ValueError("it shows its objects too often, export it with fewer instances")

    def _mesh(self, key: tuple[str, str | None], element: Any) -> TexturedMesh | None:
        """The triangles of an object, read once."""
        shape = element.find("{*}mesh")
        if shape is None:
            return None
        if key not in self._meshes:
            vertices = np.array(
                [[float(each.get(axis)) for axis in "xyz"] for each in _all(shape, "vertex")], np.float64
            ).reshape(-1, 3)
            triangles = list(_all(shape, "triangle"))
            faces = np.array([[int(each.get(name)) for name in ("v1", "v2", "v3")] for each in triangles], np.int64)
            faces = faces.reshape(-1, 3)
            if len(faces) and not (faces.min() >= 0 and faces.max() < len(vertices)):
                raise ValueError(f"a triangle names a vertex that is not there, the object has {len(vertices)}")
            skin = self._colors[key[0]].of(element, triangles)
            self._meshes[key] = TexturedMesh(vertices, faces, skin.uv, skin.rgb, skin.material, skin.materials)
        mesh = self._meshes[key]
        return mesh if len(mesh.faces) else None


def _started(archive: zipfile.ZipFile) -> str:
    """The model that the package begins with, in small letters; empty where the package does not say."""
    info = next((info for info in archive.infolist() if info.filename.lower() == "_rels/.rels"), None)
    if info is None or info.file_size > LARGEST_RELATIONS:
        return ""
    relations = _all(_parse(archive, info), "Relationship")
    targets = [each.get("Target", "") for each in relations if each.get("Type", "").lower().endswith("/3dmodel")]
    return targets[0].strip("/").lower() if targets else ""


def _check_required(root: Any) -> None:
    for prefix in root.get("requiredextensions", "").split():
        name = root.nsmap.get(prefix, prefix)
        if not _EXTENSIONS.search(f"{name}/"):
            raise ValueError(f"requires {name}, which is not read; export it without")


def _parse(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Any:
    import lxml.etree as etree

    content = archive.read(info)
    if match := _UNREAD.search(content):
        raise ValueError(f"3MF's `{match[1].decode()}` is not read, export it as triangles")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    return etree.fromstring(content, parser)


def _all(element: Any, tag: str) -> Iterator[Any]:
    return element.iter(f"{{*}}{tag}")


def _matrix(text: str | None) -> np.ndarray:
    """A transform of the format, rows of which are columns, as a matrix to multiply from the left."""
    matrix = np.eye(4)
    if text:
        values = np.array(text.split(), np.float64)
        if len(values) != 12:
            raise ValueError(f"a transform has {len(values)} numbers, expected 12")
        matrix[:3] = values.reshape(4, 3).T
    return matrix
