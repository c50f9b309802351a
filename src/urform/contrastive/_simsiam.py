"""SimSiam: a view predicts the other, whose own way is cut from the gradient; neither negatives nor momentum."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from urform.contrastive._encoder import ContrastiveEncoder, projector
from urform.losses import cosine_loss
from urform.models import Backbone


class SimSiam(ContrastiveEncoder):
    """Args as in `ContrastiveEncoder`. The predictor narrows to a quarter, the projection ends with batch norm.

    Source: Chen 2021, Exploring Simple Siamese Representation Learning.
    """

    optimizer = "sgd"

    def __init__(self, backbone: Backbone, projection_size: int = 128):
        super().__init__(backbone, projection_size)
        size = backbone.feature_size
        self.projection = projector((size, size, projection_size), norm=True, last_norm=True)
        self.predictor = projector((projection_size, max(1, projection_size // 4), projection_size), norm=True)

    def _loss(self, features: Tensor, images: Tensor, others: Tensor) -> Float[Tensor, ""]:
        one, other = self.projection(features).float(), self.projection(self.backbone(others).float()).float()
        forth, back = self.predictor(one).float(), self.predictor(other).float()
        return (cosine_loss(forth, other) + cosine_loss(back, one)) / 2
