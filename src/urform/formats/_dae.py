"""COLLADA files, turned y up."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from jaxtyping import Float

from urform.formats._polygons import polygon_mesh
from urform.formats._textures import Texture, Textures
from urform.geometry import UPRIGHT, WHITE, Material, TexturedMesh

_UP_AXES = {"X_UP": "x", "Y_UP": "y", "Z_UP": "z"}
_MOST = 20_000_000  # of nodes and polygons, each as often as it is shown
_PLACING = 500  # polygons that take as long as placing a geometry
_NO_NUMBER = re.compile(r"nan|inf|#", re.IGNORECASE)
# Tags of what is not read, and what it is called.
_UNREAD = {
    "instance_controller": "skins and morphs (`instance_controller`)",
    "ph": "polygons with holes (`ph`)",
    "skew": "sheared nodes (`skew`)",
}


def read_dae(path: Path) -> TexturedMesh:
    """Read the scene of a COLLADA file, in its own unit.

    Raises:
        ValueError: it is damaged, has no polygons, or has skins, morphs, sheared nodes or polygons with holes.
    """
    from collada import Collada
    from collada.common import DaeError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Collada(str(path), ignore=[DaeError])
    for tag, name in _UNREAD.items():
        if next(file.xmlnode.iter(file.tag(tag)), None) is not None:
            raise ValueError(f"{name} of COLLADA are not read, export it without")
    if file.scene is None:
        raise ValueError("shows no scene (`scene`), expected one with its geometries")
    _check_positions(file)
    if sum(_work(node, {}) for node in file.scene.nodes) > _MOST:
        raise ValueError("its nodes show their geometries too often, export it with fewer instances")
    pictures: dict[str, Texture] = {}
    textures = Textures()
    parts: list[TexturedMesh] = []
    left_out = {f"left out: {error}".splitlines()[0] for error in file.errors}
    for geometry in file.scene.objects("geometry"):
        for primitive in geometry.primitives():
            if hasattr(primitive, "nvertices") or hasattr(primitive, "ntriangles"):
                part = _part(primitive, path.parent, pictures, textures)
                parts.append(part.inside_out() if np.linalg.det(geometry.matrix[:3, :3]) < 0 else part)
            else:
                left_out.add("lines, left out")
    notes = [picture.note for picture in pictures.values() if picture.note]
    if not parts and left_out:
        raise ValueError("; ".join(sorted(left_out)))
    mesh = TexturedMesh.joined(parts, (*notes, *sorted(left_out)))
    axis = getattr(file.assetInfo, "upaxis", "Y_UP")
    return mesh.turned(UPRIGHT[_UP_AXES.get(axis, "y")])


def _check_positions(file: Any) -> None:
    """Refuse positions that are no numbers: the parser reads them as 0."""
    named = {
        each.get("source", "")[1:]
        for each in file.xmlnode.iter(file.tag("input"))
        if each.get("semantic") == "POSITION"
    }
    for source in file.xmlnode.iter(file.tag("source")):
        if source.get("id") in named and _NO_NUMBER.search("".join(source.itertext())):
            raise ValueError("has positions that are NaN or infinite, expected finite ones")


def _work(node: Any, known: dict[int, int]) -> int:
    """Nodes and triangles below a node; what is shown by several instances counts for each, and is looked at once."""
    if geometry := getattr(node, "geometry", None):
        return _PLACING + sum(len(primitive) for primitive in geometry.primitives)
    children = getattr(node, "children", ())
    if id(children) not in known:
        known[id(children)] = 1 + sum(_work(child, known) for child in children)
    return known[id(children)]


def _part(primitive: Any, folder: Path, pictures: dict[str, Texture], textures: Textures) -> TexturedMesh:
    corners = np.asarray(primitive.vertex_index, np.int64).reshape(-1)
    is_triangles = hasattr(primitive, "ntriangles")
    sizes = np.full(len(corners) // 3, 3) if is_triangles else np.asarray(primitive.original.vcounts, np.int64)
    uv = None
    if primitive.texcoordset:
        coordinates = np.asarray(primitive.texcoordset[0], np.float64)[:, :2]
        uv = coordinates[np.asarray(primitive.texcoord_indexset[0]).reshape(-1)]
    material, rgb = _material(primitive.material, folder, pictures, textures), _colors(primitive.original)
    if rgb is not None:
        material = Material(WHITE, material.texture)  # exporters write any diffuse color beside those of the vertices
    return polygon_mesh(np.asarray(primitive.vertex, np.float64), corners, sizes, uv=uv, rgb=rgb, materials=(material,))


def _colors(primitive: Any) -> Float[np.ndarray, "C 3"] | None:
    """The colors of the corners; None where there are none."""
    if not primitive.sources.get("COLOR"):
        return None
    offset, *_, source = primitive.sources["COLOR"][0]
    table = np.asarray(source.data, np.float64)
    which = np.asarray(primitive.index)[..., offset].reshape(-1)
    if table.ndim != 2 or table.shape[1] < 3 or (len(which) and which.max() >= len(table)):
        raise ValueError(f"its vertex colors have the shape {table.shape}, expected R, G, B for each that is named")
    return np.nan_to_num(table[which, :3]).clip(0, 1)


def _material(material: Any, folder: Path, pictures: dict[str, Texture], textures: Textures) -> Material:
    """The diffuse color or texture."""
    diffuse = None if material is None else material.effect.diffuse
    if diffuse is None:
        return Material()
    if isinstance(diffuse, tuple | list):
        return Material((float(diffuse[0]), float(diffuse[1]), float(diffuse[2])))
    name = unquote(diffuse.sampler.surface.image.path)
    if name not in pictures:
        pictures[name] = textures.read(folder / name.removeprefix("file://").replace("\\", "/"), name)
    pixels = pictures[name].pixels
    return Material() if pixels is None else Material((1.0, 1.0, 1.0), pixels)
