"""The headless renderer: rays against triangles on the CPU, no display, no driver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from urform.geometry import RayScene, TexturedMesh
from urform.render._camera import Camera
from urform.render._crowds import at_most_at_one_place, corner_normals

CREASE_DEG = 40.0  # faces at a larger angle meet in an edge; a cylinder of nine sides and more looks round


@dataclass(frozen=True)
class Light:
    """One lamp beside the camera and light from everywhere.

    Attributes:
        direction: towards the lamp, in the camera's axes (right, up, backwards); any length.
        ambient: share of the light that comes from everywhere, 0..1.
    """

    direction: tuple[float, float, float] = (0.4, 0.8, 0.7)
    ambient: float = 0.45


@dataclass(frozen=True)
class Frame:
    """One picture; alpha is the share of a pixel that the object covers.

    Attributes:
        color: lit.
        albedo: unlit.
        depth: distance of the nearest sample along the viewing axis, in the unit of the space; 0 where there is none.
        normals: of that sample in the camera's axes (right, up, backwards), towards the camera; 0 where there is none.
            Both are None unless asked for.
    """

    color: UInt8[np.ndarray, "H W 4"]
    albedo: UInt8[np.ndarray, "H W 4"]
    depth: Float[np.ndarray, "H W"] | None = None
    normals: Float[np.ndarray, "H W 3"] | None = None


class RayCaster:
    """Renders one mesh, two-sided, with materials and textures.

    Args:
        mesh: in the space in which cameras are placed.
    """

    def __init__(self, mesh: TexturedMesh):
        self._mesh = mesh
        self._kept = at_most_at_one_place(mesh.vertices, mesh.faces)
        faces = mesh.faces[self._kept]
        self._scene = RayScene(mesh.vertices, faces)
        self._corner_normals = corner_normals(mesh.vertices, faces, CREASE_DEG).astype(np.float32)
        self._corner_rgb = None if (mesh.corner_rgb == 1).all() else mesh.corner_rgb.astype(np.float32)
        self._face_rgb = np.array([material.rgb for material in mesh.materials], np.float32)[mesh.face_material]
        self._textures = {
            index: material.texture for index, material in enumerate(mesh.materials) if material.texture is not None
        }

    def render(
        self, camera: Camera, size: int, light: Light | None = None, samples: int = 4, geometry: bool = False
    ) -> Frame:
        """One picture of `size` x `size` pixels.

        Args:
            camera: where it is taken from.
            size: pixels along an edge.
            light: how it is lit; the default is a lamp above the camera.
            samples: rays a pixel, a square number.
            geometry: also give depth and normals.
        """
        light = light or Light()
        grid = round(samples**0.5)
        if grid * grid != samples or samples < 1:
            raise ValueError(f"samples must be a square number (1, 4, 9, ...), got {samples}")
        axes = camera.axes.astype(np.float32)
        rows, columns = self._covered(camera, size)
        rays = _rays(camera, size, grid, rows, columns)  # in the camera's axes, one unit deep
        directions = (rays @ axes).reshape(-1, 3)
        hits = self._scene.first_hits(np.broadcast_to(camera.eye, directions.shape), directions)
        hit = np.flatnonzero(hits.face >= 0)
        face = self._kept[hits.face[hit]]
        v, w = np.ascontiguousarray(hits.barycentric[hit].T, np.float32)[:, :, None]
        weights = 1 - v - w, v, w
        normals = _interpolate(self._corner_normals, hits.face[hit], weights) @ axes.T
        normals /= np.maximum(np.sqrt(_dot(normals, normals)), 1e-12)[:, None]
        views = rays.reshape(-1, 3)[hit]
        towards = _dot(normals, views)
        normals *= -np.sign(towards)[:, None]
        albedo = self._albedo(face, weights)
        shade = _shade(normals, np.abs(towards) / np.sqrt(_dot(views, views)), light)
        count, window = grid * grid, (slice(rows.start, rows.stop), slice(columns.start, columns.stop))
        color, albedo = _resolve([albedo * shade[:, None], albedo], hit, count, (size, size), window)
        if not geometry:
            return Frame(color, albedo)
        depth, normals = _nearest(hits.distance[hit], normals, hit, count, (size, size), window)
        return Frame(color, albedo, depth, normals)

    def _covered(self, camera: Camera, size: int) -> tuple[range, range]:
        """Rows and columns of the rectangle that the object can cover."""
        projected = camera.project(self._mesh.vertices)
        low = np.clip(np.floor((projected.min(axis=0) + 1) / 2 * size) - 1, 0, size - 1).astype(int)
        high = np.clip(np.ceil((projected.max(axis=0) + 1) / 2 * size) + 1, 1, size).astype(int)
        return range(size - high[1], size - low[1]), range(low[0], high[0])

    def _albedo(self, face: np.ndarray, weights: tuple[np.ndarray, ...]) -> Float[np.ndarray, "N 3"]:
        """Unlit color in 0..1 at points on faces."""
        mesh = self._mesh
        color = self._face_rgb[face]
        if self._corner_rgb is not None:
            color *= _interpolate(self._corner_rgb, face, weights)
        materials = mesh.face_material[face] if self._textures else np.zeros(0, np.int64)
        order = np.argsort(materials, kind="stable")
        indices, starts = np.unique(materials[order], return_index=True)
        for index, chosen in zip(indices.tolist(), np.split(order, starts[1:]), strict=False):
            if index in self._textures:
                uv = _interpolate(mesh.corner_uv, face[chosen], tuple(weight[chosen] for weight in weights))
                color[chosen] *= _texture_lookup(self._textures[index], uv)
        return color


def _rays(camera: Camera, size: int, grid: int, rows: range, columns: range) -> Float[np.ndarray, "S R C 3"]:
    """Rays through grid x grid points of each pixel, in the camera's axes, one unit deep; sample by sample."""
    half = camera.sensor_mm / (2 * camera.focal_mm)
    inside = (np.arange(grid) + 0.5) / grid
    x = ((columns.start + np.arange(len(columns)) + inside[:, None]) / size * 2 - 1) * half
    y = (1 - (rows.start + np.arange(len(rows)) + inside[:, None]) / size * 2) * half
    rays = np.empty((grid, grid, len(rows), len(columns), 3), np.float32)
    rays[..., 0] = x[None, :, None, :]
    rays[..., 1] = y[:, None, :, None]
    rays[..., 2] = -1
    return rays.reshape(grid * grid, len(rows), len(columns), 3)


def _interpolate(corners: np.ndarray, face: np.ndarray, weights: tuple[np.ndarray, ...]) -> Float[np.ndarray, "N K"]:
    """Values at points on faces from those at the faces' corners (F, 3, K)."""
    values = corners[face]
    first, second, third = weights
    return first * values[:, 0] + second * values[:, 1] + third * values[:, 2]


def _dot(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " N"]:
    return one[:, 0] * other[:, 0] + one[:, 1] * other[:, 1] + one[:, 2] * other[:, 2]


def _shade(normals: np.ndarray, head: np.ndarray, light: Light) -> Float[np.ndarray, " N"]:
    """Lambert shading from the lamp, and some from the camera (`head`: cosine of normal and viewing direction)."""
    lamp = np.asarray(light.direction, np.float32)
    lit = np.clip(normals @ (lamp / np.linalg.norm(lamp)), 0, 1)
    return light.ambient + (1 - light.ambient) * (0.75 * lit + 0.25 * head)


def _texture_lookup(texture: UInt8[np.ndarray, "Y X 3"], uv: np.ndarray) -> Float[np.ndarray, "N 3"]:
    """Bilinear, repeating in both directions."""
    height, width = texture.shape[:2]
    x, y = uv[:, 0] % 1 * width - 0.5, (1 - uv[:, 1] % 1) * height - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    along, down = (x - left).astype(np.float32)[:, None], (y - top).astype(np.float32)[:, None]
    right, bottom = (left + 1) % width, (top + 1) % height
    left, top = left % width, top % height
    upper = texture[top, left] * (1 - along) + texture[top, right] * along
    lower = texture[bottom, left] * (1 - along) + texture[bottom, right] * along
    return (upper * (1 - down) + lower * down) / np.float32(255)


Window = tuple[slice, slice]


def _resolve(
    colors: list[np.ndarray], hit: np.ndarray, samples: int, shape: tuple[int, int], window: Window
) -> list[UInt8[np.ndarray, "H W 4"]]:
    """Average the samples of each pixel; color is not darkened where the object covers a pixel in part."""
    rows, columns = (part.stop - part.start for part in window)
    values = np.zeros((samples * rows * columns, 1 + 3 * len(colors)), np.float32)
    values[hit, 0] = 1
    for index, color in enumerate(colors):
        values[hit, 1 + 3 * index : 4 + 3 * index] = color
    total = values.reshape(samples, rows * columns, -1).sum(axis=0).reshape(rows, columns, -1)
    covered = total[..., :1]
    pictures = []
    for index in range(len(colors)):
        rgb = total[..., 1 + 3 * index : 4 + 3 * index] / np.maximum(covered, 1)
        picture = np.zeros((*shape, 4), np.uint8)
        rgba = np.concatenate([rgb, covered / samples], axis=2)
        picture[window] = (np.clip(rgba, 0, 1) * 255 + 0.5).astype(np.uint8)
        pictures.append(picture)
    return pictures


def _nearest(
    depth: np.ndarray, normals: np.ndarray, hit: np.ndarray, samples: int, shape: tuple[int, int], window: Window
) -> tuple[Float[np.ndarray, "H W"], Float[np.ndarray, "H W 3"]]:
    """Depth and normal of each pixel's nearest sample: an average across an edge would lie on no surface."""
    rows, columns = (part.stop - part.start for part in window)
    all_depths = np.full((samples, rows * columns), np.inf, np.float32)
    all_depths.reshape(-1)[hit] = depth
    place = np.full(samples * rows * columns, -1)
    place[hit] = np.arange(len(hit))
    first = all_depths.argmin(axis=0)
    pixel = np.arange(rows * columns)
    nearest = place.reshape(samples, -1)[first, pixel]
    seen = nearest >= 0
    window_depth, window_normals = np.zeros(rows * columns, np.float32), np.zeros((rows * columns, 3), np.float32)
    window_depth[seen] = depth[nearest[seen]]
    window_normals[seen] = normals[nearest[seen]]
    full_depth, full_normals = np.zeros(shape, np.float32), np.zeros((*shape, 3), np.float32)
    full_depth[window] = window_depth.reshape(rows, columns)
    full_normals[window] = window_normals.reshape(rows, columns, 3)
    return full_depth, full_normals
