"""OBJ files with their vertices, faces and groups in the order of the file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Obj(NamedTuple):
    """What an OBJ file holds.

    Attributes:
        vertices: in the file's unit and order.
        normals: `vn` lines, in their order.
        faces: triangles; polygons are divided into fans.
        face_group: the part that each face belongs to, by `g` or `o` lines; empty where there are none.
    """

    vertices: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "M 3"]
    faces: Int[np.ndarray, "F 3"]
    face_group: tuple[str, ...]


def read_obj(path: Path) -> Obj:
    """Read an OBJ file, materials aside.

    Raises:
        ValueError: a line is damaged, or a face names a vertex that is not there.
    """
    vertices: list[tuple[float, float, float]] = []
    normals: list[tuple[float, float, float]] = []
    faces: list[tuple[int, int, int]] = []
    groups: list[str] = []
    group, object_name, any_group = "", "", False
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            word, rest = [*line.split(None, 1), "", ""][:2]
            try:
                if word == "v":
                    vertices.append(_three(rest))
                elif word == "vn":
                    normals.append(_three(rest))
                elif word == "f":
                    corners = [_index(text, len(vertices)) for text in rest.split()]
                    triangles = [(corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)]
                    faces += triangles
                    groups += [group or object_name] * len(triangles)
                elif word == "g":
                    group, any_group = rest.strip(), True
                elif word == "o":
                    object_name, any_group = rest.strip(), True
            except (ValueError, IndexError) as error:
                raise ValueError(f"{path}, line {number}: not a line of an OBJ file: {line.strip()!r}") from error
    points, triangles = np.array(vertices, float).reshape(-1, 3), np.array(faces, np.int64).reshape(-1, 3)
    if len(triangles) and not (triangles.min() >= 0 and triangles.max() < len(points)):
        raise ValueError(f"{path}: a face names a vertex that is not there, the file has {len(points)}")
    return Obj(points, np.array(normals, float).reshape(-1, 3), triangles, tuple(groups) if any_group else ())


def _three(text: str) -> tuple[float, float, float]:
    x, y, z = (float(word) for word in text.split()[:3])
    return x, y, z


def _index(text: str, count: int) -> int:
    """Vertex index of a corner like 3/1/2; negative ones count from the end."""
    index = int(text.split("/")[0])
    return index - 1 if index > 0 else count + index
