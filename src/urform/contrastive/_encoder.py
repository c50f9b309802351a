"""What the contrastive methods have in common: a backbone whose features are learned, and a projection of them."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

import torch.distributed as dist
import torch.distributed.nn
from jaxtyping import Float
from torch import Tensor, nn

from urform.models import Backbone

HeadNorm = Literal["usual", "on", "off"]
PREDICTOR = ("predictor_size", "normalised_predictions")
"""Settings of the methods that have a predictor."""


class ContrastiveEncoder(nn.Module):
    """A backbone that learns from pairs of views. A subclass defines `pair_loss`.

    One whose loss needs more than the features of both views defines `_loss` instead.

    Args:
        backbone: a module with a `feature_size` F, pictures (B, 3, H, W) to features (B, F).
        projection_size: length D of what the loss compares.
        head_norm: batch norm in projection and predictor: "usual", as the method's paper has it, "on" or "off".

    Raises:
        ValueError: `projection_size` is out of range.
    """

    settings: ClassVar[tuple[str, ...]] = ("head_norm",)
    """Arguments of the method besides the backbone and `projection_size`; their values are `ContrastiveConfig`'s."""
    optimizer: ClassVar[str] = "adamw"
    """What it descends with unless told otherwise; without negatives, methods collapse under adamw."""

    def __init__(self, backbone: Backbone, projection_size: int = 128, head_norm: HeadNorm = "usual"):
        super().__init__()
        if projection_size < 2:
            raise ValueError(f"projection_size must be at least 2, got {projection_size}")
        self.backbone = backbone
        self.projection_size = projection_size
        self._head_norm = head_norm

    def _norm(self, usual: bool) -> bool:
        """Whether a head has batch norm, which usually has it or not."""
        return usual if self._head_norm == "usual" else self._head_norm == "on"

    def forward(
        self,
        images: Float[Tensor, "B 3 H W"],
        others: Float[Tensor, "B 3 H W"] | None = None,
        return_loss: bool = False,
    ) -> Float[Tensor, "B F"] | tuple[Float[Tensor, "B F"], Float[Tensor, "B F"], Float[Tensor, ""]]:
        """Features of pictures; with a second view of the same objects, its features and the loss, too.

        Args:
            images: RGB in [0, 1].
            others: another view of each object.
            return_loss: whether to return it; needs `others`.

        Returns:
            The features of `images`; or them, those of `others` and the loss.

        Raises:
            ValueError: `others` is missing, or is not of the shape of `images`.
        """
        features = self.backbone(images)
        if not return_loss:
            return features
        if others is None or others.shape != images.shape:
            got = "none" if others is None else f"shape {tuple(others.shape)}"
            raise ValueError(f"others must have the shape of images, {tuple(images.shape)}, got {got}")
        other_features, loss = self._loss(features.float(), images, others)
        return features, other_features, loss

    def advance(self, progress: float) -> None:
        """Tell how much of the training is done, 0 to 1: some methods have a schedule."""

    def pair_loss(self, features: Float[Tensor, "B F"], other_features: Float[Tensor, "B F"]) -> Float[Tensor, ""]:
        """The loss of the features of two views of each object, in 32 bits."""
        raise NotImplementedError(f"{type(self).__name__} must define `pair_loss`")

    def _loss(self, features: Tensor, images: Tensor, others: Tensor) -> tuple[Float[Tensor, "B F"], Float[Tensor, ""]]:
        """Features of `others` and the loss, from the features of `images` and both pictures."""
        other_features = self.backbone(others)
        return other_features, self.pair_loss(features, other_features.float())


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
