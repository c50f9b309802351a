"""Evaluation by the `deepsdf` protocol, beside baselines on the same shapes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from urform.data import DataFolder, ShapeKey, read_rgba, read_split
from urform.geometry import chamfer_deepsdf, sample_faces
from urform.inference._model import Model

logger = logging.getLogger(__name__)

POINTS = 30_000
COARSE_POINTS = 2_000
ORACLE_CANDIDATES = 8


@dataclass(frozen=True)
class Scores:
    """Chamfer distances (x 1000) of one method.

    Attributes:
        method: its name.
        values: one a shape, in split order; a failure counts as the distance to a single point at the centre.
        failures: the shapes for which the method gave no surface.
    """

    method: str
    values: list[float]
    failures: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """Mean, std and median over all shapes, failures among them and counted."""
        values = np.array(self.values)
        return {
            "method": self.method,
            "mean": float(values.mean()),
            "std": float(values.std()),
            "median": float(np.median(values)),
            "failures": len(self.failures),
        }


class Evaluation:
    """Scores single-view reconstruction of a split.

    Args:
        model: with an encoder.
        data: data folder of the split and of the training shapes.
        keys: the test shapes.
        resolution: cells along an axis of the meshes.
        original_scale: measure in the meshes' own units, as published, instead of scaled to unit box diagonal.
        seed: of the surface points and of the random views.
    """

    def __init__(
        self,
        model: Model,
        data: DataFolder,
        keys: Sequence[ShapeKey],
        resolution: int = 128,
        original_scale: bool = False,
        seed: int = 0,
    ):
        self._model, self._data, self._keys = model, data, list(keys)
        self._resolution, self._original_scale, self._seed = resolution, original_scale, seed
        self._training = self._training_surfaces()

    def run(self) -> dict[str, Any]:
        """All methods on all shapes; see `format_table`."""
        scores: dict[str, Scores] = {}
        floors = []
        template = self._template_points()
        for key in tqdm(self._keys, desc="evaluate", unit="shape"):
            target, unit = self._target(key)
            # Halves of a sample are two independent samples; twice the points have half the distance.
            floors.append(chamfer_deepsdf(target[::2], target[1::2]) / 2 * unit * 1000)
            latents = {view: self._encode(key, view) for view in ("fixed", "random")}
            candidates: dict[str, np.ndarray | None] = {
                f"urform, {view} view": self._reconstruct(key, latent) for view, latent in latents.items()
            }
            candidates["mean template"] = template
            for view, latent in latents.items():
                candidates[f"retrieval by latent, {view} view"] = self._retrieve(latent)
            candidates["oracle retrieval"] = self._oracle(target)
            for method, points in candidates.items():
                entry = scores.setdefault(method, Scores(method, []))
                failed = points is None
                if failed:
                    entry.failures.append(str(key))
                entry.values.append(chamfer_deepsdf(np.zeros((1, 3)) if failed else points, target) * unit * 1000)
        return {
            "protocol": "deepsdf",
            "unit": "original mesh units" if self._original_scale else "unit bounding-box diagonal",
            "factor": 1000,
            "points": POINTS,
            "resolution": self._resolution,
            "noise_floor": float(np.mean(floors)),
            "shapes": [str(key) for key in self._keys],
            "rows": [entry.row() for entry in scores.values()],
            "values": {entry.method: entry.values for entry in scores.values()},
            "failed": {entry.method: entry.failures for entry in scores.values()},
        }

    def _rng(self, text: str) -> np.random.Generator:
        digest = hashlib.sha256(text.encode()).digest()
        return np.random.default_rng([self._seed, int.from_bytes(digest[:8], "little")])

    def _target(self, key: ShapeKey) -> tuple[np.ndarray, float]:
        """Surface points in normalised space, and the factor from squared normalised units to the unit shown."""
        normalisation = self._data.normalisation(key)
        points = normalisation.apply(self._data.surface(key))
        if len(points) > POINTS:
            points = points[self._rng(f"{key}/target").choice(len(points), POINTS, replace=False)]
        diagonal = float(np.linalg.norm(np.ptp(points, axis=0)))
        return points, (1 / normalisation.scale if self._original_scale else 1 / diagonal) ** 2

    def _encode(self, key: ShapeKey, view: str) -> np.ndarray:
        files = self._data.view_files(key)
        if not files:
            raise FileNotFoundError(f"{self._data.root}: no views of {key}; `urform prepare` renders them")
        index = 0 if view == "fixed" else int(self._rng(f"{key}/view").integers(len(files)))
        return self._model.encode(self._model.frame(read_rgba(files[index]))[None])[0]

    def _reconstruct(self, key: ShapeKey, latent: np.ndarray) -> np.ndarray | None:
        try:
            mesh = self._model.mesh(latent, self._resolution)
        except ValueError as error:
            logger.warning("%s: %s", key, error)
            return None
        return sample_faces(np.asarray(mesh.vertices), np.asarray(mesh.faces), POINTS, self._rng(str(key)))

    def _template_points(self) -> np.ndarray | None:
        try:
            mesh = self._model.template_mesh(self._resolution)
        except ValueError as error:
            logger.warning("template: %s", error)
            return None
        return sample_faces(np.asarray(mesh.vertices), np.asarray(mesh.faces), POINTS, self._rng("template"))

    def _training_surfaces(self) -> dict[str, np.ndarray]:
        """Surface points, in normalised space, of the training shapes that the data folder has."""
        surfaces = {}
        for name in self._model.latents:
            key = ShapeKey.parse(name)
            if self._data.surface_path(key).exists():
                surfaces[name] = self._data.normalisation(key).apply(self._data.surface(key)).astype(np.float32)
        missing = len(self._model.latents) - len(surfaces)
        if not surfaces:
            raise FileNotFoundError(
                f"{self._data.root}: has none of the {missing} training shapes, which the retrieval baselines need"
            )
        if missing:
            logger.warning("%d of %d training shapes are not in the data folder", missing, len(self._model.latents))
        return surfaces

    def _retrieve(self, latent: np.ndarray) -> np.ndarray:
        names = list(self._training)
        known = np.stack([self._model.latents[name] for name in names])
        return self._training[names[int(np.linalg.norm(known - latent, axis=1).argmin())]]

    def _oracle(self, target: np.ndarray) -> np.ndarray:
        """The training shape nearest to the target: coarse on all of them, exact on the best few."""
        step = max(1, len(target) // COARSE_POINTS)
        coarse = {
            name: chamfer_deepsdf(points[:: max(1, len(points) // COARSE_POINTS)], target[::step])
            for name, points in self._training.items()
        }
        best = sorted(coarse, key=coarse.__getitem__)[:ORACLE_CANDIDATES]
        return min((self._training[name] for name in best), key=lambda points: chamfer_deepsdf(points, target))


def evaluate(model: Model, data: Path, split: Path, **options: Any) -> dict[str, Any]:
    """Evaluate a model on a split; options as in `Evaluation`.

    Raises:
        FileNotFoundError: the split or the data are not there.
        ValueError: the split is not one.
    """
    folder = DataFolder(data)
    keys = read_split(split)
    missing = [key for key in keys if not folder.surface_path(key).exists()]
    if missing:
        raise FileNotFoundError(
            f"{data}: {len(missing)} of {len(keys)} shapes of {split} are not prepared, first: {missing[0]}"
        )
    return Evaluation(model, folder, keys, **options).run()


def format_table(result: dict[str, Any]) -> str:
    """The result as a text table."""
    lines = [
        f"Chamfer ({result['protocol']}), {result['unit']}, x {result['factor']}, {len(result['shapes'])} shapes, "
        f"{result['points']} points a side, resolution {result['resolution']}, noise floor {result['noise_floor']:.3f}",
        f"{'method':34s} {'mean':>8s} {'std':>8s} {'median':>8s} {'failures':>8s}",
    ]
    for row in result["rows"]:
        lines.append(
            f"{row['method']:34s} {row['mean']:8.3f} {row['std']:8.3f} {row['median']:8.3f} {row['failures']:8d}"
        )
    return "\n".join(lines)
