"""The camera that a picture was taken with, placed so that the mesh lies where the object is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trimesh
from jaxtyping import Float, UInt8

from urform.geometry import TexturedMesh
from urform.models import PoseEstimate
from urform.pictures import OPAQUE
from urform.render import Camera, RayCaster

_ROUNDS = 6  # of setting focal length and shift; each leaves about a tenth of the error
_OVERLAP_SIZE = 64  # pixels


def check_seen(framed: UInt8[np.ndarray, "S S 4"]) -> UInt8[np.ndarray, "S S 4"]:
    """The framed picture itself.

    Raises:
        ValueError: nothing is left of the object, as it is so thin or small.
    """
    if not (framed[..., 3] > OPAQUE).any():
        size = len(framed)
        raise ValueError(f"nothing is left of the object at {size} x {size} pixels: it is too thin or too small")
    return framed


def place_camera(pose: PoseEstimate, mesh: trimesh.Trimesh, framed: UInt8[np.ndarray, "S S 4"]) -> Camera:
    """The camera of a framed picture; `project` gives places in it, which is [-1, 1]^2.

    Direction, roll and distance come from the estimate. Focal length and shift make the mesh fill the box that the
    object fills in the picture.

    Args:
        pose: of this one picture.
        mesh: what was made from it.
        framed: the picture.
    """
    vertices = np.asarray(mesh.vertices, np.float64)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    distance = float(pose.distance[0]) * float(np.linalg.norm(high - low))
    x, y, z = -(low + high) / 2
    azimuth, elevation, roll = (float(part[0]) for part in (pose.azimuth_deg, pose.elevation_deg, pose.roll_deg))
    camera = Camera(azimuth, elevation, distance, shift=(x, y, z), roll_deg=roll)
    seen_low, seen_high = _box(framed)
    for _ in range(_ROUNDS):
        projected = camera.project(vertices)
        low, high = projected.min(axis=0), projected.max(axis=0)
        zoom = float(np.sqrt(np.prod((seen_high - seen_low) / np.maximum(high - low, 1e-6))))
        right, up = ((seen_low + seen_high) - zoom * (low + high)) / 2 * distance * camera.sensor_mm
        offset = (right * camera.axes[0] + up * camera.axes[1]) / (2 * zoom * camera.focal_mm)
        x, y, z = np.add(camera.shift, offset)
        camera = replace(camera, focal_mm=camera.focal_mm * zoom, shift=(x, y, z))
    return camera


def overlap(camera: Camera, mesh: trimesh.Trimesh, framed: UInt8[np.ndarray, "S S 4"]) -> float:
    """Intersection over union of the mesh's outline, as the camera sees it, and the object in the picture."""
    shown = TexturedMesh.from_trimesh(trimesh.Trimesh(mesh.vertices, mesh.faces, process=False))
    outline = RayCaster(shown).render(camera, _OVERLAP_SIZE, samples=1).color[..., 3] > OPAQUE
    step = len(framed) / _OVERLAP_SIZE
    places = ((np.arange(_OVERLAP_SIZE) + 0.5) * step).astype(int)
    object_seen = framed[np.ix_(places, places)][..., 3] > OPAQUE
    return float((outline & object_seen).sum() / max(1, (outline | object_seen).sum()))


def _box(framed: UInt8[np.ndarray, "S S 4"]) -> Float[np.ndarray, "2 2"]:
    """Corners of the object's box, x right and y up, the picture being [-1, 1]^2."""
    rows, columns = np.nonzero(framed[..., 3] > OPAQUE)
    half = len(framed) / 2
    return np.array(
        [
            [columns.min() / half - 1, 1 - (rows.max() + 1) / half],
            [(columns.max() + 1) / half - 1, 1 - rows.min() / half],
        ]
    )
