"""Iso-surface of any callable, evaluated coarse to fine and only where the surface can be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

if TYPE_CHECKING:
    import trimesh

logger = logging.getLogger(__name__)

MIN_RESOLUTION = 8
MAX_RESOLUTION = 512  # the finest lattice is held densely: 0.5 GB of float32 at 512

SdfCallable = Callable[[np.ndarray], np.ndarray]

# A vertex this close to a lattice point (in cells) is moved off it: coinciding vertices would collapse triangles.
_NUDGE_CELLS = 1e-3


def extract_isosurface(
    sdf: SdfCallable,
    resolution: int,
    bound: float = 1.0,
    coarse: int = 16,
    safety: float = 1.25,
    min_component_share: float = 0.01,
    batch_points: int = 1 << 17,
    radius: float | None = None,
) -> trimesh.Trimesh:
    """Extract the surface `sdf == 0` inside the cube [-bound, bound]^3 as a watertight mesh.

    A coarse lattice is evaluated densely, then its spacing is halved until there are `resolution` cells along an axis.
    A new lattice point is evaluated only where the field, interpolated from the lattice before, is closer to zero than
    `safety` times the distance to the points it was interpolated from: elsewhere a field with a slope of at most
    `safety` cannot have changed sign. At the end every cell with a change of sign has its eight corners evaluated, so
    a component that was met at all comes out exactly as from the dense lattice.

    Args:
        sdf: maps points (N, 3), float32, to approximate signed distances (N,), negative inside; far values may be
            clamped.
        resolution: cells along an axis, 8 to 512; any integer.
        bound: half the side of the cube. Where the inside reaches the wall, the mesh is closed on the wall.
        coarse: wanted cells along an axis of the first lattice; the true number is within a factor of 1.42.
            Fewer is cheaper down to where the spacing reaches the clamping distance.
        safety: the steepest slope of `sdf` near its surface that is reckoned with; 1 suits a true distance.
        min_component_share: connected components with less than this share of the largest one's area are dropped.
        batch_points: most points in one call of `sdf`.
        radius: where the shape is known to lie in a ball around the origin: coarse points outside of the ball are not
            evaluated (half the cube for a radius equal to `bound`). What sticks out of it is followed all the same.

    Returns:
        The mesh, faces oriented outwards. Its `metadata` counts `evaluations` (points given to `sdf`) and
        `dropped_components`, and keeps `resolution`.

    Raises:
        ValueError: an argument is out of range, the field is not finite, or it has no zero crossing in the cube.
    """
    _check_arguments(resolution, bound, coarse, safety, min_component_share)
    if radius is not None and not radius > 0:
        raise ValueError(f"radius must be positive, got {radius}")
    field = _LatticeField(sdf, resolution, bound, batch_points)
    stride = 2 ** max(0, round(np.log2(resolution / coarse)))
    values = field.evaluate_coarse(stride, safety, radius)
    while stride > 1:
        stride //= 2
        values = field.refine(values, stride, safety)
    values = np.ascontiguousarray(values[: resolution + 1, : resolution + 1, : resolution + 1])
    crossing = field.complete_crossing_cells(values)
    if not crossing.any():
        side = "outside" if values.flat[0] >= 0 else "inside"
        raise ValueError(
            f"the field has no zero crossing in the cube of half side {bound:g}: it is {side} everywhere "
            f"(values {values.min():.4g} to {values.max():.4g})"
        )
    vertices, faces = _marching_cubes(values, crossing, bound)
    vertices, faces = _part_shared_edges(vertices, faces)
    vertices, faces, dropped = _drop_small_components(vertices, faces, min_component_share)
    if dropped:
        logger.info("dropped %d components below %g %% of the largest", dropped, 100 * min_component_share)
    logger.debug("%d evaluations, dense: %d", field.evaluations, (resolution + 1) ** 3)
    import trimesh

    metadata = {"evaluations": field.evaluations, "dropped_components": dropped, "resolution": resolution}
    return trimesh.Trimesh(vertices, faces, process=False, metadata=metadata)


class _LatticeField:
    """Evaluates `sdf` at lattice points; indices beyond `resolution` stand for points on the far wall.

    The strides are powers of two and the resolution is any integer, so the coarse lattices may end behind the wall;
    clipping their last layer onto it keeps `sdf` from being asked outside of the cube.
    """

    def __init__(self, sdf: SdfCallable, resolution: int, bound: float, batch_points: int) -> None:
        self.sdf = sdf
        self.resolution = resolution
        self.axis = np.linspace(-bound, bound, resolution + 1).astype(np.float32)
        self.cell = 2 * bound / resolution
        self.batch_points = batch_points
        self.evaluations = 0
        self.known = np.zeros((0, 0, 0), dtype=bool)

    def evaluate(self, index: tuple[Int[np.ndarray, " N"], ...]) -> Float[np.ndarray, " N"]:
        """Evaluate the points with these indices along x, y and z, in cells of the finest lattice."""
        values = np.empty(len(index[0]), dtype=np.float32)
        for start in range(0, len(values), self.batch_points):
            chunk = slice(start, start + self.batch_points)
            points = np.stack([self.axis[np.minimum(i[chunk], self.resolution)] for i in index], axis=1)
            answer = np.asarray(self.sdf(points))
            if answer.shape != (len(points),):
                raise ValueError(f"sdf must return shape ({len(points)},), got {answer.shape}")
            values[chunk] = answer
        if not np.isfinite(values).all():
            raise ValueError(f"the field must be finite, got {np.count_nonzero(~np.isfinite(values))} NaN or infinite")
        self.evaluations += len(values)
        # An exact zero belongs to no side; the nudge also keeps vertices apart that would meet in a lattice point.
        nudge = np.float32(_NUDGE_CELLS * self.cell)
        return np.where(np.abs(values) < nudge, np.where(values < 0, -nudge, nudge), values)

    def evaluate_coarse(self, stride: int, safety: float, radius: float | None) -> Float[np.ndarray, "X Y Z"]:
        """Evaluate the points of the lattice with this stride, those inside the ball or all."""
        axis = self.axis[np.minimum(np.arange(0, self.resolution + stride, stride), self.resolution)]
        from_centre = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
        self.known = np.ones(from_centre.shape, dtype=bool) if radius is None or stride == 1 else from_centre <= radius
        # The value of the others, presumed outside, is large enough to keep `refine` from looking at them again.
        values = from_centre + np.float32(stride * self.cell * safety)
        index = np.nonzero(self.known)
        values[index] = self.evaluate(tuple(i * stride for i in index))
        return values

    def refine(self, coarse: Float[np.ndarray, "X Y Z"], stride: int, safety: float) -> Float[np.ndarray, "X2 Y2 Z2"]:
        """Halve the spacing to `stride`: interpolate everywhere, evaluate where the sign is not certain."""
        values = _interpolate(coarse)
        known = np.zeros(values.shape, dtype=bool)
        known[::2, ::2, ::2] = self.known
        self.known = known
        todo = []
        for parity in range(1, 8):
            offset = (parity & 1, parity >> 1 & 1, parity >> 2)
            # The points interpolated between lie 1, sqrt 2 or sqrt 3 spacings away: middle of an edge, face, cell.
            reach = safety * stride * self.cell * np.sqrt(sum(offset))
            near = np.nonzero(np.abs(values[offset[0] :: 2, offset[1] :: 2, offset[2] :: 2]) < reach)
            todo.append([(2 * i + o).astype(np.int32) for i, o in zip(near, offset, strict=True)])
        index = tuple(np.concatenate(i) for i in zip(*todo, strict=True))
        values[index] = self.evaluate(tuple(i * stride for i in index))
        known[index] = True
        return values

    def complete_crossing_cells(self, values: Float[np.ndarray, "X Y Z"]) -> Bool[np.ndarray, "X1 Y1 Z1"]:
        """Evaluate, in place, the missing corners of cells with a change of sign until none is missing; mark these."""
        known = np.ascontiguousarray(self.known[tuple(slice(n) for n in values.shape)])
        while True:
            inside = values < 0
            crossing = _any_corner(inside)
            crossing &= _any_corner(~inside)
            cells = np.nonzero(crossing)
            missing = np.zeros(values.shape, dtype=bool)
            for corner in range(8):
                index = tuple(i + (corner >> axis & 1) for axis, i in enumerate(cells))
                missing[index] = True
            missing &= ~known
            index = np.nonzero(missing)
            if not len(index[0]):
                return crossing
            values[index] = self.evaluate(index)
            known[index] = True


def _check_arguments(resolution: int, bound: float, coarse: int, safety: float, min_component_share: float) -> None:
    if not MIN_RESOLUTION <= resolution <= MAX_RESOLUTION:
        raise ValueError(f"resolution must be {MIN_RESOLUTION} to {MAX_RESOLUTION} cells, got {resolution}")
    if not bound > 0:
        raise ValueError(f"bound must be positive, got {bound}")
    if coarse < 1:
        raise ValueError(f"coarse must be at least 1 cell, got {coarse}")
    if not safety > 0:
        raise ValueError(f"safety must be positive, got {safety}")
    if not 0 <= min_component_share <= 1:
        raise ValueError(f"min_component_share must be 0 to 1, got {min_component_share}")


def _interpolate(coarse: Float[np.ndarray, "X Y Z"]) -> Float[np.ndarray, "X2 Y2 Z2"]:
    """Halve the spacing of a lattice by trilinear interpolation."""
    fine = np.empty([2 * n - 1 for n in coarse.shape], dtype=np.float32)
    fine[::2, ::2, ::2] = coarse
    fine[1::2, ::2, ::2] = (fine[:-1:2, ::2, ::2] + fine[2::2, ::2, ::2]) / 2
    fine[:, 1::2, ::2] = (fine[:, :-1:2, ::2] + fine[:, 2::2, ::2]) / 2
    fine[:, :, 1::2] = (fine[:, :, :-1:2] + fine[:, :, 2::2]) / 2
    return fine


def _any_corner(mask: Bool[np.ndarray, "X Y Z"]) -> Bool[np.ndarray, "X1 Y1 Z1"]:
    """Whether any of the eight corners of each cell is marked."""
    mask = mask[:-1] | mask[1:]
    mask = mask[:, :-1] | mask[:, 1:]
    return mask[:, :, :-1] | mask[:, :, 1:]


def _marching_cubes(
    values: Float[np.ndarray, "X Y Z"], crossing: Bool[np.ndarray, "X1 Y1 Z1"], bound: float
) -> tuple[Float[np.ndarray, "V 3"], Int[np.ndarray, "F 3"]]:
    """Triangulate the zero level, in world units; only the box around the crossing cells is walked through."""
    from skimage.measure import marching_cubes

    cell = 2 * bound / crossing.shape[0]
    # Where the inside lies on the wall, one layer of outside is added; its values are so large that the lid lies on the
    # wall to a twentieth of a cell, and clipping makes it flat.
    wall = max(float(-np.take(values, end, axis).min()) for axis in range(3) for end in (0, -1))
    if wall > 0:
        values = np.pad(values, 1, constant_values=20 * wall)
        low, high = [0, 0, 0], list(values.shape)
    else:
        spans = [np.nonzero(crossing.any(axis=tuple({0, 1, 2} - {axis})))[0] for axis in range(3)]
        low, high = [int(s[0]) for s in spans], [int(s[-1]) + 2 for s in spans]
    box = values[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    # "descent" is skimage's word for faces that look to where the field grows. Lewiner's variant has no holes.
    vertices, faces, _, _ = marching_cubes(
        np.ascontiguousarray(box), 0.0, gradient_direction="descent", allow_degenerate=False, method="lewiner"
    )
    origin = np.array(low, dtype=np.float64) - (1 if wall > 0 else 0)
    vertices = (vertices.astype(np.float64) + origin) * cell - bound
    return np.clip(vertices, -bound, bound), faces.astype(np.int64)


def _part_shared_edges(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> tuple[Float[np.ndarray, "V2 3"], Int[np.ndarray, "F2 3"]]:
    """Part the two sheets where Lewiner's variant lets four faces share an edge, which happens in noise.

    The middle of the edge becomes a vertex of its own for each pair of faces, so every edge has two faces again.
    """
    count = len(vertices)
    starts, ends = faces, np.roll(faces, -1, axis=1)
    keys = np.minimum(starts, ends) * count + np.maximum(starts, ends)
    ordered = np.sort(keys, axis=None)
    shared = np.unique(ordered[2:][ordered[2:] == ordered[:-2]])
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


def _drop_small_components(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], min_share: float
) -> tuple[Float[np.ndarray, "V2 3"], Int[np.ndarray, "F2 3"], int]:
    """Keep the components whose area is at least `min_share` of the largest one's; count the others."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows, columns = faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel()
    links = coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(vertices), len(vertices)))
    count, label = connected_components(links, directed=False)
    corners = vertices[faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    face_label = label[faces[:, 0]]
    component_areas = np.bincount(face_label, weights=areas, minlength=count)
    keep = component_areas >= min_share * component_areas.max()
    if keep.all():
        return vertices, faces, 0
    faces = faces[keep[face_label]]
    used = keep[label]
    renumbered = np.cumsum(used) - 1
    return vertices[used], renumbered[faces], int(np.count_nonzero(~keep))
