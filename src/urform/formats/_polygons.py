"""Polygons of any number of corners cut into triangles: fans where they are convex, ears where they are not."""

from __future__ import annotations

from typing import NamedTuple

import manifold3d
import numpy as np
from jaxtyping import Float, Int

from urform.geometry import Material, TexturedMesh


class Triangles(NamedTuple):
    """Triangles of polygons whose corners stand in one row, in the order of the polygons."""

    corner: Int[np.ndarray, "T 3"]
    polygon: Int[np.ndarray, " T"]


def triangulate_polygons(points: Float[np.ndarray, "C 3"], sizes: Int[np.ndarray, " P"]) -> Triangles:
    """Cut polygons into triangles.

    Args:
        points: the polygons' corners, one polygon after the other.
        sizes: how many corners each polygon has; one of fewer than three gives no triangle.

    Returns:
        Indices of `points`, and of the polygon, for each triangle.
    """
    counts = np.maximum(sizes - 2, 0)
    starts, ends = np.cumsum(sizes) - sizes, np.cumsum(counts)
    polygon = np.repeat(np.arange(len(sizes)), counts)
    step = np.arange(len(polygon)) - (ends - counts)[polygon]
    first = starts[polygon]
    corner = np.stack([first, first + step + 1, first + step + 2], axis=1)
    if sizes.max(initial=0) > 3:
        a, b, c = points[corner[:, 0]], points[corner[:, 1]], points[corner[:, 2]]
        areas = np.cross(b - a, c - a)
        normals = np.stack([np.bincount(polygon, areas[:, axis], len(sizes)) for axis in range(3)], axis=1)
        along = np.einsum("td,td->t", areas, normals[polygon])
        folded = along < -1e-9 * np.einsum("td,td->t", normals, normals)[polygon]
        for index in np.unique(polygon[folded]):
            ears = _ears(points[starts[index] : starts[index] + sizes[index]], normals[index])
            if len(ears) == counts[index]:
                corner[ends[index] - counts[index] : ends[index]] = starts[index] + ears
    return Triangles(corner, polygon)


def _ears(points: Float[np.ndarray, "C 3"], normal: Float[np.ndarray, " 3"]) -> Int[np.ndarray, "T 3"]:
    """Triangles of a concave polygon, seen along its normal."""
    across = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    axes = np.stack([across, np.cross(normal, across)], axis=1)
    flat = (points - points.mean(axis=0)) @ (axes / np.linalg.norm(axes, axis=0))
    return np.asarray(manifold3d.triangulate([flat]), np.int64).reshape(-1, 3)


def polygon_mesh(
    vertices: Float[np.ndarray, "V 3"],
    corners: Int[np.ndarray, " C"],
    sizes: Int[np.ndarray, " P"],
    uv: Float[np.ndarray, "C 2"] | None = None,
    rgb: Float[np.ndarray, "C 3"] | None = None,
    material: Int[np.ndarray, " P"] | None = None,
    materials: tuple[Material, ...] = (Material(),),
    group: tuple[str, ...] = (),
    normals: Float[np.ndarray, "V 3"] | None = None,
    notes: tuple[str, ...] = (),
) -> TexturedMesh:
    """A mesh of polygons as triangles.

    Args:
        vertices: positions.
        corners: the vertex of each corner, one polygon after the other.
        sizes: how many corners each polygon has.
        uv: texture coordinates of the corners.
        rgb: colors of the corners.
        material: of each polygon.
        materials: what that is an index into.
        group: of each polygon, or nothing.
        normals: of the vertices.
        notes: what was amiss.

    Raises:
        ValueError: a corner names a vertex that is not there.
    """
    if len(corners) and not (corners.min() >= 0 and corners.max() < len(vertices)):
        raise ValueError(f"a face names a vertex that is not there, the file has {len(vertices)}")
    if few := int((sizes < 3).sum()):
        notes = (*notes, f"{few} faces of fewer than three corners, left out")
    cut = triangulate_polygons(vertices[corners], sizes)
    return TexturedMesh(
        vertices,
        corners[cut.corner],
        np.zeros((len(cut.corner), 3, 2)) if uv is None else np.nan_to_num(uv)[cut.corner],
        np.ones((len(cut.corner), 3, 3)) if rgb is None else rgb[cut.corner],
        np.zeros(len(cut.corner), np.int64) if material is None else material[cut.polygon],
        materials,
        notes,
        cut.polygon,
        tuple(group[index] for index in cut.polygon) if group else (),
        normals,
    )
