"""SimCLR: the two views of an object find each other among all views of the batch."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from urform.contrastive._encoder import ContrastiveEncoder, HeadNorm, gathered, own_first, projector
from urform.losses import nt_xent_loss
from urform.models import Backbone


class SimCLR(ContrastiveEncoder):
    """Args as in `ContrastiveEncoder`, and `temperature` of the softmax.

    Source: Chen 2020, A Simple Framework for Contrastive Learning of Visual Representations.
    """

    settings = ("temperature", *ContrastiveEncoder.settings)

    def __init__(
        self,
        backbone: Backbone,
        projection_size: int = 128,
        temperature: float = 0.07,
        head_norm: HeadNorm = "usual",
    ):
        super().__init__(backbone, projection_size, head_norm)
        self.temperature = temperature
        size = backbone.feature_size
        self.projection = projector((size, size, projection_size), norm=self._norm(False))

    def pair_loss(self, features: Float[Tensor, "B F"], other_features: Float[Tensor, "B F"]) -> Float[Tensor, ""]:
        """The loss. Source: Chen 2020, eq. 1."""
        one, other = self.projection(features).float(), self.projection(other_features).float()
        return nt_xent_loss(one, other, self.temperature, (gathered(one), gathered(other)), own_first(len(one)))
