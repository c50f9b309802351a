import io
import json
import os
import pickle
import re
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import urform
from urform.cli import main
from urform.config import ModelConfig
from urform.models import Decoder, ImageEncoder, LstmWarp, Template
from urform.weights import (
    FILE_NAME,
    Weights,
    build_decoder,
    build_encoder,
    extract_latents,
    find_weights,
    import_experiment,
    load_weights,
    read_latents,
    save_weights,
    write_latents,
)

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
WRITTEN_BY_NUMPY_1 = (  # protocol 3, {"a": np.float32([1, 2])}
    b"\x80\x03}q\x00X\x01\x00\x00\x00aq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85q"
    b"\x04C\x01bq\x05\x87q\x06Rq\x07(K\x01K\x02\x85q\x08cnumpy\ndtype\nq\tX\x02\x00\x00\x00f4q\nK\x00K\x01\x87q\x0bRq"
    b"\x0c(K\x03X\x01\x00\x00\x00<q\rNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0eb\x89C\x08\x00\x00\x80?\x00\x00\x00"
    b"@q\x0ftq\x10bs."
)


# Experiments, written as the published system writes them


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


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """A whole one; tests overwrite what they want otherwise."""
    folder = tmp_path / "examples" / "mugs"
    folder.mkdir(parents=True)
    write_specs(folder)
    (folder / "split.json").write_text(json.dumps({"mine": {"mug": NAMES}}))
    _, state = published_decoder(WARP, TEMPLATE)
    write_checkpoint(folder / "ModelParameters" / "latest.pth", epoch=7, model_state_dict=state)
    write_codes(folder, {"weight": rows()})
    return folder


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


# The decoder


def test_the_published_decoder_is_reproduced(shared: Path, tmp_path: Path) -> None:
    source = shared / "fixtures" / "published_decoder"
    import_experiment(source, tmp_path / "run")
    model = urform.load(tmp_path / "run")
    split = json.loads((source / "split.json").read_text())["ShapeNetV2"]["03001627"]
    assert list(model.latents) == [f"ShapeNetV2/03001627/{name}" for name in split]
    assert model.category == "03001627"
    with np.load(source / "expected.npz") as expected:
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

CHILDREN = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"]


def encoder_codes(form: str) -> tuple[ImageEncoder, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    encoder = ImageEncoder(L, width=4, hidden=9 if form == "v2" else 0).eval()
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


# Refusals


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ({"NetworkSpec": {}}, r"specs\.json: NetworkSpec is unknown; the nearest known key is NetworkSpecs"),
        ({"NetworkArch": "deepsdf"}, "NetworkArch must be 'deep_implicit_template_decoder' or absent, got 'deepsdf'"),
        ({"CodeLength": None}, "CodeLength is missing, expected a whole number of at least 1"),
        ({"CodeLength": "6"}, "CodeLength must be a whole number of at least 1, got '6'"),
        ({"CodeLength": 5}, r"latest\.pth: warper\.lstm\.weight_ih must have shape \(40, 8\), got \(40, 9\)"),
        ({"NetworkSpecs": None}, "NetworkSpecs is missing, expected an object with warper_kargs, decoder_kargs"),
        ({"NetworkSpecs": [1]}, r"NetworkSpecs must be a JSON object, got \[1\]"),
        ({"NetworkSpecs": {"warper": {}}}, r"NetworkSpecs\.warper is unknown; the nearest known key is warper_kargs"),
        ({"TrainSplit": 3}, "TrainSplit must be a path, got 3"),
        ({"warp": {"hidden": 4}}, r"warper_kargs\.hidden is unknown; the nearest known key is hidden_size"),
        ({"warp": {"steps": 6}}, r"NetworkSpecs\.warper_kargs\.steps must be a whole number, a multiple of 4, got 6"),
        ({"warp": {"hidden_size": True}}, r"warper_kargs\.hidden_size must be a whole number of at least 1, got True"),
        ({"template": {"latent_in": [4]}}, r"NetworkSpecs\.decoder_kargs\.latent_in is unknown; the nearest known"),
        ({"template": {"dropout_probability": 0.1}}, "the nearest known key is dropout_prob"),
        ({"template": {"dims": []}}, r"decoder_kargs\.dims must have at least one width, got \[\]"),
        ({"template": {"dims": [12, 0, 1]}}, "dims must be a list of widths of at least 1, got"),
        ({"template": {"dims": [12, 3, 12], "xyz_in_all": True}}, "dims must be a list of widths of at least 4, got"),
        ({"template": {"norm_layers": [3]}}, r"norm_layers must be indices of the 3 hidden layers, from 0, got \[3\]"),
        ({"template": {"dropout": 1}}, "dropout must be indices of the 3 hidden layers, from 0, got 1"),
        ({"template": {"dropout_prob": 1}}, "dropout_prob must be at least 0 and less than 1, got 1"),
        ({"template": {"weight_norm": 1}}, "weight_norm must be true, false or null, got 1"),
        (
            {"template": {"weight_norm": False}},
            r"9 keys missing, 6 unknown: sdf_decoder.lin0.weight is missing, sdf_decoder.lin0.weight_g is unknown",
        ),
        ({"template": {"dims": [12, 12, 13]}}, r"sdf_decoder\.lin2\.bias must have shape \(13,\), got \(12,\)"),
    ],
    ids=str,
)
def test_specs_are_refused_by_name(experiment: Path, tmp_path: Path, specs: dict, message: str) -> None:
    specs = dict(specs)
    warp, template = WARP | specs.pop("warp", {}), TEMPLATE | specs.pop("template", {})
    write_specs(experiment, warp, template)
    content = json.loads((experiment / "specs.json").read_text()) | specs
    content = {key: value for key, value in content.items() if value is not None}
    (experiment / "specs.json").write_text(json.dumps(content))
    assert_refused(experiment, tmp_path, message)


def assert_refused(experiment: Path, tmp_path: Path, message: str, error: type[Exception] = ValueError) -> None:
    with pytest.raises(error, match=message) as raised:
        import_experiment(experiment, tmp_path / "run")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("specs.json", r"specs\.json: no such file"),
        ("split.json", r"TrainSplit 'split\.json' is neither there, nor above, nor here.* give --split FILE"),
        ("ModelParameters/latest.pth", r"ModelParameters/latest\.pth: no such checkpoint; there: none"),
        ("LatentCodes/latest.pth", r"LatentCodes/latest\.pth: no such checkpoint; there: 5"),
    ],
)
def test_missing_files_are_named(experiment: Path, tmp_path: Path, name: str, message: str) -> None:
    write_codes(experiment, rows(), name="5")
    (experiment / name).unlink()
    assert_refused(experiment, tmp_path, message, FileNotFoundError)


def test_broken_specs_and_splits(experiment: Path, tmp_path: Path) -> None:
    (experiment / "split.json").write_text(json.dumps({"mine": {"mug": NAMES[:3]}}))
    assert_refused(experiment, tmp_path, r"latest\.pth: holds 4 latents, but .*split\.json names 3 shapes")
    (experiment / "split.json").write_text(json.dumps({"mine": {"mug": [*NAMES[:3], "c"]}}))
    assert_refused(experiment, tmp_path, r"split\.json: names mine/mug/c 2 times, expected once")
    write_specs(experiment, TrainSplit=None)
    assert_refused(experiment, tmp_path, r"specs\.json: has no TrainSplit, .* give --split FILE", FileNotFoundError)
    (experiment / "specs.json").write_text("{")
    assert_refused(experiment, tmp_path, r"specs\.json: not JSON")
    (experiment / "specs.json").write_text("[]")
    assert_refused(experiment, tmp_path, r"specs\.json: the whole must be a JSON object, got \[\]")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s | {"module.encoder.x": torch.ones(1)}, "0 keys missing, 1 unknown: encoder.x is unknown"),
        (lambda s: dict(list(s.items())[1:]), r"1 keys missing, 0 unknown: warper\.lstm\.weight_ih is missing"),
        (lambda s: s | {"module.warper.lstm.bias_ih": 3}, r"module\.warper\.lstm\.bias_ih must be a tensor, got int"),
        (lambda s: [1], "expected a state dict, got list"),
    ],
)
def test_decoders_are_refused_by_name(experiment: Path, tmp_path: Path, change, message: str) -> None:
    state = change(published_decoder(WARP, TEMPLATE)[1])
    write_checkpoint(experiment / "ModelParameters" / "latest.pth", epoch=7, model_state_dict=state)
    assert_refused(experiment, tmp_path, message)


def changed(form: str, **others: torch.Tensor | None) -> dict[str, torch.Tensor]:
    codes = encoder_codes(form)[1] | {key.replace("__", "."): value for key, value in others.items()}
    return {key: value for key, value in codes.items() if value is not None}


ODD = torch.ones(2)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (rows()[0], r"latest\.pth: latent_codes must be floats of shape .* got torch.float32 of shape \(6,\)"),
        (rows()[:, None].expand(-1, 2, -1), r"got torch.float32 of shape \(4, 2, 6\)"),
        (rows().long(), r"got torch.int64 of shape \(4, 6\)"),
        (rows()[:, :5], "must give latents of length 6, CodeLength of specs.json, got 5"),
        ({"weight": rows().flatten()}, r"weight must be floats of shape .* got torch.float32 of shape \(24,\)"),
        ({"weights": rows()}, "must be latents or the state dict of an image encoder, got weights"),
        ({}, "must be latents or the state dict of an image encoder, got nothing"),
        ([rows()], "expected a state dict, got list"),
        (changed("first", encoder__fc__weight=ODD), r"encoder\.fc\.weight must be a matrix, got shape \(2,\)"),
        (changed("first", encoder__fc__weight=None), r"encoder\.fc\.weight must be a matrix, got none"),
        (changed("first", encoder__conv1__weight=None), r"encoder\.conv1\.weight must be the weight of a convolution"),
        (changed("first", encoder__layer5__x=ODD), r"1 unknown: encoder\.layer5\.x is unknown"),
        (changed("first", feature_extractor__8__x=ODD), r"feature_extractor\.8\.x is unknown: there is no encoder\.8"),
        (
            changed("first", **{"feature_extractor.1.bias": ODD}),
            r"feature_extractor\.1\.bias must equal encoder\.bn1\.bias, whose double it is",
        ),
        (changed("v2", fc__2__weight=None), r"fc\.2\.weight must be a matrix, got none"),
        (changed("v2", fc__4__weight=ODD), r"0 keys missing, 1 unknown: fc\.4\.weight is unknown"),
        (changed("v2", encoder__5__0__bn1__bias=ODD), r"encoder\.5\.0\.bn1\.bias must have shape \(8,\), got \(2,\)"),
        (changed("v2", encoder__8__x=ODD), r"encoder\.8\.x is unknown"),
    ],
)
def test_latent_codes_are_refused_by_name(experiment: Path, tmp_path: Path, codes: object, message: str) -> None:
    write_codes(experiment, codes)
    assert_refused(experiment, tmp_path, message)


def test_checkpoints_of_other_entries(experiment: Path, tmp_path: Path) -> None:
    path = experiment / "LatentCodes" / "latest.pth"
    for content, message in (
        ({"latent_codes": rows()}, "epoch is missing, got latent_codes"),
        ({"epoch": 7}, "latent_codes is missing, got epoch"),
        ({"epoch": 7, "latent_codes": rows(), "extra": 1}, "extra is unknown, expected epoch and latent_codes"),
        ({"epoch": "7", "latent_codes": rows()}, "epoch must be a whole number, got '7'"),
        ({"epoch": 8, "latent_codes": rows()}, "must be of epoch 7 like ModelParameters/, got epoch 8"),
    ):
        write_checkpoint(path, **content)
        assert_refused(experiment, tmp_path, r"LatentCodes/latest\.pth: " + message)
    torch.save(rows(), path)
    assert_refused(experiment, tmp_path, "must hold epoch and latent_codes, got Tensor")
    write_codes(experiment, rows())
    for content in (path.read_bytes()[:500], b"", b"hello world"):
        path.write_bytes(content)
        assert_refused(experiment, tmp_path, "damaged, or not a file of torch.save")


def test_runs_are_not_overwritten_and_checkpoints_have_names(experiment: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--checkpoint must be 'latest' or an epoch, got '\.\./latest'"):
        import_experiment(experiment, tmp_path / "run", "../latest")
    import_experiment(experiment, tmp_path / "run")
    with pytest.raises(FileExistsError, match="run: has a model already; choose another --out"):
        import_experiment(experiment, tmp_path / "run")


class Malicious:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_are_not_executed(experiment: Path, tmp_path: Path, zipped: bool) -> None:
    content = {"epoch": 7, "latent_codes": Malicious(tmp_path / "executed")}
    path = experiment / "LatentCodes" / "latest.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert_refused(experiment, tmp_path, r"latest\.pth: refused, reading it would run (posix|nt)\.mkdir; expected tens")
    assert not (tmp_path / "executed").exists()


# Weights files


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


def test_the_shipped_weights_and_plain_encoders_keep_their_names() -> None:
    chair = load_weights(find_weights("chair"))
    assert chair.config.dims == (64,) * 5
    assert not any(name.startswith("encoder.hidden") for name in load_file(find_weights("chair")))
    assert "hidden.weight" in ImageEncoder(5, width=4, hidden=3).state_dict()
    assert "hidden.weight" not in ImageEncoder(5, width=4).state_dict()


def test_imagenet_weights_leave_the_head(tmp_path: Path) -> None:
    encoder = ImageEncoder(3, hidden=7)
    torch.save(ImageEncoder(1000).state_dict(), tmp_path / "resnet18.pth")
    head = encoder.hidden.weight.clone()
    encoder.load_imagenet(tmp_path / "resnet18.pth")
    assert torch.equal(encoder.hidden.weight, head)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"template_dims": (4, 0)}, "--template-dims must be at least 1, got 0"),
        ({"template_width": 0}, "--template-width must be at least 1, got 0"),
        ({"template_width": 3, "xyz_in_all": True}, "--template-width must be at least 4, got 3"),
        ({"norm_layers": (5,)}, r"--norm-layers must be indices of the template's 5 layers, from 0, got \(5,\)"),
        ({"dropout_layers": (-1,)}, "--dropout-layers must be indices of the template's 5 layers"),
        ({"encoder_hidden": -1}, "--encoder-hidden must be 0 or more, got -1"),
    ],
)
def test_settings_are_checked(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**settings)
    with pytest.raises(ValueError, match="hidden must be at least 0, got -1"):
        ImageEncoder(3, 4, hidden=-1)


# Embeddings


@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_latents_survive_their_file(tmp_path: Path, suffix: str) -> None:
    latents = {
        name: np.random.default_rng(len(name)).normal(size=5).astype(np.float32) for name in ("file", "b.c", "é")
    }
    write_latents(tmp_path / f"mug_embedding{suffix}", latents)
    read = read_latents(tmp_path / f"mug_embedding{suffix}")
    assert list(read) == list(latents)
    for name, latent in latents.items():
        assert read[name].dtype == np.float32
        np.testing.assert_array_equal(read[name], latent)
    if suffix == ".pkl":  # others read it without us
        plain = pickle.loads((tmp_path / "mug_embedding.pkl").read_bytes())
        np.testing.assert_array_equal(plain["b.c"], latents["b.c"])


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_pickles_of_every_protocol_are_read(tmp_path: Path, protocol: int, kind: type) -> None:
    path = tmp_path / "latents.pkl"
    whole = np.arange(12, dtype=np.float32).reshape(3, 4)
    latents = kind(
        a=whole[0],
        b=whole[:, 1][:3].repeat(2)[:4],
        c=whole[2].astype(">f8"),
        d=np.flip(whole[1]),
        e=np.float16(whole[0]),
    )
    path.write_bytes(pickle.dumps(latents, protocol))
    for name, latent in read_latents(path).items():
        np.testing.assert_array_equal(latent, latents[name])
    numpy_1 = path.read_bytes().replace(b"numpy._core", b"numpy.core")
    if protocol < 4:  # later ones have lengths before names
        path.write_bytes(numpy_1)
        assert list(read_latents(path)) == list("abcde")


def test_a_pickle_written_by_numpy_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "old.pkl").write_bytes(WRITTEN_BY_NUMPY_1)
    np.testing.assert_array_equal(read_latents(tmp_path / "old.pkl")["a"], np.float32([1, 2]))


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_are_not_executed(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "latents.pkl"
    path.write_bytes(pickle.dumps({"a": Malicious(tmp_path / "executed")}, protocol))
    with pytest.raises(
        ValueError, match=r"latents\.pkl: refused, reading it would run (posix|nt)\.mkdir; expected arr"
    ):
        read_latents(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("pickled", "refused"),
    [
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"cbuiltins\neval\n(S'1'\ntR.", "builtins.eval"),
        (b"\x80\x04\x8c\x05numpy\x8c\x10core.sys.modules\x93.", "numpy.core.sys.modules"),
        (b"c_codecs\nencode\n(S'1'\nS'rot13'\ntR.", "_codecs.encode to 'rot13'"),
        (b"cnumpy.core.multiarray\nscalar\n.", "numpy.core.multiarray.scalar"),
    ],
)
def test_other_globals_are_refused_by_name(tmp_path: Path, pickled: bytes, refused: str) -> None:
    path = tmp_path / "latents.pkl"
    path.write_bytes(pickled)
    with pytest.raises(ValueError, match=re.escape(f"refused, reading it would run {refused}")):
        read_latents(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "must hold a dict of arrays, got list"),
        ({}, "holds no latent, expected at least one"),
        ({1: np.ones(2)}, "names must be texts, got 1"),
        ({"a": 1.0}, r"a must be an array of floats of shape \(L,\), got float"),
        ({"a": np.ones((1, 2))}, r"a must be an array of floats of shape \(L,\), got float64 \(1, 2\)"),
        ({"a": np.arange(2)}, r"got int64 \(2,\)"),
        ({"a": np.ones(2), "b": np.ones(3)}, "the same length, got 2 and, for b, 3"),
        ({"a": np.array([{}])}, "refused, it has arrays of 'O8'; expected plain numbers"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "latents.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=message):
        read_latents(path)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    objects = io.BytesIO()
    np.savez(objects, a=np.array([Malicious(tmp_path / "executed")]), allow_pickle=True)
    whole = pickle.dumps({"a": np.ones(9)})
    for name, content, message in (
        ("a.npz", objects.getvalue(), "damaged, or not an npz file of plain arrays"),
        ("a.npz", b"PK", "damaged, or not an npz file"),
        ("a.pkl", b"", "damaged, or not a pickle of plain arrays"),
        ("a.pkl", whole[: len(whole) // 2], "damaged, or not a pickle of plain arrays"),
        ("a.txt", b"", r"kept in a file ending in \.pkl or \.npz, got '\.txt'"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_latents(tmp_path / name)
    assert not (tmp_path / "executed").exists()
    with pytest.raises(FileNotFoundError, match="`urform embeddings` writes one"):
        read_latents(tmp_path / "none.pkl")
    with pytest.raises(ValueError, match="kept in a file ending in"):
        write_latents(tmp_path / "a.csv", {})


def write_split(path: Path, names: list[str], category: str = "mug") -> Path:
    path.write_text(json.dumps({"mine": {category: names}}))
    return path


def test_latents_come_in_the_order_of_the_split(experiment: Path, tmp_path: Path) -> None:
    import_experiment(experiment, tmp_path / "run")
    split = write_split(tmp_path / "two.json", ["d", "c"])
    for source in (experiment, tmp_path / "run", str(tmp_path / "run" / FILE_NAME)):
        found = extract_latents(source, split)
        assert list(found.latents) == ["d", "c"]
        np.testing.assert_array_equal(found.latents["d"], rows()[3])
    shipped = load_weights(find_weights("chair"))
    dataset, category, instance = shipped.keys[5].split("/")
    split.write_text(json.dumps({dataset: {category: [instance]}}))
    np.testing.assert_array_equal(extract_latents("chair", split).latents[instance], shipped.latents[5])


def test_latents_alone_are_named_by_the_split(experiment: Path, tmp_path: Path) -> None:
    for name in ("specs.json", "ModelParameters/latest.pth"):
        (experiment / name).unlink()
    split = write_split(tmp_path / "mine.json", ["x", "y", "z", "w"])
    found = extract_latents(experiment, split)
    assert list(found.latents) == ["x", "y", "z", "w"]
    assert found.named_by == split
    np.testing.assert_array_equal(np.stack(list(found.latents.values())), rows())
    with pytest.raises(ValueError, match=r"holds 4 latents, but .*mine\.json names 3 shapes"):
        extract_latents(experiment, write_split(split, ["x", "y", "z"]))


def test_only_shapes_with_samples_in_either_placing(experiment: Path, tmp_path: Path) -> None:
    samples = tmp_path / "data" / "SdfSamples" / "mine" / "mug"
    (samples / "b").mkdir(parents=True)
    (samples / "b" / "b.npz").touch()
    (samples / "c.npz").touch()
    found = extract_latents(experiment, experiment / "split.json", tmp_path / "data")
    assert list(found.latents) == ["c", "b"]
    assert [key.instance for key in found.left_out] == ["a", "d"]
    (samples / "c.npz").unlink()
    (samples / "b" / "b.npz").unlink()
    with pytest.raises(ValueError, match="data: has SDF samples of none of the 4 shapes of"):
        extract_latents(experiment, experiment / "split.json", tmp_path / "data")


def test_messages_of_extraction(experiment: Path, tmp_path: Path) -> None:
    split = write_split(tmp_path / "other.json", ["c", "q"])
    with pytest.raises(ValueError, match=r"split\.json: has no latent for 1 shapes of .*other.json, first: mine/mug/q"):
        extract_latents(experiment, split)
    with pytest.raises(FileNotFoundError, match="none: neither a shipped category"):
        extract_latents(tmp_path / "none", split)
    with pytest.raises(FileNotFoundError, match="nowhere: no such data folder"):
        extract_latents(experiment, split, tmp_path / "nowhere")
    both = {"mine": {"mug": NAMES[:2], "cup": ["b", "c"]}}
    (experiment / "split.json").write_text(json.dumps(both))
    with pytest.raises(ValueError, match=r"split\.json: names c 2 times, expected once"):
        extract_latents(experiment, experiment / "split.json")
    write_codes(experiment, encoder_codes("v2")[1])
    with pytest.raises(ValueError, match=r"holds an image encoder, a ResNet-18 of width 4 .*\(v2\) and no latents"):
        extract_latents(experiment, split)


# The command line


def test_the_commands(experiment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, split, out = tmp_path / "run", experiment / "split.json", tmp_path / "out" / "mug_embedding.pkl"
    assert main(["import", str(experiment), "--out", str(run), "--checkpoint", "latest"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{experiment}: latest, epoch 7",
        "warp: LSTM of 10 units, 8 steps; latents of length 6",
        "template: layers of 12, 12, 12 units, weight norm in layers 0, 1, 2, dropout 0.05 in layers 0, 1, 2",
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
    write_specs(experiment, template=TEMPLATE | {"norm_layers": [], "xyz_in_all": True, "dropout": None})
    _, state = published_decoder(WARP, TEMPLATE | {"norm_layers": [], "xyz_in_all": True})
    write_checkpoint(experiment / "ModelParameters" / "latest.pth", epoch=7, model_state_dict=state)
    assert main(["import", str(experiment), "--out", str(tmp_path / "run2")]) == 0
    said = capsys.readouterr().out
    assert "no normalisation, no dropout, the point in all layers" in said
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
