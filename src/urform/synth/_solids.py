"""Solids a piece of furniture is made of: swept bars, bent sheets, rounded boxes.

Every function returns a closed `manifold3d.Manifold` in metres, y up.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from manifold3d import Error, Manifold, Mesh64
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Numbers = float | Sequence[Any] | np.ndarray
"""A number or whatever numpy makes an array of."""

_CORNER = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], float)


def xyz(x: float, y: float, z: float) -> NDArray:
    """A point or an offset (3,) in metres."""
    return np.array([x, y, z], float)


def _section(kind: str) -> NDArray:
    """Unit cross-section (K, 2) within [-1, 1]², counter-clockwise."""
    if kind == "square":
        return _CORNER
    if kind == "soft":
        arcs = np.radians([15, 75, 105, 165, 195, 255, 285, 345])
        corners = np.repeat(_CORNER, 2, axis=0)
        return corners * 0.6 + 0.4 * np.stack([np.cos(arcs), np.sin(arcs)], -1)
    angle = np.arange(12) * (2 * np.pi / 12)
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def _solid(vertices: NDArray, faces: NDArray) -> Manifold:
    """Manifold of a closed triangle mesh of either orientation."""
    corners = vertices[faces]
    if np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) < 0:
        faces = faces[:, ::-1]
    mesh = Mesh64(np.ascontiguousarray(vertices, float), np.ascontiguousarray(faces, np.uint64))
    solid = Manifold(mesh)
    if solid.status() != Error.NoError:
        raise ValueError(f"the mesh of a part must be a closed manifold, got {solid.status()}")
    return solid


def _quads(index: NDArray) -> NDArray:
    """Triangles (T, 3) of the cells of a vertex index grid (R, C)."""
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])


def spline(points: Numbers, count: int = 12, closed: bool = False) -> NDArray:
    """Smooth curve (count, 3) through control points (K, 3), parametrised by chord length."""
    points = np.asarray(points, float)
    if closed:
        points = np.concatenate([points, points[:1]])
    knots = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    curve = CubicSpline(knots, points, bc_type="periodic" if closed else "natural")
    return curve(np.linspace(0, knots[-1], count, endpoint=not closed))


def fillet(points: Numbers, radius: float, closed: bool = False, steps: int = 5) -> NDArray:
    """Polyline (K, 3) whose corners are replaced by parabolic arcs that begin `radius` metres before the corner."""
    points = np.asarray(points, float)
    result = [] if closed else [points[:1]]
    t = np.linspace(0, 1, steps)[:, None]
    for i in range(0 if closed else 1, len(points) if closed else len(points) - 1):
        corner, before, after = points[i], points[i - 1], points[(i + 1) % len(points)]
        start, end = (corner + (p - corner) * min(0.45, radius / np.linalg.norm(p - corner)) for p in (before, after))
        result.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    return np.concatenate(result if closed else [*result, points[-1:]])


def _frames(path: NDArray, side: Numbers, closed: bool) -> tuple[NDArray, NDArray]:
    """Section axes (N, 3), (N, 3) along a path (N, 3): `side` transported with little twist, and its complement."""
    step = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    if not closed:
        step[0], step[-1] = path[1] - path[0], path[-1] - path[-2]
    tangent = step / np.linalg.norm(step, axis=1, keepdims=True)
    current = np.asarray(side, float)
    if np.linalg.norm(np.cross(current, tangent[0])) < 0.1:
        current = np.array([0.0, 0.0, 1.0]) if abs(tangent[0, 2]) < 0.8 else np.array([0.0, 1.0, 0.0])
    sides = np.empty_like(path)
    for i, t in enumerate(tangent):
        current = current - (current @ t) * t
        current = current / np.linalg.norm(current)
        sides[i] = current
    return sides, np.cross(tangent, sides)


def sweep(
    path: Numbers,
    width: Numbers,
    height: Numbers | None = None,
    section: str = "round",
    side: Numbers = (1, 0, 0),
    closed: bool = False,
) -> Manifold:
    """Bar of varying cross-section along a path.

    Args:
        path: Centre line (N, 3) in metres.
        width: Full size of the section along `side`, a number or (N,).
        height: Full size across it; the width when None.
        section: "round", "soft" (rounded rectangle) or "square".
        side: Direction of the section's width at the first point.
        closed: Whether the path returns to its first point (which is not repeated).
    """
    path = np.asarray(path, float)
    outline = _section(section)
    sides, ups = _frames(path, side, closed)
    half_width = np.broadcast_to(np.asarray(width, float), len(path))[:, None, None] / 2
    half_height = half_width if height is None else np.broadcast_to(height, len(path))[:, None, None] / 2
    rings = path[:, None] + half_width * outline[:, :1] * sides[:, None] + half_height * outline[:, 1:] * ups[:, None]
    if closed:
        N, K = rings.shape[:2]
        index = np.arange(N * K).reshape(N, K)
        index = np.concatenate([index, index[:, :1]], 1)
        return _solid(rings.reshape(-1, 3), _quads(np.concatenate([index, index[:1]])))
    return loft(rings, path[[0, -1]])


def loft(rings: NDArray, ends: NDArray) -> Manifold:
    """Skin over rings of points (N, K, 3), closed by fans about the points `ends` (2, 3)."""
    N, K = rings.shape[:2]
    index = np.arange(N * K).reshape(N, K)
    index = np.concatenate([index, index[:, :1]], 1)
    vertices = np.concatenate([rings.reshape(-1, 3), ends])
    first = np.stack([np.full(K, N * K), index[0, 1:], index[0, :-1]], -1)
    last = np.stack([np.full(K, N * K + 1), index[-1, :-1], index[-1, 1:]], -1)
    return _solid(vertices, np.concatenate([_quads(index)[:, ::-1], first[:, ::-1], last[:, ::-1]]))


def bar(start: Numbers, end: Numbers, width: Numbers, height: Numbers | None = None, **kwargs) -> Manifold:
    """Straight `sweep` from start to end; sizes given as lists are spread evenly along it."""
    sizes = [np.atleast_1d(np.asarray(s, float)) for s in (width, width if height is None else height)]
    count = max(2, *(len(s) for s in sizes))
    width, height = (s if len(s) == count else np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(s)), s)
                     for s in sizes)  # fmt: skip
    return sweep(np.linspace(np.asarray(start, float), np.asarray(end, float), count), width, height, **kwargs)


def lathe(profile: Numbers, centre: Numbers = (0, 0, 0), segments: int = 24) -> Manifold:
    """Solid of revolution about the vertical through `centre`; profile (N, 2) of radius and height, upwards."""
    profile = np.asarray(profile, float)
    angle = np.arange(segments) * (2 * np.pi / segments)
    rings = np.stack(
        [
            profile[:, :1] * np.cos(angle),
            np.repeat(profile[:, 1:], segments, 1),
            profile[:, :1] * np.sin(angle),
        ],
        -1,
    )
    N = len(profile)
    index = np.arange(N * segments).reshape(N, segments)
    index = np.concatenate([index, index[:, :1]], 1)
    poles = np.array([[0, profile[0, 1], 0], [0, profile[-1, 1], 0]])
    first = np.stack([np.full(segments, N * segments), index[0, 1:], index[0, :-1]], -1)
    last = np.stack([np.full(segments, N * segments + 1), index[-1, :-1], index[-1, 1:]], -1)
    vertices = np.concatenate([rings.reshape(-1, 3), poles]) + np.asarray(centre, float)
    return _solid(vertices, np.concatenate([_quads(index)[:, ::-1], first[:, ::-1], last[:, ::-1]]))


def sheet(grid: NDArray, thickness: Numbers) -> Manifold:
    """Thick bent sheet about a grid of points (R, C, 3); thickness in metres, a number or (R, C)."""
    normal = np.cross(np.gradient(grid, axis=0), np.gradient(grid, axis=1))
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    offset = normal * (np.broadcast_to(np.asarray(thickness, float), grid.shape[:2])[..., None] / 2)
    R, C = grid.shape[:2]
    index = np.arange(R * C).reshape(R, C)
    rim = np.concatenate([index[0, :-1], index[:-1, -1], index[-1, :0:-1], index[::-1, 0]])
    walls = _quads(np.stack([rim, rim + R * C]))
    faces = np.concatenate([_quads(index), _quads(index + R * C)[:, ::-1], walls[:, ::-1]])
    return _solid(np.concatenate([(grid + offset).reshape(-1, 3), (grid - offset).reshape(-1, 3)]), faces)


def rounded_box(size: Numbers, radius: Numbers, cells: int = 5, arcs: int = 2) -> Manifold:
    """Box of `size` (3,) about the origin with elliptic edges of `radius` (3,) or a number, gridded to be warped.

    Args:
        size: Full extents in metres.
        radius: Edge radius per axis, cut off at half the extent.
        cells: Grid cells between the edges, along each axis.
        arcs: Grid cells from a face's rim to the middle of its edge.
    """
    half = np.asarray(size, float) / 2
    radius = np.minimum(np.asarray(radius, float), half * 0.98)
    n = cells + 2 * arcs
    step = np.tan(np.linspace(np.pi / 4, 0, arcs + 1))
    inner = np.concatenate([np.full(arcs, -1.0), np.linspace(-1, 1, cells + 1), np.full(arcs, 1.0)])
    outer = np.concatenate([-step, np.zeros(cells - 1), step[::-1]])
    row, column = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    lattice, faces = [], []
    for axis in range(3):
        for end in (0, n):
            ijk = np.empty((n + 1, n + 1, 3), int)
            ijk[..., axis], ijk[..., (axis + 1) % 3], ijk[..., (axis + 2) % 3] = end, row, column
            quads = _quads(np.arange((n + 1) ** 2).reshape(n + 1, n + 1)) + len(lattice) * (n + 1) ** 2
            faces.append(quads if end == 0 else quads[:, ::-1])
            lattice.append(ijk.reshape(-1, 3))
    ijk, inverse = np.unique(np.concatenate(lattice), axis=0, return_inverse=True)
    direction = outer[ijk] / np.linalg.norm(outer[ijk], axis=1, keepdims=True)
    return _solid(inner[ijk] * (half - radius) + direction * radius, inverse.reshape(-1)[np.concatenate(faces)])


def warp(solid: Manifold, function: Callable[[NDArray], NDArray]) -> Manifold:
    """Moves the vertices (N, 3) of a solid; the function must keep it free of folds."""
    return solid.warp_batch(lambda points: function(np.array(points)))


def round_plan(points: NDArray, roundness: float) -> NDArray:
    """Presses a box about the origin, seen from above, towards the ellipse within it; roundness 0 to 1."""
    half_x, half_z = np.abs(points[:, [0, 2]]).max(0)
    x, z = points[:, 0] / half_x, points[:, 2] / half_z
    scale_x = 1 + roundness * (np.sqrt(1 - z**2 / 2) - 1)
    scale_z = 1 + roundness * (np.sqrt(1 - x**2 / 2) - 1)
    return points * np.stack([scale_x, np.ones_like(x), scale_z], -1)
