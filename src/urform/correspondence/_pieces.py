"""The pieces of a template on a scan: those that it has settle on it, those that it lacks are tucked away."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree

from urform.correspondence._mend import at_vertices, crosses
from urform.correspondence._settle import settle, within_reach
from urform.geometry import label_components

FAR = 0.02
"""Of the diagonal: what is farther apart than this, scan from mesh or vertex from scan, is not the same place."""
_HELD = 0.6  # share of a piece's vertices that have counterparts on the scan, at least, or the scan lacks the piece
_SPECK = 0.01  # size of what is tucked away, of its size in the template


class FoundPiece(NamedTuple):
    """What a scan has of a piece of the template.

    Attributes:
        found: whether it has it; if not, all its vertices are in one place inside the largest piece.
        vertices: how many it has.
        settled_share: share of them that lie on the scan.
        median: their median distance from the scan, as a share of the scan's diagonal; None if it is not found.
    """

    found: bool
    vertices: int
    settled_share: float
    median: float | None

    def row(self) -> dict[str, Any]:
        """Its line in the table of pieces."""
        median = None if self.median is None else round(self.median, 6)
        return {**self._asdict(), "settled_share": round(self.settled_share, 4), "median": median}


class PlacedPieces(NamedTuple):
    """The template's mesh on a scan.

    Attributes:
        vertices: in normalised space.
        settled: which of them lie on the scan.
        pieces: the largest first.
    """

    vertices: Float[np.ndarray, "V 3"]
    settled: Bool[np.ndarray, " V"]
    pieces: tuple[FoundPiece, ...]


def label_pieces(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Int[np.ndarray, " V"]:
    """The piece of a mesh that each vertex is in, numbered by their areas from the largest, 0."""
    label, areas = label_components(vertices, faces)
    return np.argsort(np.argsort(-areas, kind="stable"))[label]


def place(
    moved: Float[np.ndarray, "V 3"],
    reference: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    points: Float[np.ndarray, "P 3"],
    normals: Float[np.ndarray, "P 3"],
) -> PlacedPieces:
    """Settle the pieces that a scan has on its surface, and tuck away those that it lacks.

    A piece is there if most of its vertices have counterparts on the surface, before it settles and after. The largest
    piece always counts as there.

    Args:
        moved: vertices of the template in the shape of the scan, no face flipped.
        reference: vertices of the template.
        faces: of both.
        points: on the scan's surface, normalised space.
        normals: of the surface there, unit vectors, outwards.
    """
    label = label_pieces(reference, faces)
    sizes = np.bincount(label)
    diagonal = float(np.linalg.norm(np.ptp(points, axis=0)))

    def held(near: Bool[np.ndarray, " V"]) -> Bool[np.ndarray, " K"]:
        return (np.bincount(label, near) >= _HELD * sizes) | (np.arange(len(sizes)) == 0)

    there = held(within_reach(moved, faces, points, normals))
    placed = settle(moved, faces[there[label[faces[:, 0]]]], points, normals)
    settled = within_reach(placed, faces, points, normals, FAR * diagonal)
    there &= held(settled)
    distance = KDTree(points).query(placed, workers=-1)[0] / diagonal
    for number in np.flatnonzero(~there).tolist():
        placed[label == number] = _tucked_away(placed, reference, faces, label, number)
    settled &= there[label]
    shares = np.bincount(label, settled) / sizes
    medians = [float(np.median(distance[label == k])) if there[k] else None for k in range(len(sizes))]
    found = zip(there.tolist(), sizes.tolist(), shares.tolist(), medians, strict=True)
    return PlacedPieces(placed, settled, tuple(FoundPiece(*piece) for piece in found))


def _tucked_away(
    placed: Float[np.ndarray, "V 3"],
    reference: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    label: Int[np.ndarray, " V"],
    number: int,
) -> Float[np.ndarray, "N 3"]:
    """A piece as a speck in its own shape, just under the surface of the largest piece where that is nearest."""
    shape = _SPECK * (reference[label == number] - reference[label == number].mean(axis=0))
    body = placed[label == 0]
    nearest = KDTree(body).query(placed[label == number].mean(axis=0))[1]
    normal = at_vertices(crosses(placed, faces), faces, len(placed))[label == 0][nearest]
    inwards = -np.linalg.norm(shape, axis=1).max() * normal / max(float(np.linalg.norm(normal)), 1e-12)
    return body[nearest] + inwards + shape
