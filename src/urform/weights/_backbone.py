"""A contrastively trained backbone as a file, ours or published, and what training starts from."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import safetensors
from torch import Tensor, nn

from urform.config import shortened
from urform.models import DEPTHS, ResNet
from urform.weights._checkpoint import check_tensors, load_tensors, named_after
from urform.weights._file import FILE_NAME, Weights, load_weights, write_tensors

HEADER = "urform.backbone"
WIDEST = 4096  # channels of a first stage
_PREFIXES = {"encoder.": "SimCLR", "encoder_q.": "MoCo", "online_encoder.": "BYOL or SimSiam"}
_CHILDREN = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}


@dataclass(frozen=True)
class BackboneWeights:
    """The convolutional part of an image encoder.

    Attributes:
        where: the file.
        name: resnet18, resnet34, resnet50, resnet101 or efficientnet-lite0.
        method: how it was trained.
        width: channels of a ResNet's first stage.
        image_size: pixels along an edge of the pictures it was trained on; None where that is not known.
        state: its state dict, a ResNet's with torchvision's names.
    """

    where: Path
    name: str
    method: str
    width: int
    image_size: int | None
    state: dict[str, Tensor]


@dataclass(frozen=True)
class Start:
    """What a training starts from.

    Attributes:
        weights: shapes, where one of the files has them.
        where: that file.
        backbone: of an encoder, where one of the files is a contrastive run or checkpoint.
    """

    weights: Weights | None = None
    where: Path | None = None
    backbone: BackboneWeights | None = None


def save_backbone(path: Path, backbone: nn.Module, name: str, method: str, width: int, image_size: int) -> None:
    """Write a backbone, atomically; args as in `BackboneWeights`."""
    header = {"name": name, "method": method, "width": width, "image_size": image_size}
    stored = {key: value.detach().cpu().contiguous() for key, value in backbone.state_dict().items()}
    write_tensors(path, stored, HEADER, header)


def load_backbone(path: Path) -> BackboneWeights | None:
    """Read the backbone of a contrastive run, of its file or of a published checkpoint; None where it is another thing.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: a published checkpoint is damaged or of no known form.
    """
    path = path / FILE_NAME if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file, expected a run folder, a weights file or a published checkpoint"
        )
    if path.suffix in (".pth", ".pt", ".tar"):
        return _published(path)
    try:
        with safetensors.safe_open(path, "pt") as file:
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
    known = [f"resnet{depth}" for depth in DEPTHS] + ["efficientnet-lite0"]
    if backbone.name not in known or type(backbone.width) is not int or not 1 <= backbone.width <= WIDEST:
        raise ValueError(f"{path}: damaged, expected an encoder of a known kind, got {shortened(backbone.name)}")
    return backbone


def load_start(paths: Sequence[Path]) -> Start:
    """What `--init` names: at most one model and at most one contrastive backbone, in any order.

    Raises:
        FileNotFoundError: one of them is not there.
        ValueError: two of a kind, or one that cannot be read.
    """
    start = Start()
    for path in paths:
        backbone = load_backbone(path)
        if backbone is not None and start.backbone is None:
            start = Start(start.weights, start.where, backbone)
        elif backbone is None and start.weights is None:
            start = Start(load_weights(path), path, start.backbone)
        else:
            kind = "contrastive runs" if backbone else "models with shapes"
            raise ValueError(f"--init must name one of a kind, got two {kind}, the second: {path}")
    return start


def _published(path: Path) -> BackboneWeights:
    """A published contrastive checkpoint. Source: FORMATS section 4."""
    content = load_tensors(path)
    if not isinstance(content, dict) or "model_state_dict" not in content:
        raise ValueError(f"{path}: model_state_dict is missing, expected a published contrastive checkpoint")
    with named_after(path):
        given = {
            key.removeprefix("module."): value for key, value in check_tensors(content["model_state_dict"]).items()
        }
        found = [prefix for prefix in _PREFIXES if any(key.startswith(f"{prefix}encoder.0.") for key in given)]
        if len(found) != 1:
            wanted = ", ".join(f"{prefix}encoder.0.weight" for prefix in _PREFIXES)
            raise ValueError(f"must have one of {wanted}, got {next(iter(given), 'nothing')}")
        state: dict[str, Tensor] = {}
        for key, value in given.items():
            match = re.fullmatch(re.escape(found[0]) + r"encoder\.(\d+)\.(.+)", key)
            if match and match[1] not in _CHILDREN:
                raise ValueError(f"{key} is unknown, expected children {', '.join(_CHILDREN)} of a ResNet")
            if match:
                state[f"{_CHILDREN[match[1]]}.{match[2]}"] = value
        depth, width = _sizes(state)
        ResNet(depth, width).load_backbone(state, "model_state_dict")
    return BackboneWeights(path, f"resnet{depth}", _PREFIXES[found[0]], width, None, state)


def _sizes(state: dict[str, Tensor]) -> tuple[int, int]:
    """Depth and width of a ResNet, from the names and shapes of its parameters."""
    blocks = tuple(
        len({key.split(".")[1] for key in state if key.startswith(f"layer{stage}.")}) for stage in (1, 2, 3, 4)
    )
    expansion = 4 if any(".conv3." in key for key in state) else 1
    for depth, (block, count) in DEPTHS.items():
        if count == blocks and block.expansion == expansion:
            return depth, len(state["conv1.weight"])
    raise ValueError(f"has {', '.join(map(str, blocks))} blocks, expected a ResNet of {', '.join(map(str, DEPTHS))}")
