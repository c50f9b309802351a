"""From pictures to meshes, and what that is worth."""

from urform.inference._background import CutOut, cut_out, cut_out_file
from urform.inference._drawing import draw_mesh, trimmed
from urform.inference._evaluate import Evaluation, evaluate
from urform.inference._model import FORMATS, PRINT_SIZE_MM, Model, Reconstruction, load, printable, save_mesh
from urform.inference._preview import preview
from urform.inference._protocols import PROTOCOLS
from urform.inference._reconstruct import as_line, best_fitting, load_models, reconstruct_files
from urform.inference._scores import format_csv, format_table
from urform.inference._truth import datasources
from urform.inference._viewer import viewer_html

__all__ = [
    "FORMATS",
    "PRINT_SIZE_MM",
    "PROTOCOLS",
    "CutOut",
    "Evaluation",
    "Model",
    "Reconstruction",
    "as_line",
    "best_fitting",
    "cut_out",
    "cut_out_file",
    "datasources",
    "draw_mesh",
    "evaluate",
    "format_csv",
    "format_table",
    "load",
    "load_models",
    "preview",
    "printable",
    "reconstruct_files",
    "save_mesh",
    "trimmed",
    "viewer_html",
]
