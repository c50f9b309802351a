"""Contrastive encoders by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from urform.config import ContrastiveConfig, look_up
from urform.contrastive._byol import BYOL
from urform.contrastive._encoder import ContrastiveEncoder
from urform.contrastive._moco import MoCo
from urform.contrastive._simclr import SimCLR
from urform.contrastive._simsiam import SimSiam
from urform.models import BACKBONES, Backbone

METHODS: dict[str, type[ContrastiveEncoder]] = {"simclr": SimCLR, "moco": MoCo, "byol": BYOL, "simsiam": SimSiam}
_LR = {"adamw": 1e-3, "sgd": 0.05, "lars": 1.0}  # usual highest learning rates


def encoder(
    backbone: str = "resnet18",
    method: str = "simclr",
    width: int = 64,
    weights: str | Path | None = None,
    **options: Any,
) -> ContrastiveEncoder:
    """A contrastive encoder.

    Args:
        backbone: resnet18, resnet34, resnet50 or resnet101; or efficientnet-lite0 or trunk, which come with ImageNet
            weights.
        method: simclr, moco, byol or simsiam.
        width: channels of a ResNet's first stage.
        weights: file of torchvision's ImageNet weights for a ResNet of width 64.
        **options: of the method: projection_size, temperature, momentum, queue_size, head_norm, predictor_size,
            normalised_predictions.

    Raises:
        ValueError: an unknown name, or weights that do not fit.
        ModuleNotFoundError: efficientnet-lite0 without its packages.
    """
    kind = look_up(METHODS, method, "method")
    network = build_backbone(backbone, width)
    if weights is not None:
        network.load_imagenet(weights)
    return kind(network, **options)


def build_backbone(name: str, width: int = 64) -> Backbone:
    """The network that gives features. Args and errors as in `encoder`."""
    network = look_up(BACKBONES, name, "backbone").network(width)
    network.load_packaged()
    # torch documents the argument, its overloads lack it.
    return network.to(memory_format=network.memory_format)  # pyright: ignore[reportCallIssue]


def build_method(config: ContrastiveConfig, backbone: Backbone) -> ContrastiveEncoder:
    """The method of the settings around a backbone. Raises a ValueError where there is no such method."""
    kind = look_up(METHODS, config.method, "method")
    return kind(backbone, config.projection_size, **{name: getattr(config, name) for name in kind.settings})


def optimizer_of(config: ContrastiveConfig) -> tuple[str, float]:
    """The optimiser and its highest learning rate; where the settings name none, those that go with the method."""
    name = config.optimizer or look_up(METHODS, config.method, "method").optimizer
    return name, _LR[name] if config.lr is None else config.lr
