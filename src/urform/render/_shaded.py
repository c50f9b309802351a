"""Pictures of a bare mesh, wherever it is and however large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import trimesh
from jaxtyping import UInt8

from urform.geometry import TexturedMesh
from urform.render._camera import Camera
from urform.render._raycast import RayCaster

_MARGIN = 1.04


def render_shaded(
    mesh: trimesh.Trimesh, views: Sequence[tuple[float, float]], size: int
) -> Iterator[UInt8[np.ndarray, "S S 4"]]:
    """Shaded views that the object fills.

    Args:
        mesh: y up, in any unit and place.
        views: azimuth (90 is the front) and elevation of each, degrees.
        size: pixels along an edge.
    """
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    vertices = vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    radius = max(float(np.linalg.norm(vertices, axis=1).max()), 1e-9)
    bare = trimesh.Trimesh(vertices / radius, mesh.faces, process=False)
    if mesh.visual is not None and mesh.visual.defined:
        bare.visual = mesh.visual.copy()
    shown = TexturedMesh.from_trimesh(bare)
    caster = RayCaster(shown)
    for azimuth_deg, elevation_deg in views:
        yield caster.render(_framing_camera(azimuth_deg, elevation_deg, shown.vertices), size, samples=4).color


def _framing_camera(azimuth_deg: float, elevation_deg: float, vertices: np.ndarray) -> Camera:
    """A camera that sees all vertices of an object in the unit ball, no further away than it must be."""
    probe = Camera(azimuth_deg, elevation_deg, 10.0)
    local = vertices @ probe.axes.T
    half_view = probe.sensor_mm / (2 * probe.focal_mm)
    # A vertex at (x, y, depth towards the camera) is inside where |x| <= (distance - depth) * half_view.
    distance = float((np.abs(local[:, :2]).max(axis=1) * _MARGIN / half_view + local[:, 2]).max())
    return Camera(azimuth_deg, elevation_deg, max(distance, 1.05))
