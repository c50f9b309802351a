"""SDF samples as training reads them: random points of shapes, from memory or from the disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from urform.data import DataFolder, ShapeKey
from urform.geometry import SdfSamples

logger = logging.getLogger(__name__)


class SdfSet:
    """The SDF samples of a split.

    Args:
        data: the data folder.
        keys: the shapes, in split order.
        cache_gb: how much may be kept in memory.

    Raises:
        FileNotFoundError: a shape has no samples; the message counts and names them.
    """

    def __init__(self, data: DataFolder, keys: Sequence[ShapeKey], cache_gb: float):
        missing = [key for key in keys if not data.sdf_path(key).exists()]
        if missing:
            raise FileNotFoundError(
                f"{data.root}: {len(missing)} of {len(keys)} shapes of the split have no SDF samples, "
                f"first: {missing[0]}; `urform prepare` makes them"
            )
        self._data = data
        self._keys = list(keys)
        self._budget = int(cache_gb * 2**30)
        self._cache: dict[int, SdfSamples] = {}
        self._dropped: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def dropped(self) -> dict[str, int]:
        """How many samples of a shape are not finite and were left out, of the shapes that were read so far."""
        with self._lock:
            return dict(sorted(self._dropped.items()))

    def __len__(self) -> int:
        return len(self._keys)

    def draw(
        self, indices: Sequence[int], count: int, rng: np.random.Generator
    ) -> tuple[Float[Tensor, "B N 3"], Float[Tensor, "B N"]]:
        """Random points of each shape, half of them inside, and their sdf. Source: DeepSDF."""
        rows = np.stack([self._draw_one(index, count, rng) for index in indices])
        samples = torch.from_numpy(rows)
        return samples[..., :3].contiguous(), samples[..., 3].contiguous()

    def _draw_one(self, index: int, count: int, rng: np.random.Generator) -> Float[np.ndarray, "N 4"]:
        samples = self._samples(index)
        parts = []
        for side, number in ((samples.pos, count // 2), (samples.neg, count - count // 2)):
            source = side if len(side) else samples.pos if len(samples.pos) else samples.neg
            parts.append(source[rng.integers(0, len(source), number)])
        # In random order: the pointpair term compares the first of them with the others.
        return rng.permutation(np.concatenate(parts))

    def _samples(self, index: int) -> SdfSamples:
        if index in self._cache:
            return self._cache[index]
        samples = self._data.sdf_samples(self._keys[index])
        for side in samples:
            if side.ndim != 2 or side.shape[1] != 4 or side.dtype.kind not in "fiu":
                raise ValueError(f"{self._data.sdf_path(self._keys[index])}: damaged, expected rows of 4 numbers")
        samples = self._finite(index, SdfSamples(*(side.astype(np.float32, copy=False) for side in samples)))
        if not len(samples.pos) + len(samples.neg):
            raise ValueError(f"{self._data.sdf_path(self._keys[index])}: no samples in it, expected some")
        size = samples.pos.nbytes + samples.neg.nbytes
        with self._lock:  # batches are made in several threads
            if index not in self._cache and size <= self._budget:
                self._budget -= size
                self._cache[index] = samples
        return samples

    def _finite(self, index: int, samples: SdfSamples) -> SdfSamples:
        """The samples without those that are not finite, which are counted; as published."""
        rows = [np.isfinite(side).all(axis=1) for side in samples]
        count = sum(int((~finite).sum()) for finite in rows)
        if not count:
            return samples
        name = str(self._keys[index])
        with self._lock:
            is_new = name not in self._dropped
            self._dropped[name] = count
        if is_new:
            total = len(samples.pos) + len(samples.neg)
            logger.warning("%s: %d of %d samples are not finite and are left out", name, count, total)
        return SdfSamples(*(side[finite] for side, finite in zip(samples, rows, strict=True)))
