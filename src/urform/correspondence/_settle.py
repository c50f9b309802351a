"""Vertices of a registered mesh onto the surface that was given, without folding."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float, Int
from scipy.sparse.linalg import splu
from scipy.spatial import KDTree

# Weight of smooth displacements beside nearness, step by step: stiff first, so that parts find their own counterparts.
_STIFFNESS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
_REACH = 0.08  # normalised units; a vertex farther from the surface has no counterpart and follows its neighbours
_FACING = 0.3  # least cosine between the normals of a vertex and of its counterpart
_NORMAL_REACH = 0.1  # normalised units; so far apart count normals that stand at 60 degrees
_HALVINGS = 8
_FOLDED = -0.2  # cosine between the normals of a face and of its surroundings below which it counts as flipped


def settle(
    vertices: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    points: Float[np.ndarray, "P 3"],
    normals: Float[np.ndarray, "P 3"],
) -> Float[np.ndarray, "V 3"]:
    """Move the vertices of a mesh onto a surface by displacements that are smooth over the mesh.

    Each step looks for the nearest surface point, by place and normal, and solves for displacements that balance
    nearness against smoothness. It is shortened around faces that it would flip; faces that are flipped already are
    smoothed, and some may stay (`flipped_faces` counts them).

    Args:
        vertices: of the mesh, near the surface, normalised space.
        faces: of the mesh, a closed one.
        points: on the surface, dense, normalised space.
        normals: of the surface there, unit vectors, outwards.

    Returns:
        The vertices in their new places.

    Source: Amberg 2007 (optimal step non-rigid ICP), with displacements in place of affine maps.
    """
    tree = KDTree(np.hstack([points, _NORMAL_REACH * normals]))
    laplacian = _laplacian(len(vertices), faces)
    smooth = (laplacian.T @ laplacian).tocsc()
    placed = unfold(vertices, faces)
    for stiffness in _STIFFNESS:
        target, weight = _counterparts(placed, faces, tree, points, normals)
        system = sparse.diags(weight + 1e-6) + stiffness * smooth
        moved = splu(system.tocsc()).solve(weight[:, None] * (target - placed))
        placed = _without_flips(placed, moved, faces)
    return placed


def flipped_faces(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Int[np.ndarray, " K"]:
    """Indices of faces whose normal points against that of their surroundings: the faces at their three vertices."""
    mesh_normals = _crosses(vertices, faces)
    around = _at_vertices(mesh_normals, faces, len(vertices))
    surroundings = around[faces].sum(axis=1) - 3 * mesh_normals
    cosine = np.einsum("fd,fd->f", mesh_normals, surroundings)
    scale = np.linalg.norm(mesh_normals, axis=1) * np.linalg.norm(surroundings, axis=1)
    return np.flatnonzero(cosine < _FOLDED * np.maximum(scale, 1e-30))


def unfold(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], rounds: int = 200
) -> Float[np.ndarray, "V 3"]:
    """Smooth the mesh around flipped faces until there are none, or no more rounds."""
    vertices = vertices.copy()
    average = _averaging(len(vertices), faces)
    for _ in range(rounds):
        flipped = flipped_faces(vertices, faces)
        if not len(flipped):
            break
        near = np.unique(faces[flipped])
        vertices[near] = (average @ vertices)[near]
    return vertices


def _counterparts(
    placed: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    tree: KDTree,
    points: Float[np.ndarray, "P 3"],
    normals: Float[np.ndarray, "P 3"],
) -> tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, " V"]]:
    """The surface point that each vertex is to come to, and how much that counts."""
    own = _unit(_at_vertices(_crosses(placed, faces), faces, len(placed)))
    index = tree.query(np.hstack([placed, _NORMAL_REACH * own]), workers=-1)[1]
    distance = np.linalg.norm(points[index] - placed, axis=1)
    found = (distance < _REACH) & (np.einsum("vd,vd->v", own, normals[index]) > _FACING)
    weight = np.where(found, 1 - np.square(distance / _REACH), 0.0)
    return np.where(found[:, None], points[index], placed), weight


def _without_flips(
    placed: Float[np.ndarray, "V 3"], moved: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> Float[np.ndarray, "V 3"]:
    """The mesh moved as far as no face flips: around those that would, less far."""
    share = np.ones(len(placed))
    for attempt in range(_HALVINGS):
        tried = placed + share[:, None] * moved
        flipped = flipped_faces(tried, faces)
        if not len(flipped):
            return tried
        share[np.unique(faces[flipped])] *= 0.5 if attempt < _HALVINGS - 2 else 0.0
    return unfold(placed + share[:, None] * moved, faces)


def _crosses(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "F 3"]:
    """Normals of faces, twice as long as their areas."""
    return np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])


def _at_vertices(values: Float[np.ndarray, "F 3"], faces: Int[np.ndarray, "F 3"], count: int):
    """Sums over the faces at each vertex."""
    sums = np.zeros((count, 3))
    for corner in range(3):
        np.add.at(sums, faces[:, corner], values)
    return sums


def _unit(vectors: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _averaging(count: int, faces: Int[np.ndarray, "F 3"]) -> sparse.csr_matrix:
    """The mean of each vertex's neighbours, as a matrix."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([edges, edges[:, ::-1]])
    neighbours = sparse.csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count))
    neighbours.data[:] = 1
    degree = np.maximum(np.asarray(neighbours.sum(axis=1)).ravel(), 1)
    return sparse.diags(1 / degree) @ neighbours


def _laplacian(count: int, faces: Int[np.ndarray, "F 3"]) -> sparse.csr_matrix:
    """Each vertex less the mean of its neighbours, as a matrix."""
    return sparse.identity(count, format="csr") - _averaging(count, faces)
