"""BYOL: a view predicts what a slowly following encoder makes of the other; no negatives."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor, nn

from urform.contrastive._encoder import PREDICTOR, ContrastiveEncoder, HeadNorm, projector
from urform.contrastive._momentum import MomentumTwin
from urform.losses import cosine_loss
from urform.models import Backbone


class BYOL(ContrastiveEncoder):
    """Args as in `ContrastiveEncoder`, and:

    Args:
        momentum: of the target at the start; it rises to 1 by a cosine.
        predictor_size: hidden units of the predictor; None = as many as features.
        normalised_predictions: see `cosine_loss`.

    Source: Grill 2020, Bootstrap Your Own Latent.
    """

    settings = ("momentum", *ContrastiveEncoder.settings, *PREDICTOR)
    optimizer = "lars"

    def __init__(
        self,
        backbone: Backbone,
        projection_size: int = 128,
        momentum: float = 0.99,
        head_norm: HeadNorm = "usual",
        predictor_size: int | None = None,
        normalised_predictions: bool = True,
    ):
        super().__init__(backbone, projection_size, head_norm)
        size, norm = backbone.feature_size, self._norm(True)
        self._normalised_predictions = normalised_predictions
        self.projection = projector((size, size, projection_size), norm=norm)
        self.predictor = projector((projection_size, predictor_size or size, projection_size), norm=norm)
        self.target = MomentumTwin(nn.Sequential(self.backbone, self.projection), batch_statistics=True)
        self._start_momentum = self.momentum = momentum

    def advance(self, progress: float) -> None:
        """Set the momentum. Source: Grill 2020, section 3.3."""
        self.momentum = 1 - (1 - self._start_momentum) * (math.cos(math.pi * progress) + 1) / 2

    def _loss(self, features: Tensor, images: Tensor, others: Tensor) -> tuple[Float[Tensor, "B F"], Float[Tensor, ""]]:
        if self.training:
            self.target.follow(nn.Sequential(self.backbone, self.projection), self.momentum)
        other_features = self.backbone(others)
        one, other = self._predicted(features), self._predicted(other_features.float())
        normalised = self._normalised_predictions
        forth = cosine_loss(one, self.target(others).float(), normalised)
        return other_features, forth + cosine_loss(other, self.target(images).float(), normalised)

    def _predicted(self, features: Tensor) -> Float[Tensor, "B D"]:
        return self.predictor(self.projection(features)).float()
