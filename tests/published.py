"""Experiment folders as the published system writes them, for the tests."""

import json
import os
from collections import OrderedDict
from pathlib import Path

import torch

from urform.models import Decoder, LstmWarp, ResNetEncoder, Template

L, HIDDEN = 6, 10
NAMES = ["c", "a", "b", "d"]  # a split is not sorted
WARP = {"hidden_size": HIDDEN, "steps": 8}
TEMPLATE = {
    "dims": [12, 12, 12],
    "dropout": [0, 1, 2],
    "dropout_prob": 0.05,
    "norm_layers": [0, 1, 2],
    "xyz_in_all": False,
    "weight_norm": True,
}


def published_decoder(warp: dict, template: dict) -> tuple[Decoder, dict[str, torch.Tensor]]:
    """A decoder with random weights, and its parameters under the published names."""
    torch.manual_seed(0)
    decoder = Decoder(
        LstmWarp(L, **warp),
        Template(
            template["dims"],
            dropout=template.get("dropout_prob", 0.0),
            weight_norm=template.get("weight_norm", False),
            norm_layers=template.get("norm_layers", ()),
            dropout_layers=template.get("dropout") or (),
            xyz_in_all=template.get("xyz_in_all") or False,
        ),
    ).eval()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    names = {
        "warp.lstm.": "warper.lstm.",
        "warp.affine.": "warper.out_layer_coord_affine.",
        "template.": "sdf_decoder.",
    }
    state = {}
    for key, value in decoder.state_dict().items():
        ours = next(ours for ours in names if key.startswith(ours))
        state["module." + names[ours] + key.removeprefix(ours)] = value
    return decoder, state


def write_checkpoint(path: Path, **content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)


def rows() -> torch.Tensor:
    return torch.randn(len(NAMES), L, generator=torch.Generator().manual_seed(1))


def write_specs(folder: Path, warp: dict = WARP, template: dict = TEMPLATE, **others: object) -> None:
    content = {
        "Description": ["mugs"],
        "TrainSplit": "split.json",
        "NetworkArch": "deep_implicit_template_decoder",
        "NetworkSpecs": {"warper_kargs": warp, "decoder_kargs": template},
        "CodeLength": L,
        "NumEpochs": 2001,
        **others,
    }
    content = {key: value for key, value in content.items() if value is not None}
    (folder / "specs.json").write_text(json.dumps(content))


def write_codes(folder: Path, codes: object, epoch: int = 7, name: str = "latest") -> None:
    write_checkpoint(folder / "LatentCodes" / f"{name}.pth", epoch=epoch, latent_codes=codes)


def with_module(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return OrderedDict((f"module.{key}", value) for key, value in state.items())


def write_experiment(folder: Path) -> Path:
    """A whole one; tests overwrite what they want otherwise."""
    folder.mkdir(parents=True)
    write_specs(folder)
    (folder / "split.json").write_text(json.dumps({"mine": {"mug": NAMES}}))
    _, state = published_decoder(WARP, TEMPLATE)
    write_checkpoint(folder / "ModelParameters" / "latest.pth", epoch=7, model_state_dict=state)
    write_codes(folder, {"weight": rows()})
    return folder


CHILDREN = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"]


def encoder_codes(form: str) -> tuple[ResNetEncoder, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    encoder = ResNetEncoder(L, width=4, hidden=9 if form == "v2" else 0).eval()
    with torch.no_grad():
        for value in encoder.state_dict().values():
            if value.is_floating_point():
                value.add_(0.1 * torch.rand_like(value))

    def numbered(key: str) -> str:
        child, rest = key.split(".", 1)
        return f"{CHILDREN.index(child)}.{rest}"

    state = encoder.state_dict()
    body = {key: value for key, value in state.items() if not key.startswith(("fc.", "hidden."))}
    if form == "v2":
        head = {key.replace("hidden", "fc.0").replace("fc.w", "fc.2.w").replace("fc.b", "fc.2.b"): key for key in state}
        head = {name: state[key] for name, key in head.items() if name.startswith("fc.")}
        return encoder, {f"encoder.{numbered(key)}": value for key, value in body.items()} | head
    codes = {f"encoder.{key}": value for key, value in state.items()}
    if form == "doubled by number":
        codes |= {f"feature_extractor.{numbered(key)}": value for key, value in body.items()}
    if form == "doubled by name":
        codes |= {f"feature_extractor.{key}": value for key, value in body.items()}
    return encoder, codes


class Malicious:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)
