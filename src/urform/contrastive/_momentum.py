"""A copy of a module that follows it slowly."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MomentumTwin(nn.Module):
    """The exponential moving average of a module, parameters and batch norm's statistics alike.

    Args:
        module: what it follows, and begins equal to.
        batch_statistics: whether in training it normalises with the statistics of the batch instead of the average.
            Two views of a batch that are normalised together betray which belong together, which matters where there
            are negatives (He 2020, section 3.3, shuffles them for that); with the average there is nothing to betray,
            on one device, too. Without negatives it is the other way round: the average lags behind, what is left of
            the mean is the same in all pictures, and that is what everything collapses to.

    Source: Cai 2021 (EMAN), eq. 3.
    """

    def __init__(self, module: nn.Module, batch_statistics: bool = False):
        super().__init__()
        self.module = copy.deepcopy(module).requires_grad_(False)
        self._batch_statistics = batch_statistics
        self.train()

    def train(self, mode: bool = True) -> MomentumTwin:
        """Only its normalisation may train."""
        return super().train(mode and self._batch_statistics)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """What the module gives, without a gradient."""
        return self.module(images)

    @torch.no_grad()
    def steps(self, images: Tensor) -> list[Tensor]:
        """What each module of a sequence makes of the one before, without a gradient."""
        made = []
        for module in self.module.children():
            images = module(images)
            made.append(images)
        return made

    @torch.no_grad()
    def follow(self, module: nn.Module, momentum: float) -> None:
        """Go a step of 1 - momentum towards it."""
        theirs = module.state_dict()
        for name, value in self.module.state_dict().items():
            if value.is_floating_point():
                value.lerp_(theirs[name].to(value), 1 - momentum)
            else:
                value.copy_(theirs[name])
