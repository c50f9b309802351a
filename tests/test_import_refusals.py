import json
from pathlib import Path

import pytest
import torch

from tests.published import (
    NAMES,
    TEMPLATE,
    WARP,
    Malicious,
    encoder_codes,
    published_decoder,
    rows,
    write_checkpoint,
    write_codes,
    write_specs,
)
from urform.published import import_experiment


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
        ("split.json", r"TrainSplit 'split\.json' is neither beside it, .*; say with `split` which shapes"),
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
    write_specs(experiment, TrainSplit=None)
    assert_refused(experiment, tmp_path, r"specs\.json: TrainSplit is missing; say with `split`", FileNotFoundError)
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
    with pytest.raises(ValueError, match=r"checkpoint must be 'latest' or an epoch, got '\.\./latest'"):
        import_experiment(experiment, tmp_path / "run", "../latest")
    import_experiment(experiment, tmp_path / "run")
    with pytest.raises(FileExistsError, match="run: has a model already; choose another `out`"):
        import_experiment(experiment, tmp_path / "run")


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_are_not_executed(experiment: Path, tmp_path: Path, zipped: bool) -> None:
    content = {"epoch": 7, "latent_codes": Malicious(tmp_path / "executed")}
    path = experiment / "LatentCodes" / "latest.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert_refused(experiment, tmp_path, r"latest\.pth: refused, reading it would run (posix|nt)\.mkdir; expected tens")
    assert not (tmp_path / "executed").exists()
