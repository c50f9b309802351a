"""Where the latents of training shapes start: near those of similar shapes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from urform.data import DataFolder, ShapeKey
from urform.geometry import SdfSamples

_CELLS = 20  # along an axis of the lattice on which shapes are compared
_SAMPLES = 10_000  # of a shape: enough that one lies near each lattice point that is close to the surface


def latents_of_shapes(
    data: DataFolder, keys: Sequence[ShapeKey], size: int, clamp: float, seed: int = 0
) -> Float[Tensor, "S L"]:
    """Principal components of the shapes' signed distances, their root mean square norm 1.

    Latents that start at random stay where they are: each shape learns its own direction, two chairs that hardly differ
    too, and an encoder has to learn the directions by heart. These start with similar shapes side by side.

    Args:
        data: the data folder.
        keys: the shapes; where there are fewer than `size`, the last numbers of the latents are 0.
        size: length L of a latent.
        clamp: distance beyond which signed distances are not told apart, normalised units.
        seed: of the samples that are taken, and of the decomposition.
    """
    from scipy.spatial import KDTree

    lattice = _lattice()

    def on_lattice(key: ShapeKey) -> Float[np.ndarray, " P"]:
        samples = _some(data.sdf_samples(key), np.random.default_rng(seed))
        return samples[KDTree(samples[:, :3]).query(lattice)[1], 3].clip(-clamp, clamp)

    with ThreadPoolExecutor() as pool:
        rows = np.stack(list(pool.map(on_lattice, keys)))
    count = min(size, *rows.shape)
    centred = torch.from_numpy(rows - rows.mean(axis=0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        left, lengths, _ = torch.svd_lowrank(centred, q=count, niter=4)
    latents = torch.zeros(len(keys), size)
    latents[:, :count] = left * lengths
    return latents / latents.square().sum(dim=1).mean().sqrt().clamp(min=1e-6)


def _lattice() -> Float[np.ndarray, "P 3"]:
    """Points in the unit ball."""
    ticks = (np.arange(_CELLS) + 0.5) / _CELLS * 2 - 1
    points = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    return points[np.linalg.norm(points, axis=1) < 1]


def _some(samples: SdfSamples, rng: np.random.Generator) -> Float[np.ndarray, "N 4"]:
    """Some samples of a shape, those that are finite."""
    rows = np.concatenate([side.reshape(-1, 4) for side in samples]).astype(np.float32)
    rows = rows[np.isfinite(rows).all(axis=1)]
    return rows if len(rows) <= _SAMPLES else rows[rng.choice(len(rows), _SAMPLES, replace=False)]
