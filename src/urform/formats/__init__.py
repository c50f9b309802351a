"""Mesh files: one reader for all formats, and the formats that are written."""

from urform.formats._glb import glb_bytes, to_scene
from urform.formats._read import MESH_SUFFIXES, READERS, load_mesh, read_mesh
from urform.formats._save import FORMATS, PRINT_SIZE_MM, MeshFormat, as_written, check_size_mm, printable, save_mesh
from urform.formats._textures import references
from urform.formats._viewer import viewer_html, viewer_script

__all__ = [
    "FORMATS",
    "MESH_SUFFIXES",
    "PRINT_SIZE_MM",
    "READERS",
    "MeshFormat",
    "as_written",
    "check_size_mm",
    "glb_bytes",
    "load_mesh",
    "printable",
    "read_mesh",
    "references",
    "save_mesh",
    "to_scene",
    "viewer_html",
    "viewer_script",
]
