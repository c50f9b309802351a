"""SimCLR: the two views of an object find each other among all views of the batch."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from urform.contrastive._encoder import ContrastiveEncoder, gathered, own_first, projector
from urform.losses import nt_xent_loss
from urform.models import Backbone


class SimCLR(ContrastiveEncoder):
    """Args as in `ContrastiveEncoder`, and `temperature` of the softmax.

    Source: Chen 2020, A Simple Framework for Contrastive Learning of Visual Representations.
    """

    settings = ("temperature",)

    def __init__(self, backbone: Backbone, projection_size: int = 128, temperature: float = 0.07):
        super().__init__(backbone, projection_size)
        self.temperature = temperature
        size = backbone.feature_size
        self.projection = projector((size, size, projection_size))

    def _loss(self, features: Tensor, images: Tensor, others: Tensor) -> Float[Tensor, ""]:
        one, other = self.projection(features).float(), self.projection(self.backbone(others).float()).float()
        return nt_xent_loss(one, other, self.temperature, (gathered(one), gathered(other)), own_first(len(one)))
