"""A contrastively trained backbone as a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
from torch import Tensor, nn

from urform.config import shortened
from urform.files import utf8_path
from urform.models import BACKBONES
from urform.pictures import SEEN
from urform.weights._file import write_tensors

HEADER = "urform.backbone"
WIDEST = 4096  # channels of a first stage


@dataclass(frozen=True)
class BackboneWeights:
    """The convolutional part of an image encoder.

    Attributes:
        where: the file.
        name: one of `BACKBONES`.
        method: how it was trained.
        width: channels of a ResNet's first stage.
        image_size: pixels along an edge of the pictures it was trained on; None where that is not known.
        state: its state dict, a ResNet's with torchvision's names.
        pictures: how it sees a picture, see `urform.pictures.SEEN`.
    """

    where: Path
    name: str
    method: str
    width: int
    image_size: int | None
    state: dict[str, Tensor]
    pictures: str = "framed"


def save_backbone(path: Path, backbone: nn.Module, **about: Any) -> None:
    """Write a backbone, atomically; `about` it what `BackboneWeights` holds besides."""
    stored = {key: value.detach().cpu().contiguous() for key, value in backbone.state_dict().items()}
    write_tensors(path, stored, HEADER, about)


def read_backbone(path: Path) -> BackboneWeights | None:
    """Read the weights file of a contrastive run; None where it is the file of another training.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        with utf8_path(path) as opened, safetensors.safe_open(opened, "pt") as file:
            found = (file.metadata() or {}).get(HEADER)
            if found is None:
                return None
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(f"{path}: damaged or not a safetensors file ({error}); fetch or train it again") from error
    try:
        backbone = BackboneWeights(path, state=state, **json.loads(found))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: damaged, its header is not that of a contrastive run; train it again") from error
    if backbone.pictures not in SEEN:
        raise ValueError(f"{path}: damaged, pictures must be one of {', '.join(SEEN)}, got {backbone.pictures!r}")
    if backbone.name not in BACKBONES or type(backbone.width) is not int or not 1 <= backbone.width <= WIDEST:
        raise ValueError(f"{path}: damaged, expected an encoder of a known kind, got {shortened(backbone.name)}")
    return backbone
