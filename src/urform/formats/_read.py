"""The one reader of mesh files: a table of formats, and what is checked of all of them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from urform.formats._dae import read_dae
from urform.formats._gltf import read_gltf
from urform.formats._obj import read_obj
from urform.formats._off import read_off
from urform.formats._ply import read_ply
from urform.formats._stl import read_stl
from urform.formats._textures import MAX_PIXELS
from urform.formats._threemf import read_3mf
from urform.geometry import TexturedMesh, no_triangles

READERS: dict[str, Callable[[Path], TexturedMesh]] = {
    ".3mf": read_3mf,
    ".dae": read_dae,
    ".glb": read_gltf,
    ".gltf": read_gltf,
    ".obj": read_obj,
    ".off": read_off,
    ".ply": read_ply,
    ".stl": read_stl,
}
"""What reads each format, by the suffix of its files."""
MESH_SUFFIXES = READERS.keys()


def read_mesh(path: Path) -> TexturedMesh:
    """Read a mesh file as it is: OBJ, PLY and OFF in the order of the file, with the vertices that no face uses.

    OBJ and PLY files without faces give points.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file cannot be read as a mesh, or has what is not read.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such mesh file")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty, expected a mesh")
    if path.suffix.lower() not in READERS:
        raise ValueError(f"{path}: a mesh must end in one of {', '.join(sorted(READERS))}, got {path.suffix!r}")
    logging.getLogger("trimesh").setLevel(logging.CRITICAL)
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS // 2  # Pillow refuses twice as many
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return READERS[path.suffix.lower()](path)
    except Exception as error:  # the parsers of a dozen formats raise whatever they like
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if isinstance(error, AttributeError | LookupError | TypeError):  # their texts are for programmers
            reason = f"a value in it is missing or of a wrong kind ({type(error).__name__}: {reason})"
        raise ValueError(f"{path}: cannot be read as a mesh: {reason}") from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def load_mesh(path: Path) -> TexturedMesh:
    """Read a mesh file with its materials and textures, without vertices that no face uses.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file cannot be read as a mesh, has no faces, or has coordinates that are not finite.
    """
    mesh = read_mesh(path)
    if not len(mesh.faces):
        raise ValueError(f"{path}: cannot be read as a mesh: {no_triangles(mesh.notes)}")
    mesh = mesh.in_use()
    bad = int((~np.isfinite(mesh.vertices)).any(axis=1).sum())
    if bad:
        raise ValueError(f"{path}: {bad} of {len(mesh.vertices)} vertices are NaN or infinite, expected finite ones")
    return mesh
