"""A picture of many reconstructions beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import trimesh
from jaxtyping import Float, UInt8

from urform.geometry import Solid, TexturedMesh
from urform.pictures import frame, on_white, read_view
from urform.render import Camera, Light, RayCaster

# Three-quarter front; from this far the unit ball, in which all shapes are, just fits into the picture: sizes compare.
_CAMERA = Camera(azimuth_deg=50.0, elevation_deg=20.0, distance=2.45)
_SIZE = 200  # pixels
_LINE = 22
_ACROSS = 2  # shapes side by side
_HEADS = ("input", "mesh", "true surface")
_GREY, _WARNING = (90, 90, 90), (200, 60, 70)


@dataclass(frozen=True)
class SheetRow:
    """One shape of the sheet.

    Attributes:
        name: of the shape.
        value: of the metric, as text.
        view: file of the input.
        found: what was made of it; None where there is no surface.
        true: the true mesh, or where that is not at hand points of its surface, in normalised space.
    """

    name: str
    value: str
    view: Path
    found: Solid | None
    true: Solid | Float[np.ndarray, "N 3"]


def draw_sheet(rows: Sequence[SheetRow], title: str) -> UInt8[np.ndarray, "H W 3"]:
    """Input, mesh and true surface of each shape, in reading order."""
    panels = [_shape(row) for row in rows]
    panels += [np.full_like(panels[0], 255)] * (-len(panels) % _ACROSS)
    lines = [np.concatenate(panels[start : start + _ACROSS], axis=1) for start in range(0, len(panels), _ACROSS)]
    return np.concatenate([_text([title], lines[0].shape[1]), *lines])


def _shape(row: SheetRow) -> UInt8[np.ndarray, "H W 3"]:
    pictures = [_input(row.view), _nothing() if row.found is None else _mesh(row.found)]
    pictures.append(_mesh(row.true) if isinstance(row.true, Solid) else _points(row.true))
    width = len(pictures) * _SIZE
    head = _text([f"{row.value}  {row.name}"], width)
    return np.concatenate([head, np.concatenate(pictures, axis=1), _text(_HEADS, width)])


def _input(file: Path) -> UInt8[np.ndarray, "S S 3"]:
    try:
        return on_white(frame(read_view(file), _SIZE))
    except ValueError:  # the view is damaged, which is why there is no mesh either
        return _nothing()


def _mesh(solid: Solid) -> UInt8[np.ndarray, "S S 3"]:
    shown = TexturedMesh.from_trimesh(trimesh.Trimesh(solid.vertices, solid.faces, process=False))
    return on_white(RayCaster(shown).render(_CAMERA, _SIZE, Light(ambient=0.3)).color)


def _points(points: Float[np.ndarray, "N 3"]) -> UInt8[np.ndarray, "S S 3"]:
    """The points, near ones over far ones and lighter."""
    depth = points @ _CAMERA.axes[2]
    order = np.argsort(depth)
    column, row = ((_CAMERA.project(points[order]) * [1, -1] + 1) / 2 * _SIZE).astype(int).clip(0, _SIZE - 1).T
    shade = 90 + 110 * (depth[order] - depth.min()) / max(np.ptp(depth), 1e-9)
    picture = np.full((_SIZE, _SIZE, 3), 255, np.uint8)
    picture[row, column] = shade[:, None].astype(np.uint8)
    return picture


def _nothing() -> UInt8[np.ndarray, "S S 3"]:
    picture = np.full((_SIZE, _SIZE, 3), 255, np.uint8)
    return np.asarray(cv2.putText(picture, "no surface", (50, _SIZE // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _WARNING))


def _text(words: Sequence[str], width: int) -> UInt8[np.ndarray, "H W 3"]:
    """A line of texts, each at the left of its share of the width."""
    line = np.full((_LINE, width, 3), 255, np.uint8)
    for place, word in enumerate(words):
        start = (6 + place * width // len(words), _LINE - 7)
        # OpenCV's letters are those of ASCII.
        cv2.putText(
            line, word.encode("ascii", "replace").decode(), start, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _GREY, 1, cv2.LINE_AA
        )
    return line
