"""From pictures to meshes: the trained model, and what is shown of its results."""

from urform.inference._camera import overlap, place_camera
from urform.inference._color import Shot, picture_colors
from urform.inference._drawing import draw_mesh, trimmed
from urform.inference._model import Model, StrangeError, load
from urform.inference._preview import preview
from urform.inference._reconstruct import as_line, reconstruct_files, summary
from urform.inference._refine import refined
from urform.inference._result import Reconstruction
from urform.inference._shelf import AUTO, NONE, Choice, Shelf, load_models
from urform.inference._texture import textured
from urform.inference._together import Encoded, mean_of_latents

__all__ = [
    "AUTO",
    "NONE",
    "Choice",
    "Encoded",
    "Model",
    "Reconstruction",
    "Shelf",
    "Shot",
    "StrangeError",
    "as_line",
    "draw_mesh",
    "load",
    "load_models",
    "mean_of_latents",
    "overlap",
    "picture_colors",
    "place_camera",
    "preview",
    "reconstruct_files",
    "refined",
    "summary",
    "textured",
    "trimmed",
]
