"""Pictures of meshes that can be compared: all from one place, in one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh
from jaxtyping import Float, UInt8

from urform.geometry import TexturedMesh
from urform.pictures import on_white
from urform.render import THREE_QUARTER, Light, RayCaster

_MARGIN = 6
_STONE = (0.86, 0.88, 0.91)
_PLAIN, _COLORED = Light(ambient=0.3), Light(ambient=0.7)  # colors that mean something are shaded less


def draw_mesh(
    mesh: trimesh.Trimesh, vertex_rgb: Float[np.ndarray, "V 3"] | None = None, size: int = 320
) -> UInt8[np.ndarray, "S S 3"]:
    """One shaded picture on white.

    Shapes keep their size, so that you can compare pictures. `urform.render.render_shaded` makes each shape fill its
    picture instead.

    Args:
        mesh: in the unit ball, y up, front +z.
        vertex_rgb: colors in 0..1, instead of a light grey.
        size: pixels along an edge.
    """
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    rgb = np.broadcast_to(_STONE, vertices.shape) if vertex_rgb is None else vertex_rgb
    colors = (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)
    shown = TexturedMesh.from_trimesh(trimesh.Trimesh(vertices, faces, process=False, vertex_colors=colors))
    light = _PLAIN if vertex_rgb is None else _COLORED
    return on_white(RayCaster(shown).render(THREE_QUARTER, size, light, samples=9).color)


def trimmed(
    pictures: Sequence[UInt8[np.ndarray, "S S 3"] | None],
) -> list[UInt8[np.ndarray, "H W 3"] | None]:
    """Pictures without the white margin that all of them have, still in one scale; None stays None."""
    drawn = [picture for picture in pictures if picture is not None]
    if not drawn:
        return list(pictures)
    covered = np.any([(picture < 255).any(axis=2) for picture in drawn], axis=0)
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    if not len(rows):
        return list(pictures)
    window = tuple(slice(max(0, places[0] - _MARGIN), places[-1] + 1 + _MARGIN) for places in (rows, columns))
    return [None if picture is None else picture[window] for picture in pictures]
