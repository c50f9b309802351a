"""A backbone on the trunk: pictures to features of which only the last reduction is learned."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.models._backbone import Backbone
from urform.models._trunk import TRUNK_CELLS, TRUNK_CHANNELS, TRUNK_SIZE, load_trunk

TRUNK = "trunk"
_DROPOUT = 0.2


class TrunkBackbone(Backbone):
    """The trunk's features, reduced to fewer channels in each of their places. The trunk itself is never trained.

    Args:
        width: channels that are left.

    Raises:
        ValueError: `width` is out of range.
    """

    channel_mean: Tensor
    channel_spread: Tensor

    def __init__(self, width: int = 64):
        super().__init__()
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        self.feature_size = width * TRUNK_CELLS**2
        self.register_buffer("channel_mean", torch.zeros(TRUNK_CHANNELS))
        self.register_buffer("channel_spread", torch.ones(TRUNK_CHANNELS))
        self.reduce = nn.Conv2d(TRUNK_CHANNELS, width, 1)
        self.dropout = nn.Dropout(_DROPOUT)

    @property
    def title(self) -> str:
        """Its name."""
        return TRUNK

    def features(self, images: Tensor) -> Float[Tensor, "B F"]:
        """Features of images.

        Args:
            images: (B, 3, 128, 128) in [0, 1], or (B, 112, 4, 4) what the trunk makes of them.

        Raises:
            ValueError: the shape is wrong.
        """
        if images.shape[1:] != (TRUNK_CHANNELS, TRUNK_CELLS, TRUNK_CELLS):
            with torch.no_grad():
                images = load_trunk(str(images.device))(self._resized(images))
        scaled = (images - self.channel_mean[:, None, None]) / self.channel_spread[:, None, None]
        return self.dropout(nn.functional.gelu(self.reduce(scaled)).flatten(1))

    def load_imagenet(self, path: str | Path = TRUNK) -> None:
        """Nothing is loaded: the package brings the trunk's weights.

        Args:
            path: its name, trunk.

        Raises:
            ValueError: it is a file.
        """
        if str(path) != TRUNK:
            raise ValueError(f"imagenet must be {TRUNK} for {TRUNK}, which brings its own, got {path}")

    def set_scale(self, features: Float[Tensor, "N 112 4 4"]) -> None:
        """Take mean and spread of each channel from features as they are trained on."""
        self.channel_mean.copy_(features.mean(dim=(0, 2, 3)))
        self.channel_spread.copy_(features.std(dim=(0, 2, 3)).clamp(min=1e-3))

    def _resized(self, images: Tensor) -> Float[Tensor, "B 3 S S"]:
        self._check_images(images)
        if images.shape[2:] == (TRUNK_SIZE, TRUNK_SIZE):
            return images
        return nn.functional.interpolate(images, (TRUNK_SIZE, TRUNK_SIZE), mode="bilinear", antialias=True)
