"""Sizes of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from urform.config._check import require


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of template, warp and encoder; the defaults are the preset `small`."""

    warp: Literal["mlp", "lstm"] = "mlp"
    """The warp: 'mlp' (made for CPUs) or 'lstm' (published)."""
    latent_size: int = 128
    """Length L of the latent code."""
    warp_width: int = 128
    """Hidden units of the warp."""
    warp_steps: int = 4
    """Affine steps of the warp, a multiple of 4."""
    warp_octaves: int = 4
    """Frequencies of sines and cosines that the 'mlp' warp sees beside the points."""
    template_width: int = 64
    """Hidden units of each layer of the template."""
    template_layers: int = 5
    """Hidden layers of the template."""
    dropout: float = 0.0
    """Probability of dropout in the template."""
    encoder_width: int = 32
    """Channels of the image encoder's first stage; 64 is a full ResNet-18."""
    image_size: int = 128
    """Pixels along an edge of the picture that the encoder sees."""

    def __post_init__(self) -> None:
        require(self.latent_size >= 1, "--latent-size", "at least 1", self.latent_size)
        require(self.warp_width >= 1, "--warp-width", "at least 1", self.warp_width)
        steps_fit = self.warp_steps >= 4 and self.warp_steps % 4 == 0
        require(steps_fit, "--warp-steps", "a multiple of 4", self.warp_steps)
        require(self.warp_octaves >= 0, "--warp-octaves", "0 or more", self.warp_octaves)
        require(self.template_width >= 1, "--template-width", "at least 1", self.template_width)
        require(self.template_layers >= 1, "--template-layers", "at least 1", self.template_layers)
        require(0 <= self.dropout < 1, "--dropout", "at least 0 and less than 1", self.dropout)
        require(self.encoder_width >= 1, "--encoder-width", "at least 1", self.encoder_width)
        require(32 <= self.image_size <= 1024, "--image-size", "32 to 1024 pixels", self.image_size)


PRESETS = {
    "small": ModelConfig(),
    "published": ModelConfig(
        warp="lstm",
        latent_size=256,
        warp_width=512,
        warp_steps=8,
        template_width=256,
        template_layers=5,
        dropout=0.05,
        encoder_width=64,
        image_size=224,
    ),
}
