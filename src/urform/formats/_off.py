"""OFF files: polygons with the colors that their vertices or faces have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from urform.formats._polygons import polygon_mesh
from urform.geometry import WHITE, Material, TexturedMesh


class _Head(NamedTuple):
    """What the word at the beginning says of the vertices, and the lines that follow it."""

    has_normals: bool
    has_colors: bool
    rows: list[list[str]]


def read_off(path: Path) -> TexturedMesh:
    """Read a text OFF file.

    Raises:
        ValueError: it is damaged or cut off, or of a kind that is not read: binary, or not of three dimensions.
    """
    has_normals, has_colors, rows = _head(path.read_text("utf-8-sig", "replace"))
    vertices, faces = int(rows[0][0]), int(rows[0][1])
    if vertices < 0 or faces < 0:
        raise ValueError(f"has {vertices} vertices and {faces} faces by its header, expected at least 0")
    if len(rows) < 1 + vertices + faces:
        there = max(0, len(rows) - 1 - vertices)
        raise ValueError(
            f"has {there} of its {faces} faces, the file is cut off, or several vertices or faces share a line"
        )
    left = len(rows) - 1 - vertices - faces
    points = [[float(word) for word in row] for row in rows[1 : 1 + vertices]]
    for number, row in enumerate(points):
        if len(row) < 3:
            raise ValueError(f"vertex {number} has {len(row)} numbers in its line, expected at least 3")
    polygons = rows[1 + vertices : 1 + vertices + faces]
    sizes = np.array([int(row[0]) for row in polygons], np.int64)
    corner_rows = [[int(word) for word in row[1 : 1 + size]] for row, size in zip(polygons, sizes, strict=True)]
    for number, (row, size) in enumerate(zip(corner_rows, sizes, strict=True)):
        if size < 0 or len(row) < size:
            raise ValueError(f"face {number} has {len(row)} of its {size} corners, the file is cut off")
    corners = np.array([corner for row in corner_rows for corner in row], np.int64)
    start = 6 if has_normals else 3  # normals come before colors
    at_vertices = _colors([row[start : start + 3] for row in points]) if has_colors else None
    at_faces = _colors([[float(word) for word in row[1 + int(row[0]) :][:3]] for row in polygons])
    rgb = None
    if at_vertices is not None:
        rgb = at_vertices[corners.clip(0, vertices - 1)]
    elif at_faces is not None:
        rgb = np.repeat(at_faces, sizes, axis=0)
    xyz = np.array([row[:3] for row in points], np.float64).reshape(-1, 3)
    material = Material() if rgb is None else Material(WHITE)
    notes = (f"{left} lines after the last face, left out",) if left else ()
    return polygon_mesh(xyz, corners, sizes, rgb=rgb, materials=(material,), notes=notes)


def _head(text: str) -> _Head:
    """The word `OFF` may be omitted; letters before it, in any order, say what stands in the line of a vertex."""
    lines = [words for line in text.splitlines() if (words := line.partition("#")[0].split())]
    if lines and len(lines[0]) in (2, 3) and all(word.isdecimal() for word in lines[0]):
        return _Head(False, False, lines)
    word = re.match(r"((?:ST|C|N|4|st|c|n(?!OFF))*)(n?)(?:OFF|off|Off)", lines[0][0]) if lines else None
    if word is None:
        raise ValueError("does not begin with OFF, expected an OFF file")
    first = [each for each in (lines[0][0][word.end() :], *lines[0][1:]) if each]
    rows = [each for each in (first, *lines[1:]) if each]
    letters = word[1].upper()
    size = rows.pop(0)[0] if word[2] and rows else "3"  # nOFF has any number of dimensions, which comes first
    if "4" in letters or size != "3" or "BINARY" in lines[0]:
        raise ValueError(f"{' '.join(lines[0])} is not read, expected a text file of three dimensions")
    if not rows or len(rows[0]) < 2:
        raise ValueError("has no line with the numbers of its vertices and faces")
    return _Head("N" in letters, "C" in letters, rows)


def _colors(rows: list[list[float]]) -> np.ndarray | None:
    """Colors in 0..1 of numbers in 0..1 or 0..255; None where not every row has three of them."""
    if not rows or any(len(row) != 3 for row in rows):
        return None
    values = np.array(rows, np.float64)
    return (values / 255 if values.max() > 1 else values).clip(0, 1)
