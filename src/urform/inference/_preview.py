"""A picture of what went in and what came out."""

from __future__ import annotations

import numpy as np
import trimesh
from jaxtyping import UInt8

from urform.pictures import frame, on_white
from urform.render import Camera, render_shaded

# Azimuth (90 is the front) and elevation, degrees: three-quarter front, front, side, three-quarter back.
SHOWN_FROM = ((50.0, 20.0), (90.0, 10.0), (0.0, 10.0), (230.0, 25.0))


def preview(
    image: UInt8[np.ndarray, "H W C"], mesh: trimesh.Trimesh, camera: Camera | None = None, size: int = 256
) -> UInt8[np.ndarray, "S W2 3"]:
    """Show the input beside four views of the mesh, on white.

    Args:
        image: the input, RGB or RGBA; with transparency it is framed to the object.
        mesh: y up, z to the front, in any unit and place; with its colors, where it has some.
        camera: of the input, where it is known: the first view is from there, for the one from the three-quarter front.
        size: pixels along an edge of each of the five pictures.
    """
    alpha = image[..., 3:] if image.shape[2] == 4 else np.full((*image.shape[:2], 1), 255, np.uint8)
    panels = [on_white(frame(np.concatenate([image[..., :3], alpha], axis=2), size, fill=0.94))]
    views = SHOWN_FROM if camera is None else ((camera.azimuth_deg, camera.elevation_deg), *SHOWN_FROM[1:])
    panels += [on_white(picture) for picture in render_shaded(mesh, views, size)]
    return np.concatenate(panels, axis=1)
