"""Labels, keypoints and colors of a surface: reading them, and the colors that labels are shown in."""

from __future__ import annotations

import colorsys
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from urform.files import read_npy
from urform.fitting import Scan, Surface
from urform.geometry import SurfacePoints, TexturedMesh

LABEL_SUFFIXES = (".txt", ".npy", ".json")


@dataclass(frozen=True)
class Labels:
    """A label for each vertex or each face of a mesh.

    Attributes:
        names: the labels that there are, in the order of their first use.
        index: label of each vertex or face, an index into `names`.
        per: what has the labels.
    """

    names: tuple[str, ...]
    index: Int[np.ndarray, " N"]
    per: Literal["vertex", "face"]

    def at(self, points: SurfacePoints, faces: Int[np.ndarray, "F 3"]) -> Int[np.ndarray, " N"]:
        """Labels of points on the mesh: of their face, or of its corner that is nearest to them."""
        if self.per == "face":
            return self.index[points.face]
        return self.index[faces[points.face, points.weights.argmax(axis=1)]]

    def named(self, index: Int[np.ndarray, " N"]) -> list[str]:
        """Names of labels."""
        return [self.names[value] for value in index]


def read_labels(path: Path, surface: Surface, name: str) -> Labels:
    """Read a label, an integer or a name, for each vertex or each face of a surface.

    The faces may be counted as the file has them, polygons included, or as the triangles that they are cut into.

    Args:
        path: one label a line (.txt), an array (.npy), or a list (.json).
        surface: what is labelled; where it has as many vertices as faces, the labels are the vertices'.
        name: of the surface, for messages.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or its number of labels is neither that of the vertices nor that of the faces.
    """
    texts = _read_texts(path)
    vertices, faces = len(surface.vertices), len(surface.faces)
    polygons = faces if surface.polygon is None else int(surface.polygon.max(initial=-1)) + 1
    if len(texts) == vertices:
        return _labels(texts, "vertex")
    if len(texts) == polygons and surface.polygon is not None:
        return _labels([texts[index] for index in surface.polygon], "face")
    if len(texts) == faces:
        return _labels(texts, "face")
    shown = f"{polygons:,} faces" + (f" ({faces:,} triangles)" if polygons != faces else "")
    raise ValueError(
        f"{path}: has {len(texts):,} labels, but {name} has {vertices:,} vertices and {shown}; expected a label for "
        "each of the ones or of the others"
    )


def group_labels(scan: Scan | None, name: str) -> Labels:
    """The labels that an OBJ file brings itself: the group of each face.

    Raises:
        ValueError: it has no groups, or is no OBJ file.
    """
    if scan is None or not scan.face_group:
        raise ValueError(f"{name}: is no OBJ file with groups (`g` lines), expected one, or a file with `labels`")
    return _labels(scan.face_group, "face")


def label_colors(count: int) -> UInt8[np.ndarray, "count 3"]:
    """Distinguishable RGB colors; the first ones are the same for every count."""
    hues = (0.58 + 0.381966 * np.arange(count)) % 1  # the golden angle: each new hue falls into the largest gap
    levels = [(0.62, 0.85), (0.85, 0.65), (0.4, 0.95)]
    rgb = [colorsys.hsv_to_rgb(hue, *levels[index // 8 % 3]) for index, hue in enumerate(hues)]
    return np.round(np.array(rgb).reshape(-1, 3) * 255).astype(np.uint8)


def color_at(mesh: TexturedMesh, points: SurfacePoints) -> Float[np.ndarray, "N 3"]:
    """Color in 0..1 of points on a mesh: material times vertex color times the texture's nearest pixel."""
    material = mesh.face_material[points.face]
    color = np.array([entry.rgb for entry in mesh.materials])[material]
    color = color * np.einsum("nk,nkd->nd", points.weights, mesh.corner_rgb[points.face])
    uv = np.einsum("nk,nkd->nd", points.weights, mesh.corner_uv[points.face])
    for index, entry in enumerate(mesh.materials):
        chosen = np.flatnonzero(material == index)
        if entry.texture is None or not len(chosen):
            continue
        height, width = entry.texture.shape[:2]
        column = np.floor(uv[chosen, 0] % 1 * width).astype(int).clip(max=width - 1)
        row = np.floor((1 - uv[chosen, 1] % 1) * height).astype(int).clip(max=height - 1)
        color[chosen] *= entry.texture[row, column] / 255
    return color.clip(0, 1)


def _labels(texts: Sequence[str], per: Literal["vertex", "face"]) -> Labels:
    numbers: dict[str, int] = {}
    index = [numbers.setdefault(text, len(numbers)) for text in texts]
    return Labels(tuple(numbers), np.array(index, np.int64), per)


def _read_texts(path: Path) -> list[str]:
    suffix = path.suffix.lower()
    if suffix not in LABEL_SUFFIXES:
        raise ValueError(f"{path}: labels must be in a file ending in {', '.join(LABEL_SUFFIXES)}, got {path.suffix!r}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of labels")
    if suffix == ".txt":
        try:
            return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not a text in UTF-8, expected one with a label a line") from error
    if suffix == ".json":
        content = _read_json(path)
        if not isinstance(content, list) or any(not isinstance(label, str | int) for label in content):
            raise ValueError(f"{path}: not a file of labels, expected a JSON list of integers or names")
        return [str(label) for label in content]
    expected = "labels must be integers or names of shape (N,)"
    array = read_npy(path, "iuU", expected)
    if array.ndim != 1:
        raise ValueError(f"{path}: {expected}, got {array.dtype} {array.shape}")
    return [str(label) for label in array]


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from error
