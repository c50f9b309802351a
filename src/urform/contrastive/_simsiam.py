"""SimSiam: a view predicts the other, whose own way is cut from the gradient; neither negatives nor momentum."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from urform.contrastive._encoder import PREDICTOR, ContrastiveEncoder, HeadNorm, projector
from urform.losses import cosine_loss
from urform.models import Backbone


class SimSiam(ContrastiveEncoder):
    """Args as in `ContrastiveEncoder`, and those below. The projection ends with batch norm.

    Args:
        predictor_size: hidden units of the predictor; None = a quarter of the projection.
        normalised_predictions: see `cosine_loss`.

    Source: Chen 2021, Exploring Simple Siamese Representation Learning.
    """

    settings = (*ContrastiveEncoder.settings, *PREDICTOR)
    optimizer = "sgd"

    def __init__(
        self,
        backbone: Backbone,
        projection_size: int = 128,
        head_norm: HeadNorm = "usual",
        predictor_size: int | None = None,
        normalised_predictions: bool = True,
    ):
        super().__init__(backbone, projection_size, head_norm)
        size, norm = backbone.feature_size, self._norm(True)
        narrow = predictor_size or max(1, projection_size // 4)
        self._normalised_predictions = normalised_predictions
        self.projection = projector((size, size, projection_size), norm=norm, last_norm=norm)
        self.predictor = projector((projection_size, narrow, projection_size), norm=norm)

    def pair_loss(self, features: Float[Tensor, "B F"], other_features: Float[Tensor, "B F"]) -> Float[Tensor, ""]:
        """The loss. Source: Chen 2021, eq. 4."""
        one, other = self.projection(features).float(), self.projection(other_features).float()
        forth, back = self.predictor(one).float(), self.predictor(other).float()
        normalised = self._normalised_predictions
        return (cosine_loss(forth, other, normalised) + cosine_loss(back, one, normalised)) / 2
