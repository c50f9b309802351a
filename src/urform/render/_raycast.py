"""The headless renderer: rays against triangles on the CPU, no display, no driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import igl
import numpy as np
from jaxtyping import Float, UInt8

from urform.geometry import RayScene, TexturedMesh
from urform.render._camera import Camera

CREASE_DEG = 40.0


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
    """One picture; alpha is the share of a pixel that the object covers."""

    colour: UInt8[np.ndarray, "H W 4"]
    albedo: UInt8[np.ndarray, "H W 4"]


class Renderer(Protocol):
    """Whatever turns one mesh, given when it is built, into pictures."""

    def render(self, camera: Camera, size: int, light: Light | None = None, samples: int = 4) -> Frame:
        """One picture of `size` x `size` pixels."""
        ...


class RayCaster:
    """Renders one mesh, two-sided, with materials and textures.

    Args:
        mesh: in the space in which cameras are placed.
    """

    def __init__(self, mesh: TexturedMesh):
        self._mesh = mesh
        self._scene = RayScene(mesh.vertices, mesh.faces)
        faces = np.ascontiguousarray(mesh.faces, np.int64)
        vertices = np.ascontiguousarray(mesh.vertices, np.float64)
        normals = igl.per_corner_normals(vertices, faces, CREASE_DEG)
        self._corner_normals = np.nan_to_num(np.asarray(normals)).reshape(len(faces), 3, 3)

    def render(self, camera: Camera, size: int, light: Light | None = None, samples: int = 4) -> Frame:
        """One picture of `size` x `size` pixels.

        Args:
            camera: where it is taken from.
            size: pixels along an edge.
            light: how it is lit; the default is a lamp above the camera.
            samples: rays a pixel, a square number.
        """
        light = light or Light()
        grid = round(samples**0.5)
        if grid * grid != samples or samples < 1:
            raise ValueError(f"samples must be a square number (1, 4, 9, ...), got {samples}")
        fine = size * grid
        pixels = self._covered_pixels(camera, fine)
        column, row = np.divmod(pixels, fine)[::-1]
        image_points = np.stack([(column + 0.5) / fine * 2 - 1, 1 - (row + 0.5) / fine * 2], axis=1)
        directions = camera.directions(image_points)
        origins = np.broadcast_to(camera.eye, directions.shape)
        hits = self._scene.first_hits(origins, directions)
        hit = hits.face >= 0
        face = hits.face[hit]
        weights = np.concatenate([1 - hits.barycentric.sum(axis=1, keepdims=True), hits.barycentric], axis=1)[hit]
        albedo = self._albedo(face, weights)
        shade = self._shade(face, weights, directions[hit], camera, light)
        return Frame(
            _resolve(albedo * shade[:, None], pixels[hit], size, grid), _resolve(albedo, pixels[hit], size, grid)
        )

    def _covered_pixels(self, camera: Camera, fine: int) -> np.ndarray:
        """Indices of the (sub)pixels in the rectangle that the object can cover."""
        projected = camera.project(self._mesh.vertices)
        low = np.clip(np.floor((projected.min(axis=0) + 1) / 2 * fine) - 1, 0, fine - 1).astype(int)
        high = np.clip(np.ceil((projected.max(axis=0) + 1) / 2 * fine) + 1, 1, fine).astype(int)
        rows = np.arange(fine - high[1], fine - low[1])
        return (rows[:, None] * fine + np.arange(low[0], high[0])[None, :]).reshape(-1)

    def _albedo(self, face: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Unlit colour (N, 3) in 0..1 at points on faces."""
        mesh = self._mesh
        colour = np.einsum("nc,nck->nk", weights, mesh.corner_rgb[face])
        material_of = mesh.face_material[face]
        for index in np.unique(material_of):
            material, chosen = mesh.materials[index], material_of == index
            colour[chosen] *= material.rgb
            if material.texture is not None:
                uv = np.einsum("nc,nck->nk", weights[chosen], mesh.corner_uv[face[chosen]])
                colour[chosen] *= _texture_lookup(material.texture, uv)
        return colour

    def _shade(
        self, face: np.ndarray, weights: np.ndarray, directions: np.ndarray, camera: Camera, light: Light
    ) -> np.ndarray:
        """Lambert shading (N,), the side of the face that is seen being the lit one."""
        normals = np.einsum("nc,nck->nk", weights, self._corner_normals[face])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        facing = -np.sign(np.einsum("nk,nk->n", normals, directions))
        lamp = np.asarray(light.direction) @ camera.axes
        lamp = lamp / np.linalg.norm(lamp)
        lit = np.clip(facing * (normals @ lamp), 0, 1)
        head = np.abs(np.einsum("nk,nk->n", normals, directions))
        return light.ambient + (1 - light.ambient) * (0.75 * lit + 0.25 * head)


def _texture_lookup(texture: np.ndarray, uv: np.ndarray) -> Float[np.ndarray, "N 3"]:
    """Bilinear, repeating in both directions."""
    height, width = texture.shape[:2]
    x, y = uv[:, 0] % 1 * width - 0.5, (1 - uv[:, 1] % 1) * height - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    along, down = (x - left)[:, None], (y - top)[:, None]
    upper = texture[top % height, left % width] * (1 - along) + texture[top % height, (left + 1) % width] * along
    lower = (
        texture[(top + 1) % height, left % width] * (1 - along)
        + texture[(top + 1) % height, (left + 1) % width] * along
    )
    return (upper * (1 - down) + lower * down) / 255


def _resolve(colour: np.ndarray, pixels: np.ndarray, size: int, grid: int) -> UInt8[np.ndarray, "H W 4"]:
    """Average the samples of each pixel; colour is not darkened where the object covers a pixel in part."""
    fine = np.zeros((size * grid * size * grid, 4), np.float32)
    fine[pixels, :3] = colour
    fine[pixels, 3] = 1
    blocks = fine.reshape(size, grid, size, grid, 4)
    total = np.zeros((size, size, 4), np.float32)
    for row, column in np.ndindex(grid, grid):  # far faster than .sum over two axes
        total += blocks[:, row, :, column]
    covered = total[..., 3:]
    rgb = total[..., :3] / np.maximum(covered, 1)
    picture = np.concatenate([rgb, covered / grid**2], axis=2)
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
