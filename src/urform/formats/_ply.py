"""PLY files: polygons or points with colors, normals and texture coordinates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from urform.formats._ply_elements import Element, Lists, read_elements
from urform.formats._polygons import polygon_mesh
from urform.formats._textures import Texture, Textures
from urform.geometry import WHITE, Material, TexturedMesh

_CORNERS = ("vertex_indices", "vertex_index")
_NORMALS = ("nx", "ny", "nz")
_COLORS = (("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue"), ("r", "g", "b"))
_COORDINATES = (("texture_u", "texture_v"), ("u", "v"), ("s", "t"))
_TEXTURE = "texturefile"
_READ = ("vertex", "face", "tristrips")


def read_ply(path: Path) -> TexturedMesh:
    """Read a PLY file; one without faces gives points.

    Raises:
        ValueError: it is damaged or cut off, or has no vertices.
    """
    elements, comments, left = read_elements(path)
    vertex, face = (elements.get(name, Element(0)) for name in ("vertex", "face"))
    vertices = _stack(vertex, ("x", "y", "z"))
    if vertices is None:
        raise ValueError("has no vertices with x, y and z, expected a mesh or points")
    lists = next((face.columns[name] for name in _CORNERS if name in face.columns), None)
    if not isinstance(lists, Lists):
        if face.count:
            raise ValueError(f"its faces have no list {' or '.join(_CORNERS)}, expected polygons")
        lists = _of_strips(elements.get("tristrips", Element(0)))
    corners, sizes = lists.values.astype(np.int64), lists.sizes
    in_range = corners.clip(0, max(len(vertices) - 1, 0))  # what is out of it is refused below
    rgb, at_faces = _colors(vertex), _colors(face)
    if rgb is not None:
        rgb = rgb[in_range]
    elif at_faces is not None:
        rgb = np.repeat(at_faces, sizes, axis=0)
    pictures = [comment[len(_TEXTURE) :].strip() for comment in comments if comment.lower().startswith(_TEXTURE)]
    uv = _uv(vertex, face, in_range, sizes)
    picture = Textures().read(path.parent / pictures[0], pictures[0]) if pictures and uv is not None else Texture(None)
    notes = [*left, *([picture.note] if picture.note else [])]
    others = [(name, each.count) for name, each in elements.items() if each.count and name not in _READ]
    notes += [f"{count} elements `{name}`, left out" for name, count in others]
    if len(pictures) > 1:
        notes.append(f"only the first of {len(pictures)} textures is used")
    color = Material().rgb if rgb is None and picture.pixels is None else WHITE
    return polygon_mesh(
        vertices,
        corners,
        sizes,
        uv=uv,
        rgb=rgb,
        materials=(Material(color, picture.pixels),),
        normals=_stack(vertex, _NORMALS),
        notes=tuple(notes),
    )


def _of_strips(element: Element) -> Lists:
    """The triangles of strips, in which -1 begins a new one; none where the file has no strips."""
    lists = next((element.columns[name] for name in _CORNERS if name in element.columns), None)
    if not isinstance(lists, Lists):
        return Lists(np.zeros(0, np.int64), np.zeros(0, np.int64))
    triangles = []
    for row in np.split(lists.values.astype(np.int64), np.cumsum(lists.sizes)[:-1]):
        for strip in np.split(row, np.flatnonzero(row == -1)):
            strip = strip[strip != -1]
            start = np.arange(max(len(strip) - 2, 0))
            triangles.append(
                np.stack([strip[start], strip[start + 1 + start % 2], strip[start + 2 - start % 2]], axis=1)
            )
    corners = np.concatenate(triangles) if triangles else np.zeros((0, 3), np.int64)
    return Lists(corners.reshape(-1), np.full(len(corners), 3))


def _stack(element: Element, names: tuple[str, ...]) -> Float[np.ndarray, "N D"] | None:
    """Columns beside one another; None where one is missing."""
    columns = [element.columns.get(name) for name in names]
    rows = [column for column in columns if isinstance(column, np.ndarray)]
    return np.stack(rows, axis=1).astype(np.float64) if len(rows) == len(names) else None


def _colors(element: Element) -> Float[np.ndarray, "N 3"] | None:
    """Colors in 0..1; None where there are none."""
    for names in _COLORS:
        values = _stack(element, names)
        if values is not None:
            whole = np.asarray(element.columns[names[0]]).dtype
            return values / np.iinfo(whole).max if whole.kind in "iu" else values.clip(0, 1)
    return None


def _uv(vertex: Element, face: Element, corners: np.ndarray, sizes: np.ndarray) -> Float[np.ndarray, "C 2"] | None:
    """Texture coordinates of the corners; None where there are none."""
    lists = face.columns.get("texcoord")
    if isinstance(lists, Lists) and (lists.sizes == 2 * sizes).all():
        return lists.values.reshape(-1, 2).astype(np.float64)
    found = [uv for names in _COORDINATES if (uv := _stack(vertex, names)) is not None]
    return found[0][corners] if found else None
