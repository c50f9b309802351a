"""Colors of a mesh from the pictures that it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import trimesh
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree

from urform.geometry import RayScene
from urform.render import Camera

GREY = 180
MIRROR = 0.06  # how near a mirrored vertex must have one that is seen
_FACING = 0.15  # cosine below which a surface is seen too flat for its color to be believed
_OFF = 0.02  # by how much a ray may end before the point that it goes to
_NORMAL_SCALE = 0.3  # how far apart, in space, two vertices count whose normals are at right angles
_NEIGHBOURS = 8
_SOURCES = 3000  # vertices whose colors are spread to those that are nowhere seen; more are slow and look the same


class Shot(NamedTuple):
    """A picture of an object and the camera that took it.

    Attributes:
        framed: the picture, as large as it is good for.
        camera: see `place_camera`.
    """

    framed: UInt8[np.ndarray, "S S 4"]
    camera: Camera


def picture_colors(mesh: trimesh.Trimesh, shots: Sequence[Shot]) -> UInt8[np.ndarray, "V 3"]:
    """A color for each vertex: from a picture where it is seen, else from its mirror image, else from near ones.

    The light of the pictures stays in the colors.

    Args:
        mesh: what was made from the pictures; x = 0 is the plane of symmetry of its category.
        shots: the pictures. Where several see a vertex, the one that it faces gives the color.
    """
    vertices, normals = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.vertex_normals, np.float64)
    colors, seen = seen_colors(vertices, normals, RayScene(vertices, np.asarray(mesh.faces)), shots)
    if not seen.any():
        return np.full((len(vertices), 3), GREY, np.uint8)
    places = np.concatenate([vertices, _NORMAL_SCALE * normals], axis=1)
    mirrored = places * [-1, 1, 1, -1, 1, 1]
    hidden = np.flatnonzero(~seen)
    distance, nearest = KDTree(places[seen]).query(mirrored[hidden], distance_upper_bound=MIRROR)
    opposite = hidden[distance < MIRROR]
    colors[opposite] = colors[seen][np.asarray(nearest)[distance < MIRROR]]
    known, unknown = np.flatnonzero(seen), np.setdiff1d(hidden, opposite)
    # From mirror images, too: what is behind the seat has its color from the seat on the other side.
    few = np.concatenate([known, opposite])[:: 1 + (len(known) + len(opposite)) // _SOURCES]
    sources = np.concatenate([places[few], mirrored[few]])
    distance, nearest = KDTree(sources).query(places[unknown], k=min(_NEIGHBOURS, len(sources)))
    weight = 1 / np.maximum(distance, 1e-3)[..., None]
    colors[unknown] = (np.tile(colors[few], (2, 1))[nearest] * weight).sum(axis=1) / weight.sum(axis=1)
    return np.clip(colors + 0.5, 0, 255).astype(np.uint8)


def seen_colors(
    points: Float[np.ndarray, "N 3"],
    normals: Float[np.ndarray, "N 3"],
    scene: RayScene,
    shots: Sequence[Shot],
    off: float = np.inf,
) -> tuple[Float[np.ndarray, "N 3"], Bool[np.ndarray, " N"]]:
    """Colors of points on a surface, and which of them a picture shows; the others have no color.

    Args:
        points: on the surface, or near it.
        normals: of the surface there.
        scene: the surface.
        shots: the pictures.
        off: largest distance of a point from the surface, along the line from the camera.
    """
    colors, best = np.zeros((len(points), 3)), np.full(len(points), _FACING)
    for shot in shots:
        rgb, shown = _looked_up(shot.framed, shot.camera.project(points))
        facing = np.where(shown, _facing(points, normals, scene, shot.camera, off), 0.0)
        better = facing > best
        colors[better], best[better] = rgb[better], facing[better]
    return colors, best > _FACING


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


def _facing(
    points: np.ndarray, normals: np.ndarray, scene: RayScene, camera: Camera, off: float
) -> Float[np.ndarray, " V"]:
    """Cosine between normal and line to the camera; 0 where something is before the point."""
    towards = points - camera.eye
    distance = np.linalg.norm(towards, axis=1)
    directions = towards / distance[:, None]
    hits = scene.first_hits(np.broadcast_to(camera.eye, directions.shape), directions)
    reached = (hits.face < 0) | (hits.distance > distance - _OFF)
    reached &= (hits.distance < distance + off) | np.isinf(off)
    return np.where(reached, -(directions * normals).sum(axis=1), 0.0)
