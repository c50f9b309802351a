"""3MF files, turned y up."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path

import trimesh

from urform.geometry import UPRIGHT, TexturedMesh

_COLORS = re.compile(rb"<(\w+:)?(basematerials|colorgroup|texture2dgroup)\b")
_UNREAD = re.compile(rb"<(?:\w+:)?(beamlattice|slicestack|displacementmesh|booleanshape|levelset)\b")


def read_3mf(path: Path) -> TexturedMesh:
    """Read a 3MF file, in its own unit; the format has z up.

    Raises:
        ValueError: it is damaged, has no triangles, or a shape that is not made of triangles.
    """
    with zipfile.ZipFile(path) as archive:
        models = [archive.read(name) for name in archive.namelist() if name.lower().endswith(".model")]
    for content in models:
        if match := _UNREAD.search(content):
            raise ValueError(f"3MF's `{match[1].decode()}` is not read, export it as triangles")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scene = trimesh.load_scene(path, process=False)
    declared = sum(len(re.findall(rb"<(?:\w+:)?triangle\b", content)) for content in models)
    loaded = sum(len(mesh.faces) for mesh in scene.geometry.values() if isinstance(mesh, trimesh.Trimesh))
    if loaded != declared:
        raise ValueError(f"has {declared} triangles, of which {loaded} could be read")
    mesh = TexturedMesh.from_trimesh(scene).turned(UPRIGHT["z"])
    has_colors = any(_COLORS.search(content) for content in models)
    return TexturedMesh.joined([mesh], ("colors of 3MF, left out",)) if has_colors else mesh
