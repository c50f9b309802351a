"""Vertices of a registered mesh onto the surface that was given, without folding."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Bool, Float, Int
from scipy.sparse.linalg import splu
from scipy.spatial import KDTree

from urform.correspondence._mend import at_vertices, averaging, crosses, flipped_faces

# Weight of smooth displacements beside nearness, step by step: stiff first, so that parts find their own counterparts.
_STIFFNESS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
_REACH = 0.08  # normalised units; a vertex farther from the surface has no counterpart and follows its neighbours
_FACING = 0.3  # least cosine between the normals of a vertex and of its counterpart
_NORMAL_REACH = 0.1  # normalised units; so far apart count normals that stand at 60 degrees
_HALVINGS = 6


def settle(
    vertices: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    points: Float[np.ndarray, "P 3"],
    normals: Float[np.ndarray, "P 3"],
) -> Float[np.ndarray, "V 3"]:
    """Move the vertices of a mesh onto a surface by displacements that are smooth over the mesh.

    Each step looks for the nearest surface point, by place and normal, and solves for displacements that balance
    nearness against smoothness. It is shortened around faces that it would flip. Vertices of no face stay.

    Args:
        vertices: of the mesh, near the surface, normalised space.
        faces: of the mesh, a closed one without flipped faces, see `mend`.
        points: on the surface, dense, normalised space.
        normals: of the surface there, unit vectors, outwards.

    Returns:
        The vertices in their new places.

    Source: Amberg 2007 (optimal step non-rigid ICP), with displacements in place of affine maps.
    """
    tree = _tree(points, normals)
    laplacian = sparse.identity(len(vertices), format="csr") - averaging(len(vertices), faces)
    smooth = (laplacian.T @ laplacian).tocsc()
    placed = vertices
    for stiffness in _STIFFNESS:
        target, distance = _counterparts(placed, faces, tree, points, normals)
        weight = np.maximum(1 - np.square(distance / _REACH), 0)
        system = sparse.diags(weight + 1e-6) + stiffness * smooth
        moved = splu(system.tocsc()).solve(weight[:, None] * (target - placed))
        placed = _without_flips(placed, moved, faces)
    return placed


def within_reach(
    vertices: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    points: Float[np.ndarray, "P 3"],
    normals: Float[np.ndarray, "P 3"],
    reach: float = _REACH,
) -> Bool[np.ndarray, " V"]:
    """Which vertices have a surface point so near, or nearer, that faces the same way; see `settle`."""
    return _counterparts(vertices, faces, _tree(points, normals), points, normals)[1] <= reach


def _tree(points: Float[np.ndarray, "P 3"], normals: Float[np.ndarray, "P 3"]) -> KDTree:
    return KDTree(np.hstack([points, _NORMAL_REACH * normals]))


def _counterparts(
    placed: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    tree: KDTree,
    points: Float[np.ndarray, "P 3"],
    normals: Float[np.ndarray, "P 3"],
) -> tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, " V"]]:
    """The surface point that each vertex is to come to, and how far it is; infinity where it faces another way."""
    own = _unit(at_vertices(crosses(placed, faces), faces, len(placed)))
    index = tree.query(np.hstack([placed, _NORMAL_REACH * own]), workers=-1)[1]
    distance = np.linalg.norm(points[index] - placed, axis=1)
    facing = np.einsum("vd,vd->v", own, normals[index]) > _FACING
    return points[index], np.where(facing, distance, np.inf)


def _without_flips(
    placed: Float[np.ndarray, "V 3"], moved: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> Float[np.ndarray, "V 3"]:
    """The mesh moved as far as no face flips: around those that would, less far, at last not at all.

    Faces that are flipped already may stay so: keeping their surroundings would not help them.
    """
    share, before, attempt = np.ones(len(placed)), flipped_faces(placed, faces), 0
    tried = placed + moved
    while len(flipped := np.setdiff1d(flipped_faces(tried, faces), before)):
        corners = np.unique(faces[flipped])
        if attempt < _HALVINGS:
            share[corners] *= 0.5
        else:  # a face can be flipped for what is around it: that stays where it was, too
            share[faces[np.isin(faces, corners).any(axis=1)]] = 0
        tried, attempt = placed + share[:, None] * moved, attempt + 1
    return tried


def _unit(vectors: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
