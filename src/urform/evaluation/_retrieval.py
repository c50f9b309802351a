"""Baselines that answer with a training shape."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from urform.data import DataFolder, ShapeKey
from urform.evaluation._truth import stored_surface
from urform.geometry import PointIndex, chamfer_deepsdf
from urform.inference import Model

logger = logging.getLogger(__name__)

COARSE_POINTS = 2_000
# The oracle looks at all shapes with an eighth of the coarse points, at the best of them with all of these, at the
# best of those with all points. On 53 held-out chairs it finds the same shapes as without its first look.
FIRST_STEP, FIRST_CANDIDATES, CANDIDATES = 8, 64, 8


class TrainingShapes:
    """The true surfaces of the shapes that a model was trained on.

    Args:
        model: with their latents.
        data: data folder that has them.
        keys: those of them that can be given as an answer, at least one.
    """

    def __init__(self, model: Model, data: DataFolder, keys: Sequence[ShapeKey]):
        total = len(model.latents)
        if len(keys) < total:
            logger.warning("%d of %d training shapes are not in the data folder", total - len(keys), total)
        self._data, self._keys = data, list(keys)
        self._latents = np.stack([model.latents[str(key)] for key in keys])
        self._coarse: list[tuple[np.ndarray, PointIndex]] = []
        for key in tqdm(self._keys, desc="training shapes", unit="shape"):
            points = _thinned(stored_surface(data, key))
            self._coarse.append((points, PointIndex(points)))

    def by_latent(self, latent: Float[np.ndarray, " L"]) -> ShapeKey:
        """The shape whose latent is nearest."""
        return self._keys[int(np.linalg.norm(self._latents - latent, axis=1).argmin())]

    def oracle(self, target: Float[np.ndarray, "N 3"]) -> ShapeKey:
        """The shape with the smallest squared Chamfer distance to the target's points, in normalised space."""
        coarse = _thinned(target)
        index = PointIndex(coarse)

        def distance(number: int, step: int) -> float:
            points, own = self._coarse[number]
            ways = index.nearest(points[::step])[0], own.nearest(coarse[::step])[0]
            return float(sum(np.mean(way**2) for way in ways))

        best = sorted(range(len(self._keys)), key=lambda number: distance(number, FIRST_STEP))[:FIRST_CANDIDATES]
        best = sorted(best, key=lambda number: distance(number, 1))[:CANDIDATES]
        return min(
            (self._keys[number] for number in best),
            key=lambda key: chamfer_deepsdf(stored_surface(self._data, key), target),
        )


def no_training_shapes(model: Model, data: DataFolder) -> str:
    """Why nothing can be answered with a training shape."""
    if not model.latents:
        return "the model does not name its training shapes"
    return f"{data.root} has none of the {len(model.latents)} training shapes"


def _thinned(points: np.ndarray) -> np.ndarray:
    return points[:: max(1, len(points) // COARSE_POINTS)]
