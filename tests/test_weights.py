import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from tests.small_model import small_weights
from urform.config import ModelConfig
from urform.inference import Model
from urform.models import ResNetEncoder
from urform.weights import (
    FILE_NAME,
    Weights,
    build_decoder,
    build_encoder,
    export_weights,
    find_weights,
    load_weights,
    save_weights,
)
from urform.weights._file import HEADER, write_tensors


def test_every_setting_survives_the_weights_file(tmp_path: Path) -> None:
    config = ModelConfig(
        warp="lstm",
        latent_size=5,
        warp_width=6,
        template_dims=(9, 7, 8),
        xyz_in_all=True,
        weight_norm=False,
        norm_layers=(0, 2),
        dropout=0.2,
        dropout_layers=(1,),
        encoder_width=4,
        encoder_hidden=6,
        image_size=32,
    )
    written = Weights("mug", config, build_decoder(config), build_encoder(config), ["d/c/i"], torch.ones(1, 5))
    save_weights(tmp_path / FILE_NAME, written)
    read = load_weights(tmp_path)
    assert read.config == config
    assert hash(read.config) == hash(config)
    assert read.encoder is not None
    for ours, theirs in ((written.decoder, read.decoder), (written.encoder, read.encoder)):
        assert ours is not None
        for name, value in ours.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[name]), name


def test_the_clamp_is_in_the_weights_file(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    save_weights(path, replace(small_weights(), clamp=0.25))
    assert load_weights(path).clamp == 0.25
    assert Model(load_weights(path)).clamp == 0.25
    assert (
        json.loads(export_weights(tmp_path, tmp_path / "shared").with_name("config.json").read_text())["clamp"] == 0.25
    )
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()[HEADER])
    del header["clamp"]
    write_tensors(path, load_file(path), HEADER, header)  # as older versions wrote it
    assert load_weights(path).clamp == 0.1
    for wrong in (0, -1, "0.1", True, None):
        write_tensors(path, load_file(path), HEADER, header | {"clamp": wrong})
        with pytest.raises(ValueError, match="clamp must be a positive number, got "):
            load_weights(path)


def test_the_shipped_weights_and_plain_encoders_keep_their_names() -> None:
    chair = load_weights(find_weights("chair"))
    assert chair.config.dims == (64,) * 5
    assert not any(name.startswith("encoder.hidden") for name in load_file(find_weights("chair")))
    assert "hidden.weight" in ResNetEncoder(5, width=4, hidden=3).state_dict()
    assert "hidden.weight" not in ResNetEncoder(5, width=4).state_dict()


def test_imagenet_weights_leave_the_head(tmp_path: Path) -> None:
    encoder = ResNetEncoder(3, hidden=7)
    torch.save(ResNetEncoder(1000).state_dict(), tmp_path / "resnet18.pth")
    assert encoder.hidden is not None
    head = encoder.hidden.weight.clone()
    encoder.load_imagenet(tmp_path / "resnet18.pth")
    assert torch.equal(encoder.hidden.weight, head)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"template_dims": (4, 0)}, "template_dims must be at least 1, got 0"),
        ({"template_width": 0}, "template_width must be at least 1, got 0"),
        ({"template_width": 3, "xyz_in_all": True}, "template_width must be at least 4, got 3"),
        ({"norm_layers": (5,)}, r"norm_layers must be indices of the template's 5 layers, from 0, got \(5,\)"),
        ({"dropout_layers": (-1,)}, "dropout_layers must be indices of the template's 5 layers"),
        ({"encoder_hidden": -1}, "encoder_hidden must be 0 or more, got -1"),
    ],
)
def test_settings_are_checked(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**settings)
    with pytest.raises(ValueError, match="hidden must be at least 0, got -1"):
        ResNetEncoder(3, 4, hidden=-1)


def test_a_warp_or_an_encoder_that_does_not_exist_is_an_error() -> None:
    # The type checker of the tests would not let such names through.
    config = ModelConfig()
    object.__setattr__(config, "warp", "mpl")
    with pytest.raises(ValueError, match="warp must be one of mlp, lstm, got 'mpl'"):
        build_decoder(config)
    object.__setattr__(config, "encoder_backbone", "vgg")
    with pytest.raises(
        ValueError, match=r"encoder_backbone must be one of resnet18, .*, efficientnet-lite0, trunk, got 'vgg'"
    ):
        build_encoder(config)
