"""GLB files as viewers show them well: with normals, and with a matt material where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import trimesh
from PIL import Image
from trimesh.visual import ColorVisuals, TextureVisuals
from trimesh.visual.material import PBRMaterial

from urform.formats._srgb import linear_of
from urform.geometry import GREY, WHITE, TexturedMesh

_ROUGH = 0.9
_UNSIGNED_SHORT = 5123
_MATT = {"metallicFactor": 0.0, "roughnessFactor": _ROUGH}  # without these, glTF says metal


def glb_bytes(mesh: trimesh.Trimesh | trimesh.Scene) -> bytes:
    """A mesh as a GLB file."""
    scene = mesh if isinstance(mesh, trimesh.Scene) else trimesh.Scene(mesh)
    content = scene.export(
        file_type="glb", include_normals=True, tree_postprocessor=_add_materials, buffer_postprocessor=_make_linear
    )
    assert isinstance(content, bytes)  # as this file type always is
    return content


def to_scene(mesh: TexturedMesh) -> trimesh.Scene:
    """A mesh as trimesh has it: a part for each material, corners parted that differ in color or on the texture."""
    scene = trimesh.Scene()
    for index, material in enumerate(mesh.materials):
        chosen = mesh.face_material == index
        if not chosen.any():
            continue
        corners = np.concatenate(
            [mesh.faces[chosen][..., None], mesh.corner_uv[chosen], mesh.corner_rgb[chosen]], axis=2
        )
        rows, faces = np.unique(corners.reshape(-1, 6), axis=0, return_inverse=True)
        part = trimesh.Trimesh(mesh.vertices[rows[:, 0].astype(np.int64)], faces.reshape(-1, 3), process=False)
        if material.texture is None:
            rgb = np.round(rows[:, 3:] * material.rgb * 255).astype(np.uint8)
            part.visual = ColorVisuals(part, vertex_colors=rgb)
        else:
            picture, factor = Image.fromarray(material.texture), [*_linear(material.rgb), 1.0]
            surface = PBRMaterial(
                baseColorTexture=picture, baseColorFactor=factor, metallicFactor=0.0, roughnessFactor=_ROUGH
            )
            part.visual = TextureVisuals(rows[:, 1:3], material=surface)
        scene.add_geometry(part, node_name=f"part_{index}", geom_name=f"part_{index}")
    return scene


def _linear(rgb: Sequence[float]) -> list[float]:
    return linear_of(np.array(rgb)).round(6).tolist()


def _make_linear(buffers: dict[Any, bytes], tree: dict[str, Any]) -> None:
    """Vertex colors as glTF wants them: linear. They get 16 bits, since 8 are too few for dark ones."""
    accessors, names = list(tree["accessors"].values()), list(buffers)
    attributes = [primitive["attributes"] for mesh in tree["meshes"] for primitive in mesh["primitives"]]
    for index in {entry["COLOR_0"] for entry in attributes if "COLOR_0" in entry}:
        name = names[accessors[index]["bufferView"]]
        rgba = np.frombuffer(buffers[name], np.uint8).reshape(-1, 4) / 255
        rgba[:, :3] = linear_of(rgba[:, :3])
        buffers[name] = np.round(rgba * 65535).astype("<u2").tobytes()
        accessors[index]["componentType"] = _UNSIGNED_SHORT
        for bound in ("min", "max"):
            accessors[index].pop(bound, None)


def _add_materials(tree: dict[str, Any]) -> None:
    """Give a matt material to what has none: white where vertices have colors, else grey."""
    for name, rgb in (("colored", WHITE), ("grey", GREY)):
        bare = [
            primitive
            for mesh in tree["meshes"]
            for primitive in mesh["primitives"]
            if "material" not in primitive and ("COLOR_0" in primitive["attributes"]) == (name == "colored")
        ]
        if bare:
            materials = tree.setdefault("materials", [])
            materials.append({"name": name, "pbrMetallicRoughness": {"baseColorFactor": [*_linear(rgb), 1.0], **_MATT}})
        for primitive in bare:
            primitive["material"] = len(tree["materials"]) - 1
