"""The config.yaml of published contrastive training, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NAMES = {
    "datasource": "data",
    "framework": "method",
    "projection_dim": "projection_size",
    "save_every": "keep_every",
}
_ONLY_PUBLISHED = (*_NAMES, "resnet", "pretrained", "cos_lr", "lr_schedule")
_SIZES = {"width": 64, "image_size": 224}


def settings_from_published(content: Mapping[Any, Any], path: Path) -> dict[Any, Any]:
    """The settings of a published config.yaml under the names of our flags; any other config comes back as it is.

    Raises:
        ValueError: `pretrained` is true, which would download something.

    Source: docs/contrastive.md, published settings.
    """
    if not any(name in content for name in _ONLY_PUBLISHED):
        return dict(content)
    ours = {**_SIZES, **{_NAMES.get(key, key): value for key, value in content.items() if value is not None}}
    if "resnet" in ours:
        ours["backbone"] = f"resnet{str(ours.pop('resnet')).removeprefix('resnet')}"
    if pretrained := ours.pop("pretrained", False):
        if not isinstance(pretrained, str):
            raise ValueError(f"{path}: pretrained must be false or a file of torchvision's weights, got {pretrained!r}")
        ours["imagenet"] = pretrained
    changes = ours.pop("lr_schedule", None) or []
    if ours.pop("cos_lr", False):
        ours |= {"schedule": "cosine", "cosine_warm_share": 0.0}
    elif "schedule" not in ours:
        ours |= (
            {"schedule": "step", "step_factor": 0.1, "step_epochs": changes} if changes else {"schedule": "constant"}
        )
    return ours
