"""Statistical shape models: mean shape and principal modes of meshes with the same faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_ROUNDS = 20


@dataclass(frozen=True)
class ShapeModes:
    """The statistical shape model of S meshes of V vertices: a shape is `mean + scores @ modes`.

    Attributes:
        mean: mean shape, in the unit of the meshes.
        modes: K principal modes, each of unit length over all coordinates.
        variances: of the scores along each mode, in squared units.
        total_variance: of all modes together.
        scores: of each mesh.
        sizes: root mean square distance of the vertices of each mesh from its centroid.
    """

    mean: Float[np.ndarray, "V 3"]
    modes: Float[np.ndarray, "K V 3"]
    variances: Float[np.ndarray, " K"]
    total_variance: float
    scores: Float[np.ndarray, "S K"]
    sizes: Float[np.ndarray, " S"]

    def at(self, mode: int, deviations: float) -> Float[np.ndarray, "V 3"]:
        """The mean shape moved along one mode by so many standard deviations."""
        return self.mean + deviations * np.sqrt(self.variances[mode]) * self.modes[mode]


def shape_modes(shapes: Sequence[Float[np.ndarray, "V 3"]], count: int) -> ShapeModes:
    """Align meshes with the same faces, and find their mean and principal modes.

    Generalised Procrustes analysis removes position, rotation and size. The mean has the mean size.

    Args:
        shapes: vertices of two meshes or more, in one order.
        count: modes K; at most one fewer than the meshes.

    Raises:
        ValueError: there are too few meshes for so many modes.

    Source: Gower 1975 (generalised Procrustes analysis); Cootes 1995 (active shape models).
    """
    if not 1 <= count < len(shapes):
        raise ValueError(f"modes must be 1 to {len(shapes) - 1}, one fewer than the {len(shapes)} meshes, got {count}")
    stacked = np.stack(shapes).astype(np.float64)
    stacked = stacked - stacked.mean(axis=1, keepdims=True)
    sizes = np.sqrt(np.square(stacked).sum(axis=2).mean(axis=1))
    aligned = stacked / sizes[:, None, None]
    mean = aligned[0]
    for _ in range(_ROUNDS):
        aligned = np.stack([shape @ _rotation(shape, mean) for shape in aligned])
        before, mean = mean, aligned.mean(axis=0)
        mean = mean / np.sqrt(np.square(mean).sum(axis=1).mean())
        if np.abs(mean - before).max() < 1e-9:
            break
    aligned = aligned * sizes.mean()
    mean = aligned.mean(axis=0)
    deviations = (aligned - mean).reshape(len(shapes), -1)
    left, lengths, modes = np.linalg.svd(deviations, full_matrices=False)
    scores = left * lengths
    # The sign of a mode is free: the one whose largest coordinate is positive.
    signs = np.sign(np.take_along_axis(modes, np.abs(modes).argmax(axis=1)[:, None], axis=1))
    modes, scores = modes * signs, scores * signs.T
    variances = np.square(lengths) / (len(shapes) - 1)
    return ShapeModes(
        mean, modes[:count].reshape(count, -1, 3), variances[:count], float(variances.sum()), scores[:, :count], sizes
    )


def _rotation(shape: Float[np.ndarray, "V 3"], onto: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "3 3"]:
    """The rotation R for which `shape @ R` is nearest to another shape. Source: Kabsch 1976."""
    left, _, right = np.linalg.svd(shape.T @ onto)
    left[:, -1] *= np.sign(np.linalg.det(left @ right))
    return left @ right
