"""Meshes as users have them: loading with materials, cleaning, and the normalised space."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import trimesh
from jaxtyping import Float, Int, Shaped
from PIL import Image

from urform.geometry._textures import MAX_PIXELS, texture_notes

GREY = (0.7, 0.7, 0.7)
LARGEST = 1e30  # units: a mesh that is larger was not read rightly
MESH_SUFFIXES = frozenset({".obj", ".glb", ".gltf", ".ply", ".off", ".stl", ".3mf", ".dae"})


@dataclass(frozen=True)
class Material:
    """Surface colour: a base colour in 0..1 that multiplies the texture where there is one."""

    rgb: tuple[float, float, float] = GREY
    texture: Shaped[np.ndarray, "height width 3"] | None = None


@dataclass(frozen=True)
class TexturedMesh:
    """Triangles with their colours, as loaded: nothing merged, nothing repaired.

    Attributes:
        vertices: positions in the file's own unit, y up.
        faces: vertex indices.
        corner_uv: texture coordinates of each triangle's corners (v up); zeros where there are none.
        corner_rgb: colour of each corner in 0..1; ones where the file has no vertex colours.
        face_material: index into `materials`.
        materials: at least one.
        notes: what was amiss in the file, missing textures for example.
    """

    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    corner_uv: Float[np.ndarray, "F 3 2"]
    corner_rgb: Float[np.ndarray, "F 3 3"]
    face_material: Int[np.ndarray, " F"]
    materials: tuple[Material, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def from_trimesh(cls, geometry: trimesh.Trimesh | trimesh.Scene) -> TexturedMesh:
        """Flatten a trimesh mesh or scene; every part keeps its own material."""
        scene = geometry if isinstance(geometry, trimesh.Scene) else trimesh.Scene(geometry)
        parts = [part for part in scene.dump() if isinstance(part, trimesh.Trimesh) and len(part.faces)]
        if not parts:
            raise ValueError("no triangles in it, expected a mesh with faces")
        starts = np.cumsum([0] + [len(part.vertices) for part in parts])
        colours = [_part_colours(part) for part in parts]
        return cls(
            vertices=np.concatenate([np.asarray(part.vertices, np.float64) for part in parts]),
            faces=np.concatenate(
                [np.asarray(part.faces, np.int64) + start for part, start in zip(parts, starts, strict=False)]
            ),
            corner_uv=np.concatenate([uv for _, uv, _ in colours]),
            corner_rgb=np.concatenate([rgb for _, _, rgb in colours]),
            face_material=np.repeat(np.arange(len(parts)), [len(part.faces) for part in parts]),
            materials=tuple(material for material, _, _ in colours),
        )

    def moved(self, offset: Float[np.ndarray, " 3"], scale: float) -> TexturedMesh:
        """The mesh with every vertex at `(vertex + offset) * scale`."""
        return replace(self, vertices=(self.vertices + offset) * scale)

    def turned(self, rotation: Float[np.ndarray, "3 3"]) -> TexturedMesh:
        """The mesh with every vertex at `rotation @ vertex`."""
        return replace(self, vertices=self.vertices @ rotation.T)


def load_mesh(path: Path) -> TexturedMesh:
    """Read any mesh file that trimesh reads, with its materials and textures.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file cannot be read as a mesh, has no faces, or has coordinates that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such mesh file")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty, expected a mesh")
    logging.getLogger("trimesh").setLevel(logging.CRITICAL)
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS // 2  # Pillow refuses twice as many
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scene = trimesh.load_scene(path, process=False)
            mesh = replace(TexturedMesh.from_trimesh(scene), notes=texture_notes(path))
    except Exception as error:  # the parsers of a dozen formats raise whatever they like
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path}: cannot be read as a mesh: {reason.splitlines()[0]}") from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if path.suffix.lower() == ".off" and len(mesh.faces) < (declared := _declared_faces(path)):
        raise ValueError(f"{path}: has {len(mesh.faces)} of its {declared} faces, the file is cut off")
    bad = int((~np.isfinite(mesh.vertices)).any(axis=1).sum())
    if bad:
        raise ValueError(f"{path}: {bad} of {len(mesh.vertices)} vertices are NaN or infinite, expected finite ones")
    return mesh


def _declared_faces(path: Path) -> int:
    """How many faces an OFF file says it has; trimesh takes as many as there are."""
    with path.open("rb") as lines:
        words = b" ".join(line.split(b"#")[0] for line, _ in zip(lines, range(20), strict=False)).split()
    numbers = [word for word in words[:4] if word.isdigit()]
    return int(numbers[1]) if len(numbers) > 1 else 0


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
    keys = np.round(vertices / (extent * 1e-6)).astype(np.int64)
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
    """The map between a mesh's own coordinates and the unit ball: `normalised = (original + offset) * scale`."""

    offset: Float[np.ndarray, " 3"]
    scale: float

    @classmethod
    def of(cls, vertices: Float[np.ndarray, "V 3"]) -> Normalisation:
        """Centre the bounding box; the farthest vertex comes to lie at 1 / 1.03. Source: DeepSDF's recipe."""
        centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
        radius = float(np.linalg.norm(vertices - centre, axis=1).max())
        if not radius > 0:
            raise ValueError("all vertices coincide, expected a mesh with an extent")
        if not 1e-100 < radius < LARGEST:
            raise ValueError(f"the mesh is {radius:.3g} units large, expected a size between 1e-100 and {LARGEST:g}")
        return cls(-centre, 1.0 / (1.03 * radius))

    def apply(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
        """Original to normalised coordinates."""
        return (points + self.offset) * self.scale

    def undo(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
        """Normalised to original coordinates."""
        return points / self.scale - self.offset


def _part_colours(part: trimesh.Trimesh) -> tuple[Material, np.ndarray, np.ndarray]:
    """Material, corner uv (F, 3, 2) and corner colour (F, 3, 3) of one part."""
    uv = np.zeros((len(part.faces), 3, 2))
    rgb = np.ones((len(part.faces), 3, 3))
    visual: Any = part.visual
    if visual.kind == "texture":
        coordinates = getattr(visual, "uv", None)
        if coordinates is not None and len(coordinates) == len(part.vertices):
            uv = np.nan_to_num(np.asarray(coordinates, np.float64)[:, :2])[part.faces]
        return _material(visual.material), uv, rgb
    if visual.kind in ("vertex", "face"):
        if visual.kind == "vertex":
            rgb = np.asarray(visual.vertex_colors, np.float64)[:, :3][part.faces] / 255
        else:
            rgb = np.repeat(np.asarray(visual.face_colors, np.float64)[:, None, :3], 3, axis=1) / 255
        return Material((1.0, 1.0, 1.0)), uv, rgb
    return Material(), uv, rgb


def _material(material: Any) -> Material:
    """Colour and texture of a trimesh material, simple (MTL) or physically based (glTF)."""
    image = getattr(material, "baseColorTexture", None)
    if image is None:
        image = getattr(material, "image", None)
    texture = None if image is None else np.asarray(image.convert("RGB"))
    colour = getattr(material, "baseColorFactor", None)
    if colour is None:
        colour = getattr(material, "diffuse", None)
    if colour is None:
        return Material((1.0, 1.0, 1.0) if texture is not None else GREY, texture)
    values = np.asarray(colour, np.float64)[:3]
    values = values / 255 if np.asarray(colour).dtype.kind in "ui" or values.max() > 1 else values
    rgb = (float(values[0]), float(values[1]), float(values[2]))
    if texture is not None and max(rgb) < 0.05:
        rgb = (1.0, 1.0, 1.0)  # exporters write Kd 0 0 0 beside a texture
    return Material(rgb, texture)
