"""What training starts from: models, contrastive backbones, ImageNet weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from urform.config import ModelConfig
from urform.data import ShapeKey
from urform.models import DEPTHS, EFFICIENTNET, TRUNK, TRUNK_SIZE
from urform.published import LATENT_SUFFIXES, load_backbone, read_latents
from urform.weights import BackboneWeights, Weights, load_weights

_PACKAGED: dict[str, dict[str, Any]] = {
    EFFICIENTNET: {"encoder_backbone": EFFICIENTNET},
    TRUNK: {"encoder_backbone": TRUNK, "encoder_width": 64, "encoder_hidden": 512, "image_size": TRUNK_SIZE},
}
"""The encoders whose ImageNet weights come in packages, and their sizes."""
_DEPTH_OF = {f"resnet{depth}": depth for depth in DEPTHS}


@dataclass(frozen=True)
class Start:
    """What a training starts from.

    Attributes:
        weights: shapes, where one of the files has them.
        where: that file.
        backbone: of an encoder, where one of the files is a contrastive run or checkpoint.
        latents: instance to latent (L,), where one of the files holds latents alone.
        latents_where: that file.
    """

    weights: Weights | None = None
    where: Path | None = None
    backbone: BackboneWeights | None = None
    latents: dict[str, np.ndarray] | None = None
    latents_where: Path | None = None


def load_start(paths: Sequence[Path]) -> Start:
    """What `init` names: at most one model, one contrastive backbone and one file of latents, in any order.

    Raises:
        FileNotFoundError: one of them is not there.
        ValueError: two of a kind, or one that cannot be read.
    """
    start = Start()
    for path in paths:
        is_latents = path.suffix in LATENT_SUFFIXES
        backbone = None if is_latents else load_backbone(path)
        if is_latents and start.latents is None:
            start = replace(start, latents=read_latents(path), latents_where=path)
        elif backbone is not None and start.backbone is None:
            start = replace(start, backbone=backbone)
        elif not is_latents and backbone is None and start.weights is None:
            start = replace(start, weights=load_weights(path), where=path)
        else:
            kind = "files of latents" if is_latents else "contrastive runs" if backbone else "models with shapes"
            raise ValueError(f"init must name one of a kind, got two {kind}, the second: {path}")
    return start


def with_encoder_of(config: ModelConfig, imagenet: Path | None, backbone: BackboneWeights | None) -> ModelConfig:
    """The sizes of a model whose encoder is to start from one of the two, or from neither."""
    config = _with_imagenet(config, imagenet)
    return config if backbone is None else _with_backbone(config, backbone)


def refuse_two_starts(
    imagenet: Path | None, backbone: BackboneWeights | None, trained: Path | None = None, donor: bool = False
) -> None:
    """Raise a ValueError where an encoder is to start from two files.

    Args:
        imagenet: file of ImageNet weights.
        backbone: contrastively trained weights.
        trained: file of a model whose encoder is gone on from.
        donor: whether the encoder of another category is to be started from, too.
    """
    named = [f"`imagenet` {imagenet}"] * bool(imagenet)
    named += [f"`init` {path}" for path in (backbone and backbone.where, trained) if path]
    named += ["`encoder_from`"] * donor
    if len(named) > 1:
        raise ValueError(f"the encoder can start from one file, got {' and '.join(named)}; omit one")


def run_settings(
    config: object, init: Sequence[Path], imagenet: Path | None, keys: Sequence[ShapeKey]
) -> dict[str, Any]:
    """What a run folder notes of a training that has an encoder: a run that goes on must have the same."""
    return {
        "config": config,
        "init": [str(path) for path in init],
        "imagenet": imagenet,
        "shapes": [str(key) for key in keys],
    }


def _with_backbone(config: ModelConfig, backbone: BackboneWeights) -> ModelConfig:
    """The sizes of a model whose encoder is to start from a backbone."""
    size = backbone.image_size or config.image_size
    depth = _DEPTH_OF.get(backbone.name)
    config = replace(config, encoder_width=backbone.width, image_size=size)
    if depth is None:
        return replace(config, encoder_backbone=backbone.name)
    return replace(config, encoder_backbone="resnet", encoder_depth=depth)


def _with_imagenet(config: ModelConfig, imagenet: Path | None) -> ModelConfig:
    """The sizes of a model whose encoder is to start from ImageNet weights: those of a package decide what it is."""
    return config if imagenet is None else replace(config, **_PACKAGED.get(str(imagenet), {}))
