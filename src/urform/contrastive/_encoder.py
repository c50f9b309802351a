"""What the contrastive methods have in common: a backbone whose features are learned, and a projection of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import ClassVar

import torch.distributed as dist
import torch.distributed.nn
from jaxtyping import Float
from torch import Tensor, nn

from urform.models import Backbone


class ContrastiveEncoder(nn.Module, ABC):
    """A backbone that learns from pairs of views.

    Args:
        backbone: a module with a `feature_size` F, pictures (B, 3, H, W) to features (B, F).
        projection_size: length D of what the loss compares.

    Raises:
        ValueError: `projection_size` is out of range.
    """

    settings: ClassVar[tuple[str, ...]] = ()
    """Arguments of the method besides the backbone and `projection_size`; their values are `ContrastiveConfig`'s."""
    optimizer: ClassVar[str] = "adamw"
    """What it descends with unless told otherwise; without negatives, methods collapse under adamw."""

    def __init__(self, backbone: Backbone, projection_size: int = 128):
        super().__init__()
        if projection_size < 2:
            raise ValueError(f"projection_size must be at least 2, got {projection_size}")
        self.backbone = backbone
        self.projection_size = projection_size

    def forward(
        self,
        images: Float[Tensor, "B 3 H W"],
        others: Float[Tensor, "B 3 H W"] | None = None,
        return_loss: bool = False,
    ) -> Float[Tensor, "B F"] | tuple[Float[Tensor, "B F"], Float[Tensor, ""]]:
        """Features of pictures; with a second view of the same objects, the loss, too.

        Args:
            images: RGB in [0, 1].
            others: another view of each object.
            return_loss: whether to return it; needs `others`.

        Returns:
            The features of `images`, or them and the loss.

        Raises:
            ValueError: `others` is missing, or is not of the shape of `images`.
        """
        features = self.backbone(images)
        if not return_loss:
            return features
        if others is None or others.shape != images.shape:
            got = "none" if others is None else f"shape {tuple(others.shape)}"
            raise ValueError(f"others must have the shape of images, {tuple(images.shape)}, got {got}")
        return features, self._loss(features.float(), images, others)

    def advance(self, progress: float) -> None:
        """Tell how much of the training is done, 0 to 1: some methods have a schedule."""

    @abstractmethod
    def _loss(self, features: Tensor, images: Tensor, others: Tensor) -> Float[Tensor, ""]:
        """The loss, from the features of `images` and both pictures."""


def projector(sizes: tuple[int, ...], norm: bool = False, last_norm: bool = False) -> nn.Sequential:
    """Linear layers with ReLU between, and batch norm after each where wanted."""
    layers: list[nn.Module] = []
    for index, (before, after) in enumerate(pairwise(sizes)):
        last = index == len(sizes) - 2
        normed = last_norm if last else norm
        layers.append(nn.Linear(before, after, bias=not normed))
        if normed:
            layers.append(nn.BatchNorm1d(after, affine=not last))
        if not last:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def gathered(rows: Float[Tensor, "B D"]) -> Float[Tensor, "C D"]:
    """The rows of all processes that train together, in their order; gradients flow back to their own."""
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return rows
    return torch.cat(torch.distributed.nn.functional.all_gather(rows))


def own_first(count: int) -> int:
    """Index among gathered rows of the first of this process, where each has `count`."""
    return dist.get_rank() * count if dist.is_available() and dist.is_initialized() else 0
