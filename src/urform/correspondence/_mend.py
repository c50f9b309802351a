"""Meshes without flipped faces: how they are found, and how they are smoothed or brought back into shape."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float, Int
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

_FOLDED = -0.2  # cosine between the normals of a face and of its surroundings below which it counts as flipped
_SMOOTHINGS = 30
_COLLAPSES = 100  # at most; a mesh that needs more is no template, and each takes up to a second

_Mesh = tuple[np.ndarray, np.ndarray]


def flipped_faces(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Int[np.ndarray, " K"]:
    """Indices of faces whose normal points against that of their surroundings: the faces at their three vertices."""
    mesh_normals = crosses(vertices, faces)
    around = at_vertices(mesh_normals, faces, len(vertices))
    surroundings = around[faces].sum(axis=1) - 3 * mesh_normals
    cosine = np.einsum("fd,fd->f", mesh_normals, surroundings)
    scale = np.linalg.norm(mesh_normals, axis=1) * np.linalg.norm(surroundings, axis=1)
    return np.flatnonzero(cosine < _FOLDED * np.maximum(scale, 1e-30))


def unfold(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> tuple[Float[np.ndarray, "W 3"], Int[np.ndarray, "G 3"]]:
    """A mesh without flipped faces: smoothed around them; where that does not help, edges of theirs collapse.

    Args:
        vertices: of the mesh.
        faces: of the mesh, a closed one.

    Returns:
        Vertices, and about as many faces. Flipped ones stay where no collapse of an edge removes any, or too many
        would be needed.
    """
    vertices = vertices.copy()
    average = averaging(len(vertices), faces)
    for _ in range(_SMOOTHINGS):
        near = np.unique(faces[flipped_faces(vertices, faces)])
        vertices[near] = (average @ vertices)[near]
    for _ in range(_COLLAPSES):
        better = _fewer_flips(vertices, faces)
        if better is None:
            break
        vertices, faces = better
    return vertices, faces


def mend(
    vertices: Float[np.ndarray, "V 3"], reference: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> Float[np.ndarray, "V 3"]:
    """Give the surroundings of flipped faces the shape of another mesh, until no face is flipped.

    The surroundings grow while there are flipped faces, at last to a whole component. Within them the mesh is the
    reference under a similarity, and smooth displacements that join it to the vertices around.

    Args:
        vertices: of the mesh.
        reference: the same vertices where no face is flipped.
        faces: of both.
    """
    vertices = vertices.copy()
    average = averaging(len(vertices), faces)
    laplacian = sparse.identity(len(vertices), format="csr") - average
    smooth = (laplacian.T @ laplacian).tocsr()
    rings = 1
    while len(flipped := flipped_faces(vertices, faces)) and rings < 2 * len(vertices):
        near = _around(faces[flipped], average, rings)
        count, label = connected_components(average[near][:, near], directed=False)
        for number in range(count):
            _reshape(vertices, reference, smooth, near[label == number])
        rings += (rings + 1) // 2
    return vertices


def crosses(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "F 3"]:
    """Normals of faces, twice as long as their areas."""
    return np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])


def at_vertices(values: Float[np.ndarray, "F 3"], faces: Int[np.ndarray, "F 3"], count: int):
    """Sums over the faces at each vertex."""
    corners = faces.ravel()
    columns = (np.bincount(corners, np.repeat(column, 3), count) for column in values.T)
    return np.stack(list(columns), axis=1)


def averaging(count: int, faces: Int[np.ndarray, "F 3"]) -> sparse.csr_matrix:
    """The mean of each vertex's neighbours, as a matrix."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([edges, edges[:, ::-1]])
    neighbours = sparse.csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count))
    neighbours.data[:] = 1
    degree = np.maximum(np.asarray(neighbours.sum(axis=1)).ravel(), 1)
    return sparse.csr_matrix(sparse.diags(1 / degree) @ neighbours)


def _fewer_flips(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> _Mesh | None:
    """The mesh after that collapse of an edge near a flipped face which leaves fewest, if that are fewer."""
    flipped = flipped_faces(vertices, faces)
    for face in flipped:
        beside = faces[np.isin(faces, faces[face]).any(axis=1)]
        edges = np.unique(np.sort(np.concatenate([beside[:, :2], beside[:, 1:], beside[:, ::2]]), axis=1), axis=0)
        tried = [
            _collapsed(vertices, faces, int(edge[0]), int(edge[1]), share)
            for edge in edges
            for share in (0.0, 0.5, 1.0)
        ]
        counts = [len(flipped) if mesh is None else len(flipped_faces(*mesh)) for mesh in tried]
        if min(counts) < len(flipped):
            return tried[int(np.argmin(counts))]
    return None


def _collapsed(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], start: int, end: int, share: float
) -> _Mesh | None:
    """The mesh without an edge, whose ends meet at this share of the way; None where it would not stay closed."""
    at_start, at_end = (faces == start).any(axis=1), (faces == end).any(axis=1)
    common = np.intersect1d(faces[at_start], faces[at_end])
    if len(common) != 4 or np.count_nonzero(at_start | at_end) < 5:  # the ends, and a vertex on each side
        return None
    moved = vertices.copy()
    moved[start] += share * (vertices[end] - vertices[start])
    kept = np.where(faces == end, start, faces)[~(at_start & at_end)]
    return np.delete(moved, end, axis=0), kept - (kept > end)


def _around(seeds: Int[np.ndarray, "K 3"], average: sparse.csr_matrix, rings: int) -> Int[np.ndarray, " N"]:
    """The vertices at most so many edges away from some."""
    reached = np.zeros(len(average.indptr) - 1, bool)
    reached[seeds] = True
    for _ in range(rings):
        before = np.count_nonzero(reached)
        reached |= average @ reached > 0
        if np.count_nonzero(reached) == before:
            break
    return np.flatnonzero(reached)


def _reshape(
    vertices: Float[np.ndarray, "V 3"],
    reference: Float[np.ndarray, "V 3"],
    smooth: sparse.csr_matrix,
    part: Int[np.ndarray, " N"],
) -> None:
    """Give a connected part of a mesh the shape of the reference, in place."""
    rows = smooth[part]
    touched = np.unique(rows.indices)
    border = np.setdiff1d(touched, part)
    shape = _similar(reference[touched], vertices[touched])
    wanted = dict(zip(touched.tolist(), shape, strict=True))
    on_border = np.array([wanted[index] for index in border.tolist()]).reshape(-1, 3)
    within = np.array([wanted[index] for index in part.tolist()])
    system = rows[:, part] + 1e-9 * sparse.identity(len(part))
    vertices[part] = within + splu(system.tocsc()).solve(-(rows[:, border] @ (vertices[border] - on_border)))


def _similar(points: Float[np.ndarray, "N 3"], to: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    """Points moved, turned and resized to be nearest to others. Source: Umeyama 1991."""
    here, there = points - points.mean(axis=0), to - to.mean(axis=0)
    left, sizes, right = np.linalg.svd(here.T @ there)
    sign = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    scale = (sizes * sign).sum() / np.square(here).sum()
    return to.mean(axis=0) + scale * here @ (left * sign) @ right
