"""A picture of what went in and what came out."""

from __future__ import annotations

import numpy as np
import trimesh
from jaxtyping import UInt8

from urform.data._framing import frame, on_white
from urform.geometry import TexturedMesh
from urform.render import Camera, RayCaster

# Azimuth (90 is the front) and elevation, degrees: three-quarter front, front, side, three-quarter back.
VIEWS = ((50.0, 20.0), (90.0, 10.0), (0.0, 10.0), (230.0, 25.0))
_MARGIN = 1.04


def preview(image: UInt8[np.ndarray, "H W C"], mesh: trimesh.Trimesh, size: int = 256) -> UInt8[np.ndarray, "S W2 3"]:
    """Show the input beside four shaded views of the mesh, on white.

    Args:
        image: the input, RGB or RGBA; with transparency it is framed to the object.
        mesh: y up, z to the front, in any unit and place.
        size: pixels along an edge of each of the five pictures.
    """
    alpha = image[..., 3:] if image.shape[2] == 4 else np.full((*image.shape[:2], 1), 255, np.uint8)
    panels = [on_white(frame(np.concatenate([image[..., :3], alpha], axis=2), size, fill=0.94))]
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    vertices = vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    radius = max(float(np.linalg.norm(vertices, axis=1).max()), 1e-9)
    shown = TexturedMesh.from_trimesh(trimesh.Trimesh(vertices / radius, mesh.faces, process=False))
    caster = RayCaster(shown)
    for azimuth_deg, elevation_deg in VIEWS:
        camera = _framing_camera(azimuth_deg, elevation_deg, shown.vertices)
        panels.append(on_white(caster.render(camera, size, samples=4).colour))
    return np.concatenate(panels, axis=1)


def _framing_camera(azimuth_deg: float, elevation_deg: float, vertices: np.ndarray) -> Camera:
    """A camera that sees all vertices of an object in the unit ball, no further away than it must be."""
    probe = Camera(azimuth_deg, elevation_deg, 10.0)
    local = vertices @ probe.axes.T
    half_view = probe.sensor_mm / (2 * probe.focal_mm)
    # A vertex at (x, y, depth towards the camera) is inside where |x| <= (distance - depth) * half_view.
    distance = float((np.abs(local[:, :2]).max(axis=1) * _MARGIN / half_view + local[:, 2]).max())
    return Camera(azimuth_deg, elevation_deg, max(distance, 1.05))
