"""Colors of a mesh from the picture that it was made from."""

from __future__ import annotations

import cv2
import numpy as np
import trimesh
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree

from urform.geometry import RayScene
from urform.render import Camera

GREY = 180
_FACING = 0.15  # cosine below which a surface is seen too flat for its color to be believed
_OFF = 0.02  # by how much a ray may end before the vertex that it goes to
_NORMAL_SCALE = 0.3  # how far apart, in space, two vertices count whose normals are at right angles
_NEIGHBOURS = 8
_SOURCES = 3000  # vertices whose colors are spread to those that are nowhere seen; more are slow and look the same
_MIRROR = 0.06  # how near a mirrored vertex must have one that is seen


def picture_colors(
    mesh: trimesh.Trimesh, framed: UInt8[np.ndarray, "S S 4"], camera: Camera
) -> UInt8[np.ndarray, "V 3"]:
    """A color for each vertex: from the picture where it is seen, else from its mirror image, else from near ones.

    The light of the picture stays in the colors.

    Args:
        mesh: what was made from the picture; x = 0 is the plane of symmetry of its category.
        framed: the picture, as large as it is good for.
        camera: it was taken with, see `place_camera`.
    """
    vertices, normals = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.vertex_normals, np.float64)
    colors, seen = _looked_up(framed, camera.project(vertices))
    seen &= _visible(mesh, normals, camera)
    if not seen.any():
        return np.full((len(vertices), 3), GREY, np.uint8)
    places = np.concatenate([vertices, _NORMAL_SCALE * normals], axis=1)
    mirrored = places * [-1, 1, 1, -1, 1, 1]
    hidden = np.flatnonzero(~seen)
    distance, nearest = KDTree(places[seen]).query(mirrored[hidden], distance_upper_bound=_MIRROR)
    opposite = hidden[distance < _MIRROR]
    colors[opposite] = colors[seen][np.asarray(nearest)[distance < _MIRROR]]
    known, unknown = np.flatnonzero(seen), np.setdiff1d(hidden, opposite)
    # From mirror images, too: what is behind the seat has its color from the seat on the other side.
    few = np.concatenate([known, opposite])[:: 1 + (len(known) + len(opposite)) // _SOURCES]
    sources = np.concatenate([places[few], mirrored[few]])
    distance, nearest = KDTree(sources).query(places[unknown], k=min(_NEIGHBOURS, len(sources)))
    weight = 1 / np.maximum(distance, 1e-3)[..., None]
    colors[unknown] = (np.tile(colors[few], (2, 1))[nearest] * weight).sum(axis=1) / weight.sum(axis=1)
    return np.clip(colors + 0.5, 0, 255).astype(np.uint8)


def _looked_up(
    framed: UInt8[np.ndarray, "S S 4"], places: Float[np.ndarray, "V 2"]
) -> tuple[Float[np.ndarray, "V 3"], Bool[np.ndarray, " V"]]:
    """Colors at image coordinates, and where there is the object, not its border, whose colors are mixed."""
    size = len(framed)
    columns, rows = (places[:, 0] + 1) / 2 * size - 0.5, (1 - places[:, 1]) / 2 * size - 0.5
    inner = cv2.erode(framed[..., 3], np.ones((3, 3), np.uint8), iterations=max(1, size // 128))
    planes = [*np.moveaxis(framed[..., :3], 2, 0), inner]
    *rgb, alpha = (map_coordinates(plane.astype(np.float32), [rows, columns], order=1) for plane in planes)
    return np.stack(rgb, axis=1).astype(np.float64), alpha > 250


def _visible(mesh: trimesh.Trimesh, normals: np.ndarray, camera: Camera) -> Bool[np.ndarray, " V"]:
    """Whether the camera sees each vertex, not too flat."""
    towards = np.asarray(mesh.vertices) - camera.eye
    distance = np.linalg.norm(towards, axis=1)
    directions = towards / distance[:, None]
    scene = RayScene(np.asarray(mesh.vertices), np.asarray(mesh.faces))
    hits = scene.first_hits(np.broadcast_to(camera.eye, directions.shape), directions)
    reached = (hits.face < 0) | (hits.distance > distance - _OFF)
    return reached & ((directions * normals).sum(axis=1) < -_FACING)
