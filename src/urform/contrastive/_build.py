"""Contrastive encoders by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from urform.contrastive._byol import BYOL
from urform.contrastive._encoder import ContrastiveEncoder
from urform.contrastive._moco import MoCo
from urform.contrastive._simclr import SimCLR
from urform.contrastive._simsiam import SimSiam
from urform.models import DEPTHS, EFFICIENTNET, Backbone, EfficientNetLite0, ResNet

METHODS: dict[str, type[ContrastiveEncoder]] = {"simclr": SimCLR, "moco": MoCo, "byol": BYOL, "simsiam": SimSiam}
BACKBONES = (*(f"resnet{depth}" for depth in DEPTHS), EFFICIENTNET)


def encoder(
    backbone: str = "resnet18",
    method: str = "simclr",
    width: int = 64,
    weights: str | Path | None = None,
    **options: Any,
) -> ContrastiveEncoder:
    """A contrastive encoder.

    Args:
        backbone: resnet18, resnet34, resnet50, resnet101, or efficientnet-lite0, which comes with its ImageNet weights.
        method: simclr, moco, byol or simsiam.
        width: channels of a ResNet's first stage.
        weights: file of torchvision's ImageNet weights for a ResNet of width 64.
        **options: of the method: projection_size, temperature, momentum, queue_size, head_norm, predictor_size,
            normalised_predictions.

    Raises:
        ValueError: an unknown name, or weights that do not fit.
        ModuleNotFoundError: efficientnet-lite0 without its packages.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    network = build_backbone(backbone, width)
    if weights is not None:
        network.load_imagenet(weights)
    return METHODS[method](network, **options)


def build_backbone(name: str, width: int = 64) -> Backbone:
    """The network that gives features. Args and errors as in `encoder`."""
    if name not in BACKBONES:
        raise ValueError(f"backbone must be one of {', '.join(BACKBONES)}, got {name!r}")
    if name == EFFICIENTNET:
        network = EfficientNetLite0()
        network.load_imagenet()
    else:
        network = ResNet(int(name.removeprefix("resnet")), width)
    # torch documents the argument, its overloads lack it.
    return network.to(memory_format=network.memory_format)  # pyright: ignore[reportCallIssue]
