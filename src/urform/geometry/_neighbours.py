"""Nearest neighbours among points."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int

_SINGLE_TREE = 4  # FLANN's exact k-d tree for few dimensions
_LEAF = 16  # points of a leaf: large ones are searched in vain, small ones make the tree deep
_UNLIMITED = -1  # leaves that a search may visit: all, so that it is exact
_CELLS = 32  # along an axis of the curve that points are sorted by; its codes fit 16 bits, which sort fastest
_EVERY_THIRD_BIT = np.array([sum((value >> bit & 1) << 3 * bit for bit in range(5)) for value in range(_CELLS)], "u2")


class PointIndex:
    """Finds the nearest of fixed points.

    FLANN's tree, half the time of scipy's `KDTree`. It searches in single precision, the points scaled to unit size:
    among neighbours equally near to seven digits it may take either. Distances are computed in double precision.

    Args:
        points: (N, 3), finite, N > 0.
    """

    def __init__(self, points: Float[np.ndarray, "N 3"]):
        check_points("points", points)
        self._points = np.asarray(points, np.float64)
        low, high = self._points.min(axis=0), self._points.max(axis=0)
        self._centre, self._size = (low + high) / 2, float((high - low).max()) or 1.0
        scaled = self._scaled(self._points)
        self._order = _along_curve(scaled)
        self._tree_points = scaled[self._order]  # FLANN does not copy them
        self._tree = cv2.flann.Index(self._tree_points, {"algorithm": _SINGLE_TREE, "leaf_max_size": _LEAF})

    def nearest(self, queries: Float[np.ndarray, "M 3"]) -> tuple[Float[np.ndarray, " M"], Int[np.ndarray, " M"]]:
        """Distance from each query to the nearest point, and the index of that point.

        Args:
            queries: (M, 3), finite, M > 0.
        """
        check_points("queries", queries)
        return self._search(np.asarray(queries, np.float64), _along_curve(self._scaled(queries)))

    def nearest_of(self, other: PointIndex) -> tuple[Float[np.ndarray, " M"], Int[np.ndarray, " M"]]:
        """The same for the points of another index, in their order there."""
        return self._search(other._points, other._order)

    def _search(self, queries: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # Neighbours one after the other: what they need of the tree is in the cache.
        found, _ = self._tree.knnSearch(self._scaled(queries[order]), 1, params={"checks": _UNLIMITED})
        index = np.empty(len(queries), np.int64)
        index[order] = self._order[np.asarray(found, np.int64).reshape(-1)]
        way = queries - self._points[index]
        return np.sqrt(np.einsum("nk,nk->n", way, way)), index

    def _scaled(self, points: np.ndarray) -> np.ndarray:
        return ((points - self._centre) / self._size).astype(np.float32)


class Neighbours(NamedTuple):
    """Of two sets of points: from each point the distance to the nearest of the other set, and which one that is."""

    a_distance: Float[np.ndarray, " N"]
    a_nearest: Int[np.ndarray, " N"]
    b_distance: Float[np.ndarray, " M"]
    b_nearest: Int[np.ndarray, " M"]

    def scaled(self, factor: float) -> Neighbours:
        """The same for points that are all multiplied by a factor."""
        return self._replace(a_distance=self.a_distance * factor, b_distance=self.b_distance * factor)


def mutual_neighbours(a_points: Float[np.ndarray, "N 3"], b_points: Float[np.ndarray, "M 3"]) -> Neighbours:
    """Nearest neighbours in both directions: the one search that the metrics share.

    Args:
        a_points: points of one surface.
        b_points: points of the other, in the same space.

    Raises:
        ValueError: a side has no points, or they are not finite.
    """
    check_points("a_points", a_points)
    check_points("b_points", b_points)
    a_index, b_index = PointIndex(a_points), PointIndex(b_points)
    return Neighbours(*b_index.nearest_of(a_index), *a_index.nearest_of(b_index))


def check_points(name: str, points: np.ndarray) -> None:
    """Refuse what is no set of finite points.

    Raises:
        ValueError: wrong shape, no points, NaN or infinite values.
    """
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise ValueError(f"{name} must have shape (N, 3) with N > 0, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{name} must be finite, got NaN or infinite values")


def _along_curve(points: Float[np.ndarray, "N 3"]) -> Int[np.ndarray, " N"]:
    """An order in which neighbours in space are mostly neighbours: along a Morton curve through their box."""
    low = points.min(axis=0)
    size = max(float((points.max(axis=0) - low).max()), 1e-30)
    cell = ((points - low) * np.float32((_CELLS - 1) / size)).astype(np.uint8)
    code = _EVERY_THIRD_BIT[cell[:, 0]] | _EVERY_THIRD_BIT[cell[:, 1]] << 1 | _EVERY_THIRD_BIT[cell[:, 2]] << 2
    return np.argsort(code, kind="stable")
