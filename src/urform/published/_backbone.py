"""The backbone of a contrastive training: a run of ours, or a published checkpoint."""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from urform.models import DEPTHS, ResNet
from urform.published._checkpoint import check_tensors, load_tensors, named_after
from urform.published._state_dicts import RESNET_CHILDREN
from urform.weights import FILE_NAME, BackboneWeights, read_backbone

_PREFIXES = {"encoder.": "SimCLR", "encoder_q.": "MoCo", "online_encoder.": "BYOL or SimSiam"}


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
        return read_published_backbone(path)
    return read_backbone(path)


def read_published_backbone(path: Path) -> BackboneWeights:
    """A published contrastive checkpoint. Source: docs/formats.md, Contrastive checkpoints."""
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
            if match and match[1] not in RESNET_CHILDREN:
                raise ValueError(f"{key} is unknown, expected children {', '.join(RESNET_CHILDREN)} of a ResNet")
            if match:
                state[f"{RESNET_CHILDREN[match[1]]}.{match[2]}"] = value
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
