import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import urform
from tests.published import (
    NAMES,
    TEMPLATE,
    WARP,
    L,
    encoder_codes,
    published_decoder,
    rows,
    with_module,
    write_checkpoint,
    write_codes,
    write_specs,
)
from urform.cli import main
from urform.config import PRESETS
from urform.models import Decoder
from urform.published import import_experiment, read_latents
from urform.published._specs import Specs
from urform.weights import load_weights

# The decoder


def test_the_published_decoder_is_reproduced(known_experiment: Path, tmp_path: Path) -> None:
    import_experiment(known_experiment, tmp_path / "run")
    model = urform.load(tmp_path / "run")
    split = json.loads((known_experiment / "split.json").read_text())["ShapeNetV2"]["03001627"]
    assert list(model.latents) == [f"ShapeNetV2/03001627/{name}" for name in split]
    assert model.category == "03001627"
    with np.load(known_experiment / "expected.npz") as expected:
        for index, latent in enumerate(model.latents.values()):
            points = expected["points"][index]
            np.testing.assert_array_equal(latent, expected["latents"][index])
            for name, result in {
                "sdf": model.sdf(points, latent),
                "warped": model.canonical(points, latent),
                "template_sdf": model.template_sdf(points),
            }.items():
                np.testing.assert_allclose(result, expected[name][index], rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("warp", "template"),
    [
        ({"steps": 4}, {}),
        ({"hidden_size": 3, "steps": 12}, {}),
        ({}, {"weight_norm": False}),
        ({}, {"weight_norm": False, "norm_layers": [1]}),
        ({}, {"weight_norm": False, "norm_layers": []}),
        ({}, {"norm_layers": [0, 2]}),
        ({}, {"xyz_in_all": True}),
        ({}, {"xyz_in_all": True, "weight_norm": False, "dims": [12, 8, 4]}),
        ({}, {"xyz_in_all": None, "dropout": None}),
        ({}, {"dropout": [1], "dropout_prob": 0.5}),
        ({}, {"dropout_prob": 0}),
        ({}, {"dims": [7]} | {key: [0] for key in ("dropout", "norm_layers")}),
        ({}, {"dims": [12, 5, 9]}),
    ],
    ids=str,
)
def test_every_option_of_the_networks(experiment: Path, tmp_path: Path, warp: dict, template: dict) -> None:
    decoder, state = published_decoder(WARP | warp, TEMPLATE | template)
    write_specs(experiment, WARP | warp, TEMPLATE | template)
    write_checkpoint(experiment / "ModelParameters" / "latest.pth", epoch=7, model_state_dict=state)
    import_experiment(experiment, tmp_path / "run")
    assert_same_decoder(tmp_path / "run", decoder)
    loaded = load_weights(tmp_path / "run").decoder.template
    assert loaded.dropout == (TEMPLATE | template)["dropout_prob"]
    assert loaded.dropout_layers == tuple((TEMPLATE | template)["dropout"] or ())


def assert_same_decoder(run: Path, decoder: Decoder) -> None:
    model = urform.load(run)
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1
    for latent, row in zip(model.latents.values(), rows(), strict=True):
        with torch.no_grad():
            expected = decoder(points[None], row[None])[0], decoder.canonical(points[None], row[None])[0]
        assert (expected[1] - points).norm(dim=1).mean() > 0.01
        np.testing.assert_array_equal(latent, row)
        np.testing.assert_allclose(model.sdf(points.numpy(), latent), expected[0], rtol=0, atol=1e-6)
        np.testing.assert_allclose(model.canonical(points.numpy(), latent), expected[1], rtol=0, atol=1e-6)


def test_options_left_out_have_the_published_defaults(experiment: Path, tmp_path: Path) -> None:
    decoder, state = published_decoder(WARP, {"dims": [12, 12]})
    write_specs(experiment, template={"dims": [12, 12]}, NetworkArch=None)
    plain = {key.removeprefix("module."): value.double() for key, value in state.items()}
    write_checkpoint(experiment / "ModelParameters" / "latest.pth", epoch=7, model_state_dict=plain)
    import_experiment(experiment, tmp_path / "run")
    assert_same_decoder(tmp_path / "run", decoder)


@pytest.mark.parametrize(
    "codes",
    [
        {"weight": rows()},
        {"module.weight": rows()},
        rows(),
        rows()[:, None],
        nn.Parameter(rows()[:, None]),
        nn.Embedding.from_pretrained(rows()).state_dict(),
    ],
    ids=["weight", "module.weight", "S L", "S 1 L", "parameter", "embedding"],
)
def test_every_form_of_latents(experiment: Path, tmp_path: Path, codes: object) -> None:
    write_codes(experiment, codes)
    import_experiment(experiment, tmp_path / "run")
    latents = urform.load(tmp_path / "run").latents
    assert list(latents) == [f"mine/mug/{name}" for name in NAMES]
    np.testing.assert_array_equal(np.stack(list(latents.values())), rows())


def test_the_published_setting_is_the_preset(experiment: Path) -> None:
    layers = list(range(5))
    template = TEMPLATE | {"dims": [256] * 5, "norm_layers": layers, "dropout": layers}
    write_specs(experiment, {"hidden_size": 512, "steps": 8}, template, CodeLength=256)
    assert Specs(experiment / "specs.json").model_config() == PRESETS["published"]


def test_a_checkpoint_of_an_epoch(experiment: Path, tmp_path: Path) -> None:
    _, state = published_decoder(WARP, TEMPLATE)
    write_checkpoint(experiment / "ModelParameters" / "3.pth", epoch=3, model_state_dict=state)
    write_codes(experiment, {"weight": rows() + 1}, epoch=3, name="3")
    assert import_experiment(experiment, tmp_path / "run", "3").epoch == 3
    np.testing.assert_array_equal(urform.load(tmp_path / "run").latents["mine/mug/c"], rows()[0] + 1)
    origin = json.loads((tmp_path / "run" / "import.json").read_text())
    assert origin["epoch"] == 3
    assert origin["split"] == str(experiment / "split.json")


@pytest.mark.parametrize("place", ["examples/mugs", "examples", ".", "elsewhere"])
def test_where_the_split_is_looked_for(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    write_specs(experiment, TrainSplit="splits/train.json")
    (tmp_path / place / "splits").mkdir(parents=True)
    (experiment / "split.json").rename(tmp_path / place / "splits" / "train.json")
    if place == "elsewhere":
        monkeypatch.chdir(tmp_path / place)
    found = import_experiment(experiment, tmp_path / "run")
    assert found.split == tmp_path / place / "splits" / "train.json"


# The image encoder


@pytest.mark.parametrize("module", [False, True], ids=["", "module"])
@pytest.mark.parametrize("form", ["first", "doubled by number", "doubled by name", "v2"])
def test_every_form_of_the_image_encoder(experiment: Path, tmp_path: Path, form: str, module: bool) -> None:
    encoder, codes = encoder_codes(form)
    write_codes(experiment, with_module(codes) if module else codes)
    found = import_experiment(experiment, tmp_path / "run")
    assert ("v2" in found.form) == (form == "v2")
    weights = load_weights(tmp_path / "run")
    assert weights.config.encoder_hidden == (9 if form == "v2" else 0)
    assert weights.encoder is not None
    pictures = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(weights.encoder(pictures), encoder(pictures), rtol=0, atol=0)
    model = urform.load(tmp_path / "run")
    assert model.latents == {}
    assert model.category == "mug"
    framed = np.random.default_rng(0).integers(0, 255, (1, 224, 224, 4), np.uint8)
    assert model.encode(framed).shape == (1, L)
    if form == "v2":
        _, head = encoder_codes(form)
        by_hand = nn.functional.linear(encoder.features(pictures), head["fc.0.weight"], head["fc.0.bias"]).relu()
        by_hand = nn.functional.linear(by_hand, head["fc.2.weight"], head["fc.2.bias"])
        torch.testing.assert_close(weights.encoder(pictures), by_hand)


def test_an_image_encoder_needs_no_split(experiment: Path, tmp_path: Path) -> None:
    write_codes(experiment, encoder_codes("first")[1])
    (experiment / "split.json").unlink()
    assert import_experiment(experiment, tmp_path / "run").split is None
    assert urform.load(tmp_path / "run").category == "mugs"


# The command line


def test_the_commands(experiment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, split, out = tmp_path / "run", experiment / "split.json", tmp_path / "out" / "mug_embedding.pkl"
    assert main(["import", str(experiment), "--out", str(run), "--checkpoint", "latest"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{experiment}: latest, epoch 7",
        "warp: LSTM of 10 units, 8 steps; latents of length 6",
        "template: layers of 12, 12, 12 units, weight norm in all layers, dropout 0.05 in all layers",
        f"latent codes: the weight of an embedding, 4 latents, named by {split}",
        f"{run}/model.safetensors: 0.0 MiB, category mug",
    ]
    samples = tmp_path / "data" / "SdfSamples" / "mine" / "mug"
    samples.mkdir(parents=True)
    for name in ("a", "b"):
        (samples / f"{name}.npz").touch()
    data = ["--data", str(tmp_path / "data")]
    assert main(["embeddings", str(run), "--split", str(split), "--out", str(out), *data]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{out}: 2 latents of length 6, named by {run}/model.safetensors",
        "2 shapes without SDF samples left out, first: mine/mug/c",
    ]
    assert list(read_latents(out)) == ["a", "b"]
    write_codes(experiment, encoder_codes("v2")[1])
    write_specs(experiment, template=TEMPLATE | {"norm_layers": [1], "xyz_in_all": True, "dropout": None})
    _, state = published_decoder(WARP, TEMPLATE | {"norm_layers": [1], "xyz_in_all": True})
    write_checkpoint(experiment / "ModelParameters" / "latest.pth", epoch=7, model_state_dict=state)
    assert main(["import", str(experiment), "--out", str(tmp_path / "run2")]) == 0
    said = capsys.readouterr().out
    assert "weight norm in layers 1, dropout 0.05 in no layer, the point in all layers" in said
    assert "latent codes: an image encoder, a ResNet-18 of width 4 with a hidden layer of 9 (v2)\n" in said


def test_the_command_line_refuses_in_one_line(
    experiment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_specs(experiment, warp=WARP | {"step": 3})
    for arguments, message in (
        (f"import {experiment} --out {tmp_path}/run", "warper_kargs.step is unknown; the nearest known key is steps"),
        (f"import {tmp_path}/none --out {tmp_path}/run", "specs.json: no such file"),
        (f"embeddings chair --split {tmp_path}/x --out a.csv", "--out must be a file ending in .pkl or .npz, got"),
    ):
        assert main(arguments.split()) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.startswith("urform: ")
        assert said.count("\n") == 1
