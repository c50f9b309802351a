"""What an encoder starts from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from urform.config import ModelConfig
from urform.models import EFFICIENTNET
from urform.weights import BackboneWeights


def with_backbone(config: ModelConfig, backbone: BackboneWeights) -> ModelConfig:
    """The sizes of a model whose encoder is to start from a backbone."""
    size = backbone.image_size or config.image_size
    if backbone.name == EFFICIENTNET:
        return replace(config, encoder_backbone=EFFICIENTNET, image_size=size)
    depth = int(backbone.name.removeprefix("resnet"))
    return replace(
        config, encoder_backbone="resnet", encoder_depth=depth, encoder_width=backbone.width, image_size=size
    )


def with_imagenet(config: ModelConfig, imagenet: Path | None) -> ModelConfig:
    """The sizes of a model whose encoder is to start from ImageNet weights: those of a package decide what it is."""
    return replace(config, encoder_backbone=EFFICIENTNET) if imagenet == Path(EFFICIENTNET) else config


def refuse_two_starts(imagenet: Path | None, backbone: BackboneWeights | None, trained: Path | None = None) -> None:
    """Raise a ValueError where an encoder is to start from two files.

    Args:
        imagenet: file of ImageNet weights.
        backbone: contrastively trained weights.
        trained: file of a model whose encoder is gone on from.
    """
    named = [f"--imagenet {imagenet}"] * bool(imagenet)
    named += [f"--init {path}" for path in (backbone and backbone.where, trained) if path]
    if len(named) > 1:
        raise ValueError(f"the encoder can start from one file, got {' and '.join(named)}; leave one away")
