"""Sines and cosines of coordinates, so that a network can have detail."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def frequencies(octaves: int) -> Float[Tensor, " O"]:
    """pi, 2 pi, 4 pi, ...: the angular frequencies of so many octaves, for coordinates in [-1, 1].

    Raises:
        ValueError: `octaves` is negative.
    """
    if octaves < 0:
        raise ValueError(f"octaves must be at least 0, got {octaves}")
    return torch.pi * 2.0 ** torch.arange(octaves)


def with_waves(x: Float[Tensor, "*batch 3"], of: Float[Tensor, " O"]) -> Float[Tensor, "*batch I"]:
    """The points beside the sine and cosine of their coordinates at each frequency, I = 3 + 6 O.

    Source: Mildenhall 2020 (NeRF), eq. 4.
    """
    if not len(of):
        return x
    angles = (x.unsqueeze(-1) * of).flatten(-2)
    return torch.cat([x, angles.sin(), angles.cos()], dim=-1)
