"""What training starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from urform.published import load_backbone
from urform.weights import BackboneWeights, Weights, load_weights


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
