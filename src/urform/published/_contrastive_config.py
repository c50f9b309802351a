"""The config.yaml of published contrastive training, in our words."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

_NAMES = {
    "datasource": "data",
    "framework": "method",
    "projection_dim": "projection_size",
    "save_every": "keep_every",
}
_ONLY_PUBLISHED = (*_NAMES, "resnet", "pretrained", "cos_lr", "lr_schedule")
_AS_PUBLISHED = {
    "width": 64,
    "image_size": 224,
    "pictures": "resized",
    "optimizer": "sgd",
    "augmentation": "color",
    "epoch_shows": "objects",
}
_PRETRAINED = {"18": "f37072fd", "34": "b627a593", "50": "0676ba61", "101": "63fe2227"}
"""How torchvision's files of ImageNet weights end."""


def settings_from_published(content: Mapping[Any, Any], path: Path, has_imagenet: bool = False) -> dict[Any, Any]:
    """The settings of a published config.yaml under the names of our flags; any other config comes back as it is.

    Args:
        content: what the file holds.
        path: the file.
        has_imagenet: whether `imagenet` is given, which is what `pretrained: True` asks for.

    Raises:
        ValueError: `pretrained` is neither true, false nor a file.

    Source: docs/contrastive.md, published settings.
    """
    if not any(name in content for name in _ONLY_PUBLISHED):
        return dict(content)
    ours = {**_AS_PUBLISHED, **{_NAMES.get(key, key): value for key, value in content.items() if value is not None}}
    if "resnet" in ours:
        ours["backbone"] = f"resnet{str(ours.pop('resnet')).removeprefix('resnet')}"
    pretrained = ours.pop("pretrained", False)
    if isinstance(pretrained, str):
        ours["imagenet"] = pretrained
    elif not isinstance(pretrained, bool):
        raise ValueError(
            f"{path}: pretrained must be true, false or a file of torchvision's weights, got {pretrained!r}"
        )
    elif pretrained and not has_imagenet:
        depth = str(ours.get("backbone", "resnet18")).removeprefix("resnet")
        logger.warning(
            "%s: pretrained asks for torchvision's weights, a file resnet%s-%s.pth, which `imagenet` gives; "
            "the training starts from random weights",
            path,
            depth,
            _PRETRAINED.get(depth, "*"),
        )
    changes = ours.pop("lr_schedule", None) or []
    if ours.pop("cos_lr", False):
        ours |= {"schedule": "cosine", "cosine_warm_share": 0.0}
    elif "schedule" not in ours:
        ours |= (
            {"schedule": "step", "step_factor": 0.1, "step_epochs": changes} if changes else {"schedule": "constant"}
        )
    return ours
