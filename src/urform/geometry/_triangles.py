"""Triangles from the values at a lattice's points, and what makes a proper mesh of them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int


def triangulate(
    values: Float[np.ndarray, "X Y Z"], cells: Int[np.ndarray, "C 3"]
) -> tuple[Float[np.ndarray, "V 3"], Int[np.ndarray, "F 3"]]:
    """Marching cubes at level zero in some cells of a lattice.

    Args:
        values: at the lattice's points; they count only at the corners of the cells.
        cells: indices of the cells with a change of sign.

    Returns:
        Vertices in units of cells, each there once, and faces that look to where the values grow.

    Source: Lewiner 2003, whose variant has no holes.
    """
    from skimage.measure import marching_cubes

    low, high = cells.min(axis=0), cells.max(axis=0) + 2
    box = np.ascontiguousarray(values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))])
    mask = np.zeros(box.shape, dtype=bool)
    mask[tuple((cells - low + 1).T)] = True  # skimage asks for a cell at its far corner
    # "descent" is skimage's word for faces that look to where the field grows.
    vertices, faces, _, _ = marching_cubes(
        box, 0.0, gradient_direction="descent", allow_degenerate=False, method="lewiner", mask=mask
    )
    return vertices.astype(np.float64) + low, faces.astype(np.int64)


def _pieces(corners: Int[np.ndarray, " C"]) -> int:
    """Into how many sets the corners fall that hang together along edges."""
    left, count = set(corners.tolist()), 0
    while left:
        reached = [left.pop()]
        for corner in reached:
            reached += [other for other in left if _ON_EDGE[corner, other]]
            left -= set(reached)
        count += 1
    return count


def _ambiguous() -> Bool[np.ndarray, " 256"]:
    signs = np.array([[code >> corner & 1 for corner in range(8)] for code in range(256)], bool)
    return np.array([_pieces(np.flatnonzero(row)) > 1 or _pieces(np.flatnonzero(~row)) > 1 for row in signs])


def _mixed_faces() -> Bool[np.ndarray, "256 6"]:
    faces = [[c for c in range(8) if CORNERS[c] @ np.abs(side) == (side.sum() > 0)] for side in SIDES]
    counts = np.array([[sum(code >> c & 1 for c in face) for face in faces] for code in range(256)])
    return (counts > 0) & (counts < 4)


CORNERS = np.array([[c >> 2, c >> 1 & 1, c & 1] for c in range(8)])
"""Of a cell. Bit c of the number of a pattern of signs says that corner c lies inside."""
SIDES = np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
"""Steps to the six cells beside one."""
_ON_EDGE = np.abs(CORNERS[:, None] - CORNERS[None]).sum(axis=2) == 1
AMBIGUOUS = _ambiguous()
"""The patterns in which corners of a sign do not hang together along edges: values decide how they are parted."""
MIXED_FACES = _mixed_faces()
"""The sides on which a cell's face has both signs."""


def part_shared_edges(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> tuple[Float[np.ndarray, "V2 3"], Int[np.ndarray, "F2 3"]]:
    """Part the two sheets where Lewiner's variant lets four faces share an edge, which happens in noise.

    The middle of the edge becomes a vertex of its own for each pair of faces, so every edge has two faces again.
    """
    count = len(vertices)
    starts, ends = faces, np.roll(faces, -1, axis=1)
    # Of a closed mesh, one face of two runs along an edge this way.
    ordered = np.sort((starts * count + ends)[starts < ends], kind="stable")  # nearly sorted already
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    for key in shared:
        low, high = divmod(int(key), count)
        # Keys are of the original numbering, but parting one edge leaves all others as they were.
        position = np.nonzero(((faces == low).any(axis=1)) & ((faces == high).any(axis=1)))[0]
        rising = [f for f in position if (np.roll(faces[f], -1)[faces[f] == low] == high).all()]
        falling = [f for f in position if f not in rising]
        halves = []
        middle = (vertices[low] + vertices[high]) / 2
        for pair in zip(rising, falling, strict=True):
            for face in pair:
                halves.append(np.where(faces[face] == low, len(vertices), faces[face]))
                faces[face] = np.where(faces[face] == high, len(vertices), faces[face])
            vertices = np.concatenate([vertices, middle[None]])
        faces = np.concatenate([faces, halves])
    return vertices, faces


def label_components(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> tuple[Int[np.ndarray, " V"], Float[np.ndarray, " K"]]:
    """The component that each vertex is in, and twice the area of each."""
    import igl
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows, columns = faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel()
    links = coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(vertices), len(vertices)))
    count, label = connected_components(links, directed=False)
    return label, np.bincount(label[faces[:, 0]], weights=igl.doublearea(vertices, faces), minlength=count)


def drop_small_components(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], min_share: float
) -> tuple[Float[np.ndarray, "V2 3"], Int[np.ndarray, "F2 3"], int]:
    """Keep the components whose area is at least `min_share` of the largest one's; count the others."""
    label, areas = label_components(vertices, faces)
    keep = areas >= min_share * areas.max()
    if keep.all():
        return vertices, faces, 0
    used = keep[label]
    renumbered = np.cumsum(used) - 1
    return vertices[used], renumbered[faces[used[faces[:, 0]]]], int(np.count_nonzero(~keep))
