"""Sizes of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from urform.config._check import require

MOST_UNITS = 65_536  # beyond these no network is meant, but a slip or a trap
MOST_LAYERS = 1000
_TRUNK_SIZE = 128  # pixels along an edge of the pictures that the trunk takes
CLAMP = 0.1
"""Distance at which the sdf is clamped, normalised units: the delta of DeepSDF (Park 2019, section 3). Weights files
that do not name theirs were trained with it."""


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of template, warp and encoder; the defaults are the preset `small`."""

    warp: str = "mlp"
    """The warp: 'mlp' (made for CPUs) or 'lstm' (published)."""
    latent_size: int = 128
    """Length L of the latent code."""
    warp_width: int = 96
    """Hidden units of the warp."""
    warp_steps: int = 4
    """Affine steps of the warp, a multiple of 4."""
    warp_octaves: int = 0
    """Frequencies of sines and cosines of the points that the 'mlp' warp sees; above 0 the warp folds."""
    template_width: int = 64
    """Hidden units of each layer of the template."""
    template_layers: int = 5
    """Hidden layers of the template."""
    template_octaves: int = 3
    """Frequencies of sines and cosines of the points that the template sees."""
    template_dims: tuple[int, ...] = ()
    """Hidden units of each layer of the template, if they differ; replaces width and number of the layers."""
    xyz_in_all: bool = False
    """Every layer of the template sees the point, in place of three units of the layer below."""
    weight_norm: bool = True
    """Weight norm in the template; otherwise LayerNorm after the layers."""
    norm_layers: tuple[int, ...] | None = None
    """Indices of the template's layers with this normalisation; None = all."""
    dropout: float = 0.0
    """Probability of dropout in the template."""
    dropout_layers: tuple[int, ...] | None = None
    """Indices of the template's layers with dropout; None = all."""
    correction_width: int = 192
    """Hidden units of the correction, which gives a shape the parts that the template lacks; 0 = no correction."""
    encoder_backbone: str = "resnet"
    """The image encoder: 'resnet' (published), 'efficientnet-lite0' (extra `efficientnet`), or 'trunk', a head on
    features of ImageNet that the package brings."""
    encoder_depth: Literal[18, 34, 50, 101] = 18
    """Layers of the image encoder, where it is a ResNet."""
    encoder_width: int = 40
    """Channels of a ResNet's first stage; 64 is a full ResNet. Channels that the trunk's features are reduced to."""
    encoder_hidden: int = 0
    """Units of a hidden layer between the encoder's backbone and the latent; 0 = no such layer."""
    image_size: int = 64
    """Pixels along an edge of the picture that the encoder sees."""
    pictures: Literal["framed", "resized"] = "framed"
    """How the encoder sees a picture: 'framed', cropped to the object and averaged over the mirror image, or 'resized',
    whole and as it is (published)."""
    mirrored: bool = True
    """The latent of a framed picture is the mean over it and its mirror image. Training without `flip` turns it off."""
    refinement: float = 0.3
    """Usual distance by which the outline of an object moves its latent, in standard deviations of the training
    latents; 0 = pictures are refined only where one asks for it."""

    def __post_init__(self) -> None:
        require(self.latent_size >= 1, "latent_size", "at least 1", self.latent_size)
        require(self.warp_width >= 1, "warp_width", "at least 1", self.warp_width)
        steps_fit = self.warp_steps >= 4 and self.warp_steps % 4 == 0
        require(steps_fit, "warp_steps", "a multiple of 4", self.warp_steps)
        require(self.warp_octaves >= 0, "warp_octaves", "0 or more", self.warp_octaves)
        require(self.template_octaves >= 0, "template_octaves", "0 or more", self.template_octaves)
        require(self.correction_width >= 0, "correction_width", "0 or more", self.correction_width)
        require(self.template_layers >= 1, "template_layers", "at least 1", self.template_layers)
        for name in ("latent_size", "warp_width", "correction_width", "encoder_width", "encoder_hidden"):
            value = getattr(self, name)
            require(value <= MOST_UNITS, name, f"at most {MOST_UNITS}", value)
        for name in ("warp_steps", "warp_octaves", "template_octaves", "template_layers"):
            value = getattr(self, name)
            require(value <= MOST_LAYERS, name, f"at most {MOST_LAYERS}", value)
        require(len(self.dims) <= MOST_LAYERS, "template_dims", f"at most {MOST_LAYERS} layers", len(self.dims))
        smallest = 4 if self.xyz_in_all else 1
        name = "template_dims" if self.template_dims else "template_width"
        require(min(self.dims) >= smallest, name, f"at least {smallest}", min(self.dims))
        require(max(self.dims) <= MOST_UNITS, name, f"at most {MOST_UNITS}", max(self.dims))
        for name, layers in (("norm_layers", self.norm_layers), ("dropout_layers", self.dropout_layers)):
            fit = all(0 <= layer < len(self.dims) for layer in layers or ())
            require(fit, name, f"indices of the template's {len(self.dims)} layers, from 0", layers)
        require(0 <= self.dropout < 1, "dropout", "at least 0 and less than 1", self.dropout)
        require(self.encoder_width >= 1, "encoder_width", "at least 1", self.encoder_width)
        require(self.encoder_hidden >= 0, "encoder_hidden", "0 or more", self.encoder_hidden)
        require(32 <= self.image_size <= 1024, "image_size", "32 to 1024 pixels", self.image_size)
        require(0 <= self.refinement <= 10, "refinement", "0 to 10", self.refinement)
        fits = self.encoder_backbone != "trunk" or self.image_size == _TRUNK_SIZE
        require(fits, "image_size", f"{_TRUNK_SIZE} where `encoder_backbone` is trunk", self.image_size)

    @property
    def backbone_name(self) -> str:
        """The name of the encoder's backbone among all backbones; older files have the depth of a ResNet beside it."""
        return f"resnet{self.encoder_depth}" if self.encoder_backbone == "resnet" else self.encoder_backbone

    @property
    def dims(self) -> tuple[int, ...]:
        """Hidden units of each layer of the template."""
        return self.template_dims or (self.template_width,) * self.template_layers


WITHOUT: dict[str, Any] = {"template_octaves": 0, "correction_width": 0, "refinement": 0.0}
"""Settings of a model that is the published one: also those of a weights file that does not name them."""

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
        **WITHOUT,
        encoder_width=64,
        image_size=224,
        pictures="resized",
    ),
}
