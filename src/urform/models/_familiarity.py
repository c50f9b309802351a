"""Whether a picture shows what a model knows, told from the trunk's features."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.models._trunk import TRUNK_CHANNELS

SHARE = 0.95  # of pictures of the category that are not called strange
_SHRINKAGE = 0.05  # of the covariance towards a ball: pictures of a maker that was not seen lie off the others


class Familiarity(nn.Module):
    """How far the features of a picture, averaged over their places, lie from those of the category's views.

    The distance is Mahalanobis', in units of the distance within which `SHARE` of calibration views lie.

    Source: Lee et al. 2018, A simple unified framework for detecting out-of-distribution samples.
    """

    mean: Tensor
    whitening: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(TRUNK_CHANNELS))
        self.register_buffer("whitening", torch.eye(TRUNK_CHANNELS))

    def forward(self, features: Float[Tensor, "B 112 4 4"]) -> Float[Tensor, " B"]:
        """How strange pictures are: below 1 as the category's are, above it as few of them."""
        return ((features.mean(dim=(2, 3)) - self.mean) @ self.whitening).norm(dim=1)

    def learn(self, views: Float[Tensor, "N 112 4 4"], calibration: Float[Tensor, "M 112 4 4"]) -> None:
        """Take the measure of the category.

        Args:
            views: features of its views.
            calibration: of others that set the level, best of shapes that `views` does not show.
        """
        pooled = views.mean(dim=(2, 3)).double()
        covariance = torch.cov(pooled.T)
        ball = torch.eye(TRUNK_CHANNELS, dtype=torch.double, device=covariance.device)
        covariance = covariance + _SHRINKAGE * covariance.trace() / TRUNK_CHANNELS * ball
        self.mean.copy_(pooled.mean(dim=0))
        self.whitening.copy_(torch.linalg.cholesky(torch.linalg.inv(covariance)))
        self.whitening.div_(torch.quantile(self(calibration), SHARE))
