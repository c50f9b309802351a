"""MoCo: a view finds the key of its object among those of a queue, made by a slowly following encoder."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.contrastive._encoder import ContrastiveEncoder, gathered, projector
from urform.contrastive._momentum import MomentumTwin
from urform.losses import info_nce_loss
from urform.models import Backbone


class MoCo(ContrastiveEncoder):
    """Args as in `ContrastiveEncoder`, and:

    Args:
        temperature: of the softmax.
        momentum: of the key encoder.
        queue_size: keys K that are remembered, at least 1; any batch size goes with it.

    Source: He 2020, Momentum Contrast for Unsupervised Visual Representation Learning; the head of Chen 2020, MoCo v2.
    """

    queue: Tensor
    oldest: Tensor

    settings = ("temperature", "momentum", "queue_size")

    def __init__(
        self,
        backbone: Backbone,
        projection_size: int = 128,
        temperature: float = 0.07,
        momentum: float = 0.99,
        queue_size: int = 8192,
    ):
        super().__init__(backbone, projection_size)
        if queue_size < 1:
            raise ValueError(f"queue_size must be at least 1, got {queue_size}")
        self.temperature, self.momentum = temperature, momentum
        size = backbone.feature_size
        self.projection = projector((size, size, projection_size))
        self.key = MomentumTwin(nn.Sequential(self.backbone, self.projection))
        self.register_buffer("queue", nn.functional.normalize(torch.randn(queue_size, projection_size), dim=1))
        self.register_buffer("oldest", torch.zeros((), dtype=torch.long))

    def _loss(self, features: Tensor, images: Tensor, others: Tensor) -> Float[Tensor, ""]:
        if self.training:
            self.key.follow(nn.Sequential(self.backbone, self.projection), self.momentum)
        keys = nn.functional.normalize(self.key(others).float(), dim=1)
        # A copy: the queue changes before the backward pass wants it.
        loss = info_nce_loss(self.projection(features).float(), keys, self.queue.clone(), self.temperature)
        if self.training:
            self._enqueue(gathered(keys))
        return loss

    @torch.no_grad()
    def _enqueue(self, keys: Float[Tensor, "B D"]) -> None:
        """Put keys in the place of the oldest ones."""
        size = len(self.queue)
        kept = keys[-size:]
        places = (self.oldest + len(keys) - len(kept) + torch.arange(len(kept), device=keys.device)) % size
        self.queue[places] = kept
        self.oldest.copy_((self.oldest + len(keys)) % size)
