"""A UV texture of a mesh from the pictures that it was made from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh
import xatlas
from jaxtyping import Float, Int, UInt8
from PIL import Image
from scipy.ndimage import distance_transform_edt
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from urform.geometry import RayScene, simplify
from urform.inference._color import MIRROR, Shot, picture_colors, seen_colors

SIZE = 1024
MOST_FACES = 10_000  # 20,000 take xatlas seven times as long
_ROUGH = 0.9


def textured(mesh: trimesh.Trimesh, shots: Sequence[Shot], size: int = SIZE) -> trimesh.Trimesh:
    """The mesh, simplified to 10,000 faces, with a texture in which each texel has the color that a picture shows.

    A texel that no picture shows has the color of its mirror image. If that is hidden too, it has the color that
    `picture_colors` gives to the vertices around it. Vertices are parted where charts of the texture meet.

    Args:
        mesh: what was made from the pictures; x = 0 is the plane of symmetry of its category.
        shots: the pictures.
        size: texels along an edge.

    Source: the charts are those of xatlas (Young).
    """
    mesh = simplify(mesh, MOST_FACES)
    vertices, normals = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.vertex_normals, np.float64)
    origin, faces, uv = xatlas.parametrize(vertices.astype(np.float32), np.asarray(mesh.faces, np.uint32))
    rows, columns, corners, weights = _texels(uv, faces.astype(np.int64), size)
    corners = origin.astype(np.int64)[corners]
    points, facing, around = (
        np.einsum("nck,nc->nk", values[corners], weights)
        for values in (vertices, normals, picture_colors(mesh, shots).astype(np.float64))
    )
    scene, mirror = RayScene(vertices, np.asarray(mesh.faces)), [-1.0, 1.0, 1.0]
    colors, seen = seen_colors(points, facing, scene, shots)
    hidden = np.flatnonzero(~seen)
    opposite, also = seen_colors(points[hidden] * mirror, facing[hidden] * mirror, scene, shots, off=MIRROR)
    colors[hidden] = np.where(also[:, None], opposite, around[hidden])
    picture = Image.fromarray(_spread(colors, rows, columns, size))
    surface = PBRMaterial(baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=_ROUGH)
    parted = trimesh.Trimesh(vertices[origin], faces, vertex_normals=normals[origin], process=False)
    parted.visual = TextureVisuals(uv, material=surface)
    return parted


def _texels(
    uv: Float[np.ndarray, "V 2"], faces: Int[np.ndarray, "F 3"], size: int
) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"], Int[np.ndarray, "N 3"], Float[np.ndarray, "N 3"]]:
    """Rows and columns of the texels that a face covers, its corners and their weights there."""
    flat = np.concatenate([uv, np.zeros((len(uv), 1))], axis=1)
    steps = (np.arange(size) + 0.5) / size
    column, row = (grid.ravel() for grid in np.meshgrid(np.arange(size), np.arange(size)))
    starts = np.stack([steps[column], 1 - steps[row], np.ones(size * size)], axis=1)
    hits = RayScene(flat, faces).first_hits(starts, np.broadcast_to([0.0, 0.0, -1.0], starts.shape))
    covered = hits.face >= 0
    second, third = hits.barycentric[covered].astype(np.float64).T
    return row[covered], column[covered], faces[hits.face[covered]], np.stack([1 - second - third, second, third], 1)


def _spread(
    colors: Float[np.ndarray, "N 3"], rows: np.ndarray, columns: np.ndarray, size: int
) -> UInt8[np.ndarray, "S S 3"]:
    """The texture; texels that no face covers have the color of the nearest that one does, for smaller copies of it."""
    texture, empty = np.zeros((size, size, 3), np.uint8), np.ones((size, size), bool)
    texture[rows, columns], empty[rows, columns] = np.clip(colors + 0.5, 0, 255), False
    row, column = np.asarray(distance_transform_edt(empty, return_distances=False, return_indices=True))
    return texture[row, column]
