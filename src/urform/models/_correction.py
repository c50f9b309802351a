"""The correction: what an object has beside the warped template."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.models._execution import in_chunks
from urform.models._waves import frequencies, with_waves


class Correction(nn.Module):
    """A field that is added to the template's sdf, for parts that only some objects have.

    Two hidden layers whose units are scaled and shifted by the latent, as in `MlpWarp`. It starts at zero.

    Args:
        latent_size: Length L of the latent code.
        width: Hidden units H of each of the two layers.
        octaves: Frequencies of sines and cosines beside the points.

    Raises:
        ValueError: An argument is out of range.

    Source: Deng 2021 (DIF-Net), correction field; the modulation is that of Perez 2018 (FiLM).
    """

    _frequencies: Tensor

    def __init__(self, latent_size: int, width: int, octaves: int = 4):
        super().__init__()
        if latent_size < 1:
            raise ValueError(f"latent_size must be at least 1, got {latent_size}")
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        self.width = width
        self.register_buffer("_frequencies", frequencies(octaves), persistent=False)
        self.modulation = nn.Linear(latent_size, 4 * width)
        self.first = nn.Linear(3 + 6 * octaves, width)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, 1)
        nn.init.normal_(self.modulation.weight, std=0.3)
        for parameter in (self.modulation.bias, self.last.weight, self.last.bias):
            nn.init.zeros_(parameter)

    def forward(self, points: Float[Tensor, "B N 3"], latent: Float[Tensor, "B L"]) -> Float[Tensor, "B N"]:
        """What is added to the sdf of points of each shape, in normalised units.

        Args:
            points: Points of each shape, normalised instance space.
            latent: Latent code of each shape.
        """
        return in_chunks(self._evaluate, points, latent).squeeze(-1)

    def _evaluate(self, points: Float[Tensor, "B N 3"], latent: Float[Tensor, "B L"]) -> Float[Tensor, "B N 1"]:
        scale1, shift1, scale2, shift2 = self.modulation(latent).view(len(latent), 4, 1, self.width).unbind(1)
        # scale * (x W + b) + shift = x (W scale) + (b scale + shift): the products on the right are once a shape.
        weight1, bias1 = self.first.weight.t() * (1 + scale1), self.first.bias * (1 + scale1) + shift1
        weight2, bias2 = self.second.weight.t() * (1 + scale2), self.second.bias * (1 + scale2) + shift2
        features = torch.baddbmm(bias1, with_waves(points, self._frequencies), weight1)
        features = nn.functional.relu(features, inplace=True)
        features = nn.functional.relu(torch.baddbmm(bias2, features, weight2), inplace=True)
        return self.last(features)
