"""What a user may name a shape by: a training shape, a latent file, a picture, a mesh or a point cloud."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from urform.files import ANONYMOUS_STEMS, name_of
from urform.fitting._evidence import evidence_of
from urform.fitting._fit import STEPS, encode_pictures, fit, starts_for
from urform.fitting._latent_file import IDENTITY, read_latent_file
from urform.fitting._scan import Scan, read_scan, scan_suffixes
from urform.fitting._surface import Surface
from urform.geometry import Normalisation, Up, up_of
from urform.inference import Model
from urform.pictures import cut_out_file

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".heif"})


@dataclass(frozen=True)
class Subject:
    """A shape that the model knows by a latent.

    Attributes:
        name: for the names of files.
        latent: (L,) its latent code.
        scan: its own mesh; None where only the model can say what its surface is.
        normalisation: from its own coordinates to the model's.
    """

    name: str
    latent: Float[np.ndarray, " L"]
    scan: Scan | None
    normalisation: Normalisation

    def surface(self, model: Model, resolution: int = 128) -> Surface:
        """Its own mesh, or the iso-surface of its latent, in its own coordinates.

        Raises:
            ValueError: the latent's shape has no surface.
        """
        if self.scan is not None:
            return Surface(self.scan.vertices, self.scan.faces, self.normalisation, True, self.scan.polygon)
        mesh = model.mesh(self.latent, resolution)
        vertices = self.normalisation.undo(np.asarray(mesh.vertices, np.float64))
        return Surface(vertices, np.asarray(mesh.faces, np.int64), self.normalisation, is_own=False)


def resolve_subject(model: Model, text: str, steps: int = STEPS, seed: int = 0) -> Subject:
    """The shape that a text names.

    Args:
        model: that it has to be a shape of.
        text: a training shape (`dataset/category/instance`, or the instance where no other has its name), a latent file
            of `urform fit` (.json), a picture, a mesh, or a cloud of points of a whole object; the last two are fitted.
        steps: of a fit.
        seed: of a fit.

    Raises:
        ValueError: it names none of these, or several; or the file is damaged.
        FileNotFoundError: it looks like a file that is not there.
    """
    path = Path(text)
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix == ".json":
            return _from_latent_file(model, path)
        if suffix in scan_suffixes():
            return _from_scan(model, path, steps, seed)
        if is_picture(path):
            picture = cut_out_file(path).rgba
            return Subject(name_of_file(path), encode_pictures(model, [picture]).latent, None, IDENTITY)
        raise ValueError(f"{path}: {_EXPECTED}, got a file ending in {suffix!r}")
    return _training_shape(model, text)


def name_of_file(path: Path) -> str:
    """Its name without ending; the folder's for files called model.obj, scene.glb and the like."""
    path = path.absolute()
    return name_of([path.parent.name, path.stem] if path.stem.lower() in ANONYMOUS_STEMS else [path.stem])


def name_of_text(text: str) -> str:
    """The name that `resolve_subject` gives to what a text names, known before any work."""
    return name_of_file(Path(text)) if Path(text).is_file() else text.split("/")[-1]


def files_behind(text: str) -> list[Path]:
    """The file that a text names, if any, and the scan that a latent file goes back to."""
    path = Path(text)
    if path.suffix.lower() != ".json":
        return [path]
    try:
        scan = read_latent_file(path).scan
    except (ValueError, OSError):  # a damaged one is refused where it is needed
        scan = None
    return [path] if scan is None else [path, scan]


def is_picture(path: Path) -> bool:
    """Whether the ending is one of a picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES


_EXPECTED = (
    "expected a training shape (dataset/category/instance, or its instance), a latent file of `urform fit` (.json), "
    "a picture, a mesh or a point cloud"
)


def _from_latent_file(model: Model, path: Path) -> Subject:
    content = read_latent_file(path)
    if content.category != model.category or len(content.latent) != model.config.latent_size:
        raise ValueError(
            f"{path}: a latent of {content.category!r} of length {len(content.latent)}, expected one of "
            f"{model.category!r} of length {model.config.latent_size}, as `weights` has"
        )
    scan = None if content.scan is None else read_scan(content.scan)
    return Subject(name_of_file(path), content.latent, scan, content.normalisation)


def _from_scan(model: Model, path: Path, steps: int, seed: int) -> Subject:
    scan = read_scan(path)
    normalisation = normalisation_of(scan)
    evidence = evidence_of(scan, normalisation, False, np.random.default_rng(seed))
    fitted = fit(model, evidence, starts_for(model, evidence), steps, seed)
    return Subject(name_of_file(path), fitted.latent, scan if scan.is_mesh else None, normalisation)


def normalisation_of(scan: Scan, up: Up = "y") -> Normalisation:
    """By the bounding box of what the scan shows; vertices that no face uses do not count.

    Args:
        scan: mesh or points.
        up: axis that points up in it, unless its format says that itself.

    Raises:
        ValueError: it has no extent.
    """
    try:
        shown = scan.vertices[np.unique(scan.faces)] if scan.is_mesh else scan.vertices
        return Normalisation.of(shown, up_of(scan.path, up))
    except ValueError as error:
        raise ValueError(f"{scan.path}: {error}") from error


def _training_shape(model: Model, text: str) -> Subject:
    names = [text] if text in model.latents else [name for name in model.latents if name.split("/")[-1] == text]
    if len(names) == 1:
        return Subject(names[0].split("/")[-1], model.latents[names[0]], None, IDENTITY)
    if names:
        raise ValueError(f"{text}: names {len(names)} training shapes, expected one of {', '.join(names[:3])}, ...")
    if Path(text).suffix.lower() in scan_suffixes() | {".json"} or is_picture(Path(text)):
        raise FileNotFoundError(f"{text}: no such file")
    known = {name.split("/")[-1]: name for name in model.latents} | {name: name for name in model.latents}
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.0)
    hint = f"; the nearest name is {near[0]}" if near else ""
    raise ValueError(f"{text}: neither a file nor a training shape; {_EXPECTED}{hint}")
