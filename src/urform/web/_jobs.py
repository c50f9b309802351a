"""The work behind each request. It runs in a worker process, which has the models and can be stopped at any time."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from urform.pictures import Hints

if TYPE_CHECKING:
    import trimesh

    from urform.inference import Model, Reconstruction, Shelf
    from urform.pictures import CutOut

_shelves: list[Shelf] = []  # the one of this process
_refused: list[Exception] = []  # why a model cannot be had
_templates: dict[str, trimesh.Trimesh] = {}  # for registration, made when first needed
MODES = 6  # principal directions of the latents that the page offers
WARM_RESOLUTION = 32
_WARM_PICTURE = np.random.default_rng(0).integers(0, 60, (160, 160, 3)).astype(np.uint8)
_WARM_PICTURE[40:120, 50:110] += 160  # a square before noise: the network and GrabCut have to work, too


@dataclass(frozen=True)
class Wish:
    """What is to be made of a picture or latent.

    Attributes:
        category: of the model; empty or auto = the one that the picture shows.
        format: glb, obj, ply or stl.
        resolution: cells along an axis.
        faces: how many the mesh is simplified to; None = as many as there are.
        size_mm: longest side of an STL file.
        color: color the mesh from the picture.
        force: also what does not look like the category.
        cutout: give the picture without its background, too.
        hints: on the cut-out.
        texture: give the mesh a UV texture.
        refine: improve the shape by its outline in the picture; None = where the weights say that it helps.
    """

    category: str = ""
    format: str = "glb"
    resolution: int = 128
    faces: int | None = None
    size_mm: float = 100.0
    color: bool = True
    force: bool = False
    cutout: bool = False
    hints: Hints = field(default_factory=Hints)
    texture: bool = False
    refine: bool | None = None


def start_worker(weights: Sequence[str], threads: int) -> None:
    """Take models, once a process, and use the first: the shipped ones where none are named."""
    import torch

    from urform.inference import load_models

    torch.set_num_threads(threads)
    try:
        shelf = _given_models(weights) if weights else load_models()
        first = shelf.model(shelf.categories[0])
    except (ValueError, OSError) as error:  # raised here, it would end the pool without a word
        _refused.append(error)
        return
    _shelves[:] = [shelf]
    with contextlib.suppress(ValueError):  # not every model makes something of a square
        first.reconstruct(_WARM_PICTURE, WARM_RESOLUTION, force=True)


def _given_models(weights: Sequence[str]) -> Shelf:
    from urform.inference import Shelf, load
    from urform.weights import read_classifier

    models: dict[str, Model] = {}
    for name in weights:
        model = load(name)
        if model.category in models:
            raise ValueError(f"{name}: other weights are of the category {model.category!r}, too")
        models[model.category] = model
    return Shelf(list(models.values()), classifier=read_classifier() if len(models) > 1 else None)


def categories() -> list[str]:
    """The categories of the models.

    Raises:
        ValueError: weights are damaged, or two are of one category.
        OSError: they are not there.
    """
    for error in _refused:
        raise error
    return list(_shelves[0].categories)


def cut(picture: bytes, hints: Hints, megapixels: float) -> tuple[bytes, str, list[str]]:
    """The picture without its background as PNG, how it was removed, and what speaks against it."""
    cut = _cut(picture, hints, megapixels)
    return _png(cut.rgba), cut.method, list(cut.warnings)


def reconstruct(picture: bytes, wish: Wish, megapixels: float) -> tuple[dict[str, Any], bytes, bytes]:
    """A picture to a mesh: what is said of it, the file, and the picture without its background as PNG."""
    from urform.inference import AUTO, summary

    shelf, category = _shelves[0], wish.category or AUTO
    if category != AUTO:
        shelf.model(category)
    cut = _cut(picture, wish.hints, megapixels)
    options = (wish.resolution, wish.faces, wish.color, wish.force)
    result = shelf.reconstruct_object(cut, *options, category=category, texture=wish.texture, refine=wish.refine)
    said = {**summary(result), "camera": _camera(result), "latent": result.latent.tolist()}
    return said, _file(result.textured or result.mesh, wish), _png(cut.rgba) if wish.cutout else b""


def mesh_of_latent(latent: Sequence[float], wish: Wish) -> bytes:
    """The mesh of a latent, as a file."""
    model = _model(wish.category)
    mesh = model.mesh(np.asarray(latent, np.float32), wish.resolution, wish.faces)
    return _file(mesh, wish)


def template_file(wish: Wish) -> bytes:
    """The template's mesh in the colors of its canonical points, as a file."""
    from urform.correspondence import colored_template

    return _file(colored_template(_model(wish.category), wish.resolution), wish)


def modes(category: str) -> dict[str, Any]:
    """Mean of the training latents and their principal directions, each as long as one standard deviation."""
    latents = np.stack(list(_model(category).latents.values())).astype(np.float64)
    mean = latents.mean(axis=0)
    _, lengths, directions = np.linalg.svd(latents - mean, full_matrices=False)
    deviations = lengths[:MODES, None] / np.sqrt(len(latents) - 1)
    return {"mean": mean.tolist(), "directions": (deviations * directions[:MODES]).tolist()}


def fit_upload(scan: Path, category: str) -> dict[str, Any]:
    """The latent of a mesh or point cloud."""
    from urform.fitting import resolve_subject

    return {"latent": resolve_subject(_model(category), str(scan)).latent.tolist()}


def register_upload(scan: Path, wish: Wish) -> tuple[dict[str, Any], bytes]:
    """A mesh to one with the template's faces, in its own coordinates: what is said of it, and the file."""
    import trimesh

    from urform.correspondence import RegisterOptions, register_scan, registration_template
    from urform.fitting import read_scan

    model, given = _model(wish.category), read_scan(scan)
    if model.category not in _templates:
        _templates[model.category] = registration_template(model)
    template = _templates[model.category]
    found = register_scan(model, given, template, RegisterOptions(force=wish.force))
    return found.row(), _file(trimesh.Trimesh(found.vertices, template.faces, process=False), wish)


def _model(category: str) -> Model:
    return _shelves[0].model(category)


def _cut(content: bytes, hints: Hints, megapixels: float) -> CutOut:
    from urform.pictures import cut_out_hinted, picture

    try:
        with Image.open(io.BytesIO(content)) as header:
            pixels = header.width * header.height
    except Exception:  # whatever is wrong with it, `picture` says it better
        pixels = 0
    if pixels > megapixels * 1e6:
        raise ValueError(f"the picture has {pixels / 1e6:.0f} megapixels, expected at most {megapixels:g}")
    return cut_out_hinted(picture(content), hints)


def _camera(result: Reconstruction) -> dict[str, Any] | None:
    """Where the picture was taken from, in the mesh's space; azimuth 0 lies on +x, 90 on +z, the front."""
    camera = result.camera
    if camera is None:
        return None
    return {
        "azimuth_deg": camera.azimuth_deg,
        "elevation_deg": camera.elevation_deg,
        "roll_deg": camera.roll_deg,
        "distance": camera.distance,
        "fov_deg": float(np.degrees(2 * np.arctan(camera.sensor_mm / (2 * camera.focal_mm)))),
        "target": [-float(part) for part in camera.shift],
    }


def _file(mesh: trimesh.Trimesh, wish: Wish) -> bytes:
    from urform.formats import as_written, save_mesh

    with tempfile.TemporaryDirectory(prefix="urform-") as folder:
        path = Path(folder) / f"mesh.{wish.format}"
        save_mesh(as_written(mesh, wish.format, wish.size_mm), path)
        return path.read_bytes()


def _png(rgba: np.ndarray) -> bytes:
    from urform.files import encode_png

    return encode_png(rgba)
