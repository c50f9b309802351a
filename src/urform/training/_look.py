"""A look at the shapes while they train: errors on some that are not learned from, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from urform.config import ShapeChoice
from urform.data import DataFolder, ShapeKey, choose_shapes, evenly_spaced, read_split
from urform.geometry import chamfer_deepsdf, extract_isosurface, sample_faces
from urform.models import Decoder, to_input
from urform.pictures import SEEN, on_white, read_view
from urform.render import render_shaded
from urform.sets import SdfSet
from urform.training._fit_latents import fit_latents

MEASURED = 16  # shapes at most
DRAWN = 3
RESOLUTION = 64
_POINTS = 2048
_CHAMFER_POINTS = 10_000
_FIT_STEPS, _FIT_POINTS = 100, 256
_CACHE_GB = 1.0
_VIEWS = ((50.0, 20.0), (230.0, 25.0))  # azimuth and elevation, degrees: from the front and from behind
_PICTURE_SIZE = 192


@dataclass(frozen=True)
class Look:
    """What was seen.

    Attributes:
        numbers: to be logged.
        pictures: to be shown.
        score: less is better; None where nothing was measured.
    """

    numbers: dict[str, float] = field(default_factory=dict)
    pictures: dict[str, UInt8[np.ndarray, "H W 3"]] = field(default_factory=dict)
    score: float | None = None


def read_held_out(
    data: DataFolder,
    validation: Sequence[Path],
    training: Sequence[ShapeKey],
    needs: Sequence[str],
    choice: ShapeChoice | None = None,
    levels: Sequence[str] = (),
) -> list[ShapeKey]:
    """The shapes of split files that are measured and never learned from.

    Args:
        data: the data folder.
        validation: the split files.
        training: shapes that are learned from.
        needs: what a shape must have, see `choose_shapes`.
        choice: which shapes are taken.
        levels: of the views.

    Raises:
        FileNotFoundError: none of them has what it needs, or some have not and the choice is strict.
        ValueError: one of them is learned from.
    """
    held_out = list(dict.fromkeys(key for split in validation for key in read_split(split)))
    both = sorted(str(key) for key in set(held_out) & set(training))
    if both:
        raise ValueError(
            f"`validation`: {len(both)} of {len(held_out)} shapes are training shapes, too, first: {both[0]}"
        )
    return choose_shapes(data, held_out, needs, choice, levels).keys if held_out else []


class ShapeLook:
    """Looks at the shapes of a decoder: at validation shapes where there are some, else at the first training shapes.

    Args:
        data: the data folder.
        validation: split files of shapes that are measured and never learned from.
        training: the training shapes.
        clamp: distance beyond which the sdf is not told apart, normalised units.
        levels: of the views that give the latents; None where latents are learned, and no view is needed.
        choice: which validation shapes are taken.

    Attributes:
        keys: the shapes that are looked at.
        held_out: whether they are validation shapes.

    Raises:
        FileNotFoundError: a validation shape has no samples.
        ValueError: a validation shape is a training shape, too.
    """

    def __init__(
        self,
        data: DataFolder,
        validation: Sequence[Path],
        training: Sequence[ShapeKey],
        clamp: float,
        levels: Sequence[str] | None = None,
        choice: ShapeChoice | None = None,
    ):
        needs = ("SDF samples",) if levels is None else ("SDF samples", "views")
        held_out = read_held_out(data, validation, training, needs, choice, levels or ())
        self.held_out = bool(held_out)
        seen = [key for key in dict.fromkeys(training) if levels is None or data.view_files(key, levels)]
        self.keys = evenly_spaced(held_out, MEASURED) or seen[:DRAWN]
        self._data, self._clamp, self._levels = data, clamp, levels
        if self.held_out:
            self._samples = SdfSet(data, self.keys, _CACHE_GB)
            rng = np.random.default_rng(0)
            self._points, self._target_sdf = self._samples.draw(range(len(self.keys)), _POINTS, rng)

    def pictures(self, size: int, pictures: str = "framed") -> Float[Tensor, "B 3 S S"]:
        """The first view of each shape, as an encoder wants to see it; args as in `ViewSet`."""
        framed = []
        for key in self.keys:
            files = self._data.view_files(key, self._levels or ())
            if not files:
                raise FileNotFoundError(
                    f"{self._data.root}: no views of {key} of `validation`; `urform prepare` renders them"
                )
            framed.append(SEEN[pictures](read_view(files[0]), size))
        return to_input(torch.from_numpy(np.stack(framed)))

    def fitted(self, decoder: Decoder, start: Float[Tensor, " L"]) -> Float[Tensor, "B L"]:
        """Latents of the shapes, from their samples: the least error that the decoder can have on them."""

        def draw(step: int) -> tuple[Tensor, Tensor]:
            rng = np.random.default_rng([1, step])
            points, target_sdf = self._samples.draw(range(len(self.keys)), _FIT_POINTS, rng)
            return points.to(start.device), target_sdf.to(start.device)

        return fit_latents(decoder, draw, start.repeat(len(self.keys), 1), self._clamp, _FIT_STEPS)

    @torch.no_grad()
    def __call__(self, decoder: Decoder, latents: Float[Tensor, "B L"]) -> Look:
        """Measure the shapes, where they are held out, and draw the first of them and the template."""
        meshes = [
            _mesh(lambda points, code=latent[None]: decoder(points[None], code)[0], latents.device)
            for latent in latents[:DRAWN]
        ]
        template = _mesh(decoder.template, latents.device)
        pictures = {"shapes": _drawn(meshes), "template": _drawn([template])}
        if not self.held_out:
            return Look(pictures=pictures)
        predicted = decoder(self._points.to(latents.device), latents).clamp(-self._clamp, self._clamp)
        target = self._target_sdf.to(latents.device).clamp(-self._clamp, self._clamp)
        error = (predicted.float() - target).abs().mean().item()
        known = [
            self._data.surface_path(key).exists() and self._data.normalisation_path(key).exists() for key in self.keys
        ]
        drawn = zip(self.keys, meshes, known, strict=False)
        distances = [self._chamfer(key, mesh) for key, mesh, is_known in drawn if mesh and is_known]
        numbers = {"val_sdf_error": error, "val_without_surface": float(sum(mesh is None for mesh in meshes))}
        if distances:
            numbers["val_chamfer"] = float(np.mean(distances))
        return Look(numbers, pictures, score=error)

    def _chamfer(self, key: ShapeKey, mesh) -> float:
        """By the `deepsdf` protocol x 1000 at unit box diagonal, from fewer points."""
        surface = self._data.normalisation(key).apply(self._data.surface(key))[:_CHAMFER_POINTS]
        rng = np.random.default_rng(0)
        sampled = sample_faces(np.asarray(mesh.vertices), np.asarray(mesh.faces), _CHAMFER_POINTS, rng)
        return 1000 * chamfer_deepsdf(sampled, surface) / float(np.square(np.ptp(surface, axis=0)).sum())


def _mesh(sdf, device: torch.device):
    """Its surface; None where it has none, as in the first epochs."""

    def values(points: np.ndarray) -> np.ndarray:
        return sdf(torch.from_numpy(points).to(device)).float().cpu().numpy()

    try:
        return extract_isosurface(values, RESOLUTION, radius=1.0)
    except ValueError:
        return None


def _drawn(meshes: Sequence) -> UInt8[np.ndarray, "H W 3"]:
    """One column a mesh; white where there is none."""
    empty = np.full((len(_VIEWS) * _PICTURE_SIZE, _PICTURE_SIZE, 3), 255, np.uint8)
    columns = [
        np.concatenate([on_white(picture) for picture in render_shaded(mesh, _VIEWS, _PICTURE_SIZE)]) if mesh else empty
        for mesh in meshes
    ]
    return np.concatenate(columns, axis=1)
