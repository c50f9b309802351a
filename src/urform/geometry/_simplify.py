"""Meshes of fewer faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import trimesh

SMALLEST = 4
"""Faces of the smallest closed mesh."""


def simplify(mesh: trimesh.Trimesh, faces: int) -> trimesh.Trimesh:
    """A mesh with fewer faces and nearly the same surface; closed and manifold where the given one is.

    Args:
        mesh: the mesh; its `metadata` is kept.
        faces: how many are wanted; the mesh itself where it has no more.

    Raises:
        ValueError: `faces` is too small, or the mesh cannot lose so many and keep its topology.

    Source: Garland 1997, quadric error metrics; libigl collapses only edges that keep a manifold one.
    """
    import igl
    import trimesh

    if faces < SMALLEST:
        raise ValueError(f"faces must be at least {SMALLEST}, got {faces}")
    if len(mesh.faces) <= faces:
        return mesh
    vertices, corners = np.ascontiguousarray(mesh.vertices), np.ascontiguousarray(mesh.faces)
    fewer_vertices, fewer_faces = (np.asarray(array) for array in igl.qslim(vertices, corners, faces)[:2])
    if not len(fewer_faces) or len(fewer_faces) > faces + 1:
        raise ValueError(
            f"faces: the mesh of {len(corners)} cannot be brought down to {faces} without tearing it; ask for more"
        )
    return trimesh.Trimesh(fewer_vertices, fewer_faces, process=False, metadata=dict(mesh.metadata))
