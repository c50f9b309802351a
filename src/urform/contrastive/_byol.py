"""BYOL: a view predicts what a slowly following encoder makes of the other; no negatives."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor, nn

from urform.contrastive._encoder import ContrastiveEncoder, projector
from urform.contrastive._momentum import MomentumTwin
from urform.losses import cosine_loss
from urform.models import Backbone


class BYOL(ContrastiveEncoder):
    """Args as in `ContrastiveEncoder`, and `momentum`: of the target at the start; it rises to 1 by a cosine.

    Source: Grill 2020, Bootstrap Your Own Latent.
    """

    settings = ("momentum",)
    optimizer = "lars"

    def __init__(self, backbone: Backbone, projection_size: int = 128, momentum: float = 0.99):
        super().__init__(backbone, projection_size)
        size = backbone.feature_size
        self.projection = projector((size, size, projection_size), norm=True)
        self.predictor = projector((projection_size, size, projection_size), norm=True)
        self.target = MomentumTwin(nn.Sequential(self.backbone, self.projection), batch_statistics=True)
        self._start_momentum = self.momentum = momentum

    def advance(self, progress: float) -> None:
        """Set the momentum. Source: Grill 2020, section 3.3."""
        self.momentum = 1 - (1 - self._start_momentum) * (math.cos(math.pi * progress) + 1) / 2

    def _loss(self, features: Tensor, images: Tensor, others: Tensor) -> Float[Tensor, ""]:
        if self.training:
            self.target.follow(nn.Sequential(self.backbone, self.projection), self.momentum)
        one, other = self._predicted(features), self._predicted(self.backbone(others).float())
        return cosine_loss(one, self.target(others).float()) + cosine_loss(other, self.target(images).float())

    def _predicted(self, features: Tensor) -> Float[Tensor, "B D"]:
        return self.predictor(self.projection(features)).float()
