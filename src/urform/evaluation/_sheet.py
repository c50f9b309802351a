"""A picture of many reconstructions beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float, UInt8

from urform.geometry import Solid
from urform.inference import draw_mesh
from urform.pictures import Tile, contact_sheet, frame, on_white, read_view
from urform.render import THREE_QUARTER

_SIZE = 200  # pixels
_ACROSS = 2  # shapes side by side
_HEADS = ("input", "mesh", "true surface")


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
    shapes = [_shape(row) for row in rows]
    lines = [list(chain(*shapes[start : start + _ACROSS])) for start in range(0, len(shapes), _ACROSS)]
    return contact_sheet(lines, _SIZE, title=title)


def _shape(row: SheetRow) -> list[Tile]:
    true = _mesh(row.true) if isinstance(row.true, Solid) else _points(row.true)
    pictures = _input(row.view), None if row.found is None else _mesh(row.found), true
    headings = f"{row.value}  {row.name}", "", ""
    return [Tile(*each) for each in zip(pictures, _HEADS, headings, strict=True)]


def _input(file: Path) -> UInt8[np.ndarray, "S S 3"] | None:
    try:
        return on_white(frame(read_view(file), _SIZE))
    except ValueError:  # the view is damaged, which is why there is no mesh either
        return None


def _mesh(solid: Solid) -> UInt8[np.ndarray, "S S 3"]:
    return draw_mesh(trimesh.Trimesh(solid.vertices, solid.faces, process=False), size=_SIZE)


def _points(points: Float[np.ndarray, "N 3"]) -> UInt8[np.ndarray, "S S 3"]:
    """The points, near ones over far ones and lighter."""
    depth = points @ THREE_QUARTER.axes[2]
    order = np.argsort(depth)
    column, row = ((THREE_QUARTER.project(points[order]) * [1, -1] + 1) / 2 * _SIZE).astype(int).clip(0, _SIZE - 1).T
    shade = 90 + 110 * (depth[order] - depth.min()) / max(np.ptp(depth), 1e-9)
    picture = np.full((_SIZE, _SIZE, 3), 255, np.uint8)
    picture[row, column] = shade[:, None].astype(np.uint8)
    return picture
