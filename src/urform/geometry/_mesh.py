"""Meshes as users have them: triangles with materials, cleaning, and the normalised space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import trimesh
from jaxtyping import Float, Int, Shaped

from urform.geometry._upright import UPRIGHT, Up

GREY = (0.7, 0.7, 0.7)
WHITE = (1.0, 1.0, 1.0)
LARGEST = 1e30  # units: a mesh that is larger was not read rightly


@dataclass(frozen=True)
class Material:
    """Surface color: a base color in 0..1 that multiplies the texture where there is one."""

    rgb: tuple[float, float, float] = GREY
    texture: Shaped[np.ndarray, "height width 3"] | None = None


@dataclass(frozen=True)
class TexturedMesh:
    """Triangles with their colors, as loaded: nothing merged, nothing repaired.

    Attributes:
        vertices: positions in the file's own unit, y up.
        faces: vertex indices.
        corner_uv: texture coordinates of each triangle's corners (v up); zeros where there are none.
        corner_rgb: color of each corner in 0..1; ones where the file has no vertex colors.
        face_material: index into `materials`.
        materials: at least one.
        notes: what was amiss in the file or left out, missing textures for example.
        polygon: the polygon of the file that each triangle is a piece of, counted from 0.
        face_group: the part that each face belongs to, by an OBJ file's `g` or `o` lines; empty where it has none.
        normals: of the vertices, as the file has them; None where it has none.
    """

    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    corner_uv: Float[np.ndarray, "F 3 2"]
    corner_rgb: Float[np.ndarray, "F 3 3"]
    face_material: Int[np.ndarray, " F"]
    materials: tuple[Material, ...]
    notes: tuple[str, ...] = ()
    polygon: Int[np.ndarray, " F"] = field(default_factory=lambda: np.zeros(0, np.int64))
    face_group: tuple[str, ...] = ()
    normals: Float[np.ndarray, "V 3"] | None = None

    def __post_init__(self) -> None:
        if len(self.polygon) != len(self.faces):
            object.__setattr__(self, "polygon", np.arange(len(self.faces)))

    @classmethod
    def joined(cls, parts: Sequence[TexturedMesh], notes: tuple[str, ...] = ()) -> TexturedMesh:
        """Parts as one mesh; every part keeps its own materials.

        Raises:
            ValueError: there are none.
        """
        if not parts:
            raise ValueError(no_triangles(notes))
        starts = np.cumsum([0] + [len(part.vertices) for part in parts])
        firsts = np.cumsum([0] + [len(part.materials) for part in parts])
        return cls(
            vertices=np.concatenate([part.vertices for part in parts]),
            faces=np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)]),
            corner_uv=np.concatenate([part.corner_uv for part in parts]),
            corner_rgb=np.concatenate([part.corner_rgb for part in parts]),
            face_material=np.concatenate(
                [part.face_material + first for part, first in zip(parts, firsts, strict=False)]
            ),
            materials=tuple(material for part in parts for material in part.materials),
            notes=notes,
        )

    @classmethod
    def from_trimesh(cls, geometry: trimesh.Trimesh | trimesh.Scene) -> TexturedMesh:
        """Flatten a trimesh mesh or scene; every part keeps its own material."""
        scene = geometry if isinstance(geometry, trimesh.Scene) else trimesh.Scene(geometry)
        parts = [part for part in scene.dump() if isinstance(part, trimesh.Trimesh) and len(part.faces)]
        return cls.joined([_part(part) for part in parts])

    def moved(self, offset: Float[np.ndarray, " 3"], scale: float) -> TexturedMesh:
        """The mesh with every vertex at `(vertex + offset) * scale`."""
        return replace(self, vertices=(self.vertices + offset) * scale)

    def turned(self, rotation: Float[np.ndarray, "3 3"]) -> TexturedMesh:
        """The mesh with every vertex at `rotation @ vertex`."""
        normals = None if self.normals is None else self.normals @ rotation.T
        return replace(self, vertices=self.vertices @ rotation.T, normals=normals)

    def inside_out(self) -> TexturedMesh:
        """The mesh with the corners of every face in the other order, which undoes what a mirror does."""
        return replace(
            self,
            faces=self.faces[:, ::-1],
            corner_uv=self.corner_uv[:, ::-1],
            corner_rgb=self.corner_rgb[:, ::-1],
            normals=None if self.normals is None else -self.normals,
        )

    def in_use(self) -> TexturedMesh:
        """The mesh without the vertices that no face uses: they say nothing of its place and size."""
        used, faces = np.unique(self.faces, return_inverse=True)
        if len(used) == len(self.vertices):
            return self
        left_out = f"{len(self.vertices) - len(used)} vertices that no face uses, left out"
        return replace(
            self,
            vertices=self.vertices[used],
            faces=faces.reshape(-1, 3),
            normals=None if self.normals is None else self.normals[used],
            notes=(*self.notes, left_out),
        )


class Cleaned(NamedTuple):
    """A mesh whose faces meet in common vertices, each face there once, and what was done to get there."""

    vertices: Float[np.ndarray, "W 3"]
    faces: Int[np.ndarray, "G 3"]
    repairs: tuple[str, ...]


def clean(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Cleaned:
    """Merge equal vertices; drop degenerate faces and all but one of duplicate ones, also the opposite ones.

    Raises:
        ValueError: nothing is left.
    """
    extent = float(np.ptp(vertices, axis=0).max())
    if extent <= 0:
        raise ValueError("all vertices coincide, expected a mesh with an extent")
    keys = np.round(vertices / (extent * 1e-6)).astype(np.int64)  # files of 32 bits tell no more apart
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    merged = inverse.reshape(-1)[faces]
    order = np.sort(merged, axis=1)
    proper = (order[:, 0] != order[:, 1]) & (order[:, 1] != order[:, 2])
    merged, order = merged[proper], order[proper]
    if not len(merged):
        raise ValueError("all faces are degenerate, expected triangles with an area")
    _, unique = np.unique(order, axis=0, return_index=True)
    counts = {
        "degenerate faces dropped": len(faces) - len(merged),
        "duplicate faces dropped": len(merged) - len(unique),
    }
    repairs = tuple(f"{count} {name}" for name, count in counts.items() if count)
    return Cleaned(vertices[first], merged[np.sort(unique)], repairs)


def no_triangles(notes: Sequence[str]) -> str:
    """What to say of a file without faces, given the notes on what was left out of it."""
    return "no triangles in it, expected a mesh with faces" + (f" ({'; '.join(notes)})" if notes else "")


def face_normals(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "F 3"]:
    """Unit normals; zero where a face has no area."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)


def is_watertight(faces: Int[np.ndarray, "F 3"]) -> bool:
    """Whether every edge is shared by exactly two faces."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    return bool((np.unique(edges, axis=0, return_counts=True)[1] == 2).all())


@dataclass(frozen=True)
class Normalisation:
    """The map between a mesh's own coordinates and the unit ball: `normalised = (upright + offset) * scale`.

    Attributes:
        offset: of the mesh once it stands upright, y up.
        scale: what it is multiplied by.
        up: axis that points up in the mesh's own coordinates.
    """

    offset: Float[np.ndarray, " 3"]
    scale: float
    up: Up = "y"

    @classmethod
    def of(cls, vertices: Float[np.ndarray, "V 3"], up: Up = "y") -> Normalisation:
        """Centre the bounding box; the farthest vertex comes to lie at 1 / 1.03. Source: DeepSDF's recipe."""
        vertices = vertices @ UPRIGHT[up].T
        centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
        radius = float(np.linalg.norm(vertices - centre, axis=1).max())
        if not radius > 0:
            raise ValueError("all vertices coincide, expected a mesh with an extent")
        if not 1e-100 < radius < LARGEST:
            raise ValueError(f"the mesh is {radius:.3g} units large, expected a size between 1e-100 and {LARGEST:g}")
        return cls(-centre, 1.0 / (1.03 * radius), up)

    def apply(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
        """Original to normalised coordinates."""
        return (self.turn(points) + self.offset) * self.scale

    def undo(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
        """Normalised to original coordinates."""
        return (points / self.scale - self.offset) @ UPRIGHT[self.up]

    def turn(self, directions: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
        """Directions of original coordinates, normals for example, in normalised ones."""
        return directions if self.up == "y" else directions @ UPRIGHT[self.up].T


def _part(part: trimesh.Trimesh) -> TexturedMesh:
    """A trimesh mesh with its material, texture coordinates and colors."""
    faces = np.asarray(part.faces, np.int64)
    uv, rgb = np.zeros((len(faces), 3, 2)), np.ones((len(faces), 3, 3))
    material = Material()
    visual: Any = part.visual
    if visual.kind == "texture":
        coordinates = getattr(visual, "uv", None)
        if coordinates is not None and len(coordinates) == len(part.vertices):
            uv = np.nan_to_num(np.asarray(coordinates, np.float64)[:, :2])[faces]
        material = _material(visual.material)
    elif visual.kind in ("vertex", "face"):
        if visual.kind == "vertex":
            rgb = np.asarray(visual.vertex_colors, np.float64)[:, :3][faces] / 255
        else:
            rgb = np.repeat(np.asarray(visual.face_colors, np.float64)[:, None, :3], 3, axis=1) / 255
        material = Material(WHITE)
    vertices = np.asarray(part.vertices, np.float64)
    return TexturedMesh(vertices, faces, uv, rgb, np.zeros(len(faces), np.int64), (material,))


def _material(material: Any) -> Material:
    """Color and texture of a trimesh material, simple (MTL) or physically based (glTF)."""
    image = getattr(material, "baseColorTexture", None)
    if image is None:
        image = getattr(material, "image", None)
    texture = None if image is None else np.asarray(image.convert("RGB"))
    color = getattr(material, "baseColorFactor", None)
    if color is None:
        color = getattr(material, "diffuse", None)
    if color is None:
        return Material(WHITE if texture is not None else GREY, texture)
    values = np.asarray(color, np.float64)[:3]
    values = values / 255 if np.asarray(color).dtype.kind in "ui" or values.max() > 1 else values
    rgb = (float(values[0]), float(values[1]), float(values[2]))
    if texture is not None and max(rgb) < 0.05:
        rgb = (1.0, 1.0, 1.0)  # exporters write Kd 0 0 0 beside a texture
    return Material(rgb, texture)
