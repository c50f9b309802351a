"""From pictures to meshes: the trained model, and what is shown of its results."""

from urform.inference._camera import overlap, place_camera
from urform.inference._color import picture_colors
from urform.inference._drawing import draw_mesh, trimmed
from urform.inference._model import Model, Reconstruction, StrangeError, load
from urform.inference._preview import preview
from urform.inference._reconstruct import as_line, reconstruct_files, summary
from urform.inference._shelf import AUTO, NONE, Choice, Shelf, load_models

__all__ = [
    "AUTO",
    "NONE",
    "Choice",
    "Model",
    "Reconstruction",
    "Shelf",
    "StrangeError",
    "as_line",
    "draw_mesh",
    "load",
    "load_models",
    "overlap",
    "picture_colors",
    "place_camera",
    "preview",
    "reconstruct_files",
    "summary",
    "trimmed",
]
