"""Files of the published form and size, and what published results need that ours do not."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import urform
from tests.published import TEMPLATE, WARP, encoder_codes, published_decoder, rows, write_checkpoint, write_codes
from tests.test_specs import NETWORKS, STEP
from tests.tiny_runs import CPU, ENCODER, SHAPE
from urform.cli import main
from urform.config import ShapeChoice
from urform.data import read_split, same_category
from urform.files import read_rgba
from urform.inference import Model
from urform.models import to_input
from urform.pictures import frame, resized
from urform.published import Specs, extract_latents, import_experiment, read_latents, write_latents
from urform.training import train_encoder, train_shape
from urform.weights import load_weights, save_weights

SIZES = {  # train and test, of the published split files
    "chairs": ("03001627", 3281, 832),
    "sofas": ("04256520", 1628, 411),
    "planes": ("02691156", 1780, 456),
    "cars": ("02958343", 876, 113),
    "lamps": ("03636649", 897, 213),
    "tables": ("04379243", 4859, 1216),
}


def instances(category: str, side: str, count: int) -> list[str]:
    """Names as ShapeNet has them; the training split of cars names each twice."""
    seed = [int(category), side == "train"]
    unique = count // 2 if (category, side) == ("02958343", "train") else count
    names = [bytes(row).hex() for row in np.random.default_rng(seed).integers(0, 256, (unique, 16), np.uint8)]
    return names * (count // unique)


def write_published_split(path: Path, *categories: tuple[str, str, int]) -> Path:
    content = {category: instances(category, side, count) for category, side, count in categories}
    path.write_text(json.dumps({"ShapeNetV2": content}))
    return path


def test_the_fifteen_split_files_are_read(tmp_path: Path) -> None:
    files = {}
    for name, (category, train, test) in SIZES.items():
        for side, count in (("train", train), ("test", test)):
            files[write_published_split(tmp_path / f"{name}_{side}.json", (category, side, count))] = count
    for side, place in (("train", 0), ("test", 1)):
        every = [(category, side, (train, test)[place]) for category, train, test in SIZES.values()]
        files[write_published_split(tmp_path / f"all_{side}.json", *every)] = sum(count for *_, count in every)
    files[write_published_split(tmp_path / "examples.json", ("03001627", "test", 10))] = 10
    assert len(files) == 15
    for path, count in files.items():
        keys = read_split(path)
        assert len(keys) == count
        assert len(set(keys)) == count - (438 if path.stem in ("cars_train", "all_train") else 0)
        assert {key.dataset for key in keys} == {"ShapeNetV2"}
        if path.stem.split("_")[0] in SIZES:
            assert same_category(keys[0].category, path.stem.split("_")[0])


@pytest.mark.parametrize("name", ["chairs", "sofas", "planes", "cars"])
def test_the_four_specs_are_read(tmp_path: Path, name: str) -> None:
    decoder = {**NETWORKS["decoder_kargs"], "dims": [256] * 5, "dropout": [*range(5)], "norm_layers": [*range(5)]}
    pair = 2e-5 if name == "cars" else 1e-4
    specs = {
        "Description": [f"{name} of ShapeNet"],
        "DataSource": "./data",
        "TrainSplit": f"examples/splits/sv2_{name}_train.json",
        "TestSplit": f"examples/splits/sv2_{name}_test.json",
        "NetworkArch": "deep_implicit_template_decoder",
        "NetworkSpecs": {"warper_kargs": {"hidden_size": 512, "steps": 8}, "decoder_kargs": decoder},
        "CodeLength": 256,
        "NumEpochs": 2001,
        "SnapshotFrequency": 1000,
        "AdditionalSnapshots": [100, 500],
        "LearningRateSchedule": [STEP, {**STEP, "Initial": 0.001}, {**STEP, "Initial": 0.001}],
        "SamplesPerScene": 5000,
        "ScenesPerBatch": 24,
        "DataLoaderThreads": 8,
        "ClampingDistance": 0.1,
        "CodeRegularization": True,
        "CodeRegularizationLambda": 1e-4,
        "CodeBound": 1.0,
        "UsePointwiseLoss": True,
        "PointwiseLossWeight": 0.005,
        "UsePointpairLoss": True,
        "PointpairLossWeight": pair,
        "UseCurriculum": True,
        "GradientClipNorm": None,
        "LogFrequency": 10,
    }
    (tmp_path / "specs.json").write_text(json.dumps(specs))
    read = Specs(tmp_path / "specs.json")
    config = read.shape_config()
    assert (config.epochs, config.shapes_per_batch, config.points_per_shape) == (2001, 24, 5000)
    assert config.pointpair_weight == pytest.approx(pair * 625 * 4375 / 5000)
    assert (config.as_published, config.curriculum, config.model.pictures) == (True, True, "resized")
    joint = read.joint_config()
    assert (joint.every_view, joint.freeze_backbone, joint.augment, joint.flip) == (True, True, False, False)
    assert read.train_split == specs["TrainSplit"]


@pytest.mark.parametrize("name", ["chairs", "sofas", "planes", "cars"])
def test_the_four_embedding_files_are_read_and_made_again(tmp_path: Path, name: str) -> None:
    category, count, _ = SIZES[name]
    split = write_published_split(tmp_path / f"{name}_train.json", (category, "train", count))
    latents = torch.randn(count, 256, generator=torch.Generator().manual_seed(0))
    write_codes(tmp_path, {"weight": latents}, epoch=2001)
    found = extract_latents(tmp_path, split)
    # As the published script fills its dict: a shape that is named twice has the last of its rows.
    wanted = {key.instance: row.numpy() for key, row in zip(read_split(split), latents, strict=True)}
    assert list(found.latents) == list(wanted)
    path = tmp_path / f"{category}_embedding.pkl"
    path.write_bytes(pickle.dumps(wanted))
    write_latents(tmp_path / "ours.pkl", found.latents)
    theirs, ours = read_latents(path), read_latents(tmp_path / "ours.pkl")
    assert len(theirs) == (438 if name == "cars" else count)
    for instance, latent in theirs.items():
        np.testing.assert_array_equal(latent, ours[instance])


def test_cars_come_in(experiment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The split names each shape twice, and there is a row each time."""
    names = ["c", "a", "c", "a"]
    (experiment / "split.json").write_text(json.dumps({"ShapeNetV2": {"02958343": names}}))
    assert main(["import", str(experiment), "--out", str(tmp_path / "run")]) == 0
    weights = load_weights(tmp_path / "run")
    assert weights.keys == ["ShapeNetV2/02958343/c", "ShapeNetV2/02958343/a"]
    assert torch.equal(weights.latents, rows()[2:])
    assert "2 latents" in capsys.readouterr().out
    write_codes(experiment, {"weight": rows()[:2]})  # a row a shape is right, too
    import_experiment(experiment, tmp_path / "other")
    assert torch.equal(load_weights(tmp_path / "other").latents, rows()[:2])


@pytest.mark.parametrize("form", ["first", "v2"])
def test_encoder_and_decoder_of_different_epochs(
    experiment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    encoder, codes = encoder_codes(form)
    _, state = published_decoder(WARP, TEMPLATE)
    write_checkpoint(experiment / "ModelParameters" / "2000.pth", epoch=2000, model_state_dict=state)
    write_codes(experiment, codes, epoch=199)
    words = ["import", str(experiment), "--out", str(tmp_path / "run"), "--checkpoint", "2000"]
    assert main(words) == 2
    assert "no such checkpoint; there: latest" in capsys.readouterr().err
    assert main([*words, "--codes-checkpoint", "latest"]) == 0
    assert "2000, epoch 2000, latent codes of epoch 199" in capsys.readouterr().out
    about = json.loads((tmp_path / "run" / "import.json").read_text())
    assert (about["epoch"], about["latent_codes_epoch"]) == (2000, 199)
    pictures = np.random.default_rng(0).integers(0, 255, (2, 224, 224, 4), np.uint8)
    with torch.no_grad():
        wanted = encoder(to_input(torch.from_numpy(pictures))).numpy()
    np.testing.assert_allclose(urform.load(tmp_path / "run").encode(pictures), wanted, atol=1e-6)  # no mirror image
    write_codes(experiment, {"weight": rows()}, epoch=199)
    with pytest.raises(ValueError, match="must be of epoch 2000 like ModelParameters/, got epoch 199"):
        import_experiment(experiment, tmp_path / "other", "2000", codes_checkpoint="latest")


def test_an_imported_encoder_sees_resized_pictures(experiment: Path, data: Path, tmp_path: Path) -> None:
    write_codes(experiment, encoder_codes("first")[1])
    import_experiment(experiment, tmp_path / "run")
    weights = load_weights(tmp_path / "run")
    assert weights.config.pictures == "resized"
    view = read_rgba(data / "solid" / "ball" / "hard" / "image" / "00.png")
    model = Model(weights)
    np.testing.assert_array_equal(model.frame(view), resized(view, 224))
    framed = Model(replace(weights, config=replace(weights.config, pictures="framed")))
    np.testing.assert_array_equal(framed.frame(view), frame(view, 224))
    assert not np.allclose(framed.encode(model.frame(view)[None]), model.encode(model.frame(view)[None]))


def test_the_usual_view_and_its_copy(
    experiment: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_codes(experiment, encoder_codes("first")[1])
    import_experiment(experiment, tmp_path / "run")
    split = data / "splits" / "tiny_solid_test.json"
    words = ["mesh", "images", "--data", str(data), "--split", str(split), "--resolution", "16"]
    published = [*words, "--weights", str(tmp_path / "run"), "--out", str(tmp_path / "out")]
    assert main(published) == 2
    assert "2 of 2 shapes of the split have no view of number 30, first: tiny/solid/ball" in capsys.readouterr().err
    main([*published, "--view", "1", "--copy-pictures"])
    copied = tmp_path / "out" / "tiny" / "solid" / "ball.png"
    assert copied.read_bytes() == (data / "solid" / "ball" / "easy" / "image" / "01.png").read_bytes()
    assert "2 pictures beside them" in capsys.readouterr().out
    assert main([*words, "--out", str(tmp_path / "ours"), "--view", "random"]) == 0
    assert main([*words, "--out", str(tmp_path / "ours2"), "--copy-pictures"]) == 0
    copied = tmp_path / "ours2" / "tiny" / "solid" / "ball.png"
    assert copied.read_bytes() == (data / "solid" / "ball" / "easy" / "image" / "00.png").read_bytes()


def test_latents_of_a_file_are_targets(data: Path, split: Path, tmp_path: Path) -> None:
    """Encoder regression needs a decoder, a .pkl of embeddings and views."""
    train_shape(data, [split], tmp_path / "shape", replace(SHAPE, epochs=1), CPU)
    weights = load_weights(tmp_path / "shape")
    save_weights(tmp_path / "decoder.safetensors", replace(weights, keys=[], latents=weights.latents[:0]))
    names = [key.instance for key in read_split(split)][:3]
    known = {name: np.full(8, index, np.float32) for index, name in enumerate(names)}
    write_latents(tmp_path / "solid_embedding.pkl", known)
    init = [tmp_path / "solid_embedding.pkl", tmp_path / "decoder.safetensors"]
    config = replace(ENCODER, sdf_weight=0.0, epochs=1)
    train_encoder(init, data, [split], tmp_path / "run", config, CPU)
    made = load_weights(tmp_path / "run")
    assert [key.split("/")[-1] for key in made.keys] == names
    assert torch.equal(made.latents[2], torch.full((8,), 2.0))
    left_out = json.loads((tmp_path / "run" / "left_out.json").read_text())
    assert left_out["shapes"]["no latent"]["count"] == 1
    with pytest.raises(ValueError, match="has no latent for 1 shapes of the split"):
        train_encoder(init, data, [split], tmp_path / "x", config, CPU, choice=ShapeChoice(strict=True))
    with pytest.raises(ValueError, match=r"no run of `train shape` among .*pkl; its decoder and latents are needed"):
        train_encoder(init[:1], data, [split], tmp_path / "x", config, CPU)
    with pytest.raises(ValueError, match="got two files of latents"):
        train_encoder([*init, init[0]], data, [split], tmp_path / "x", config, CPU)
    write_latents(tmp_path / "wrong.pkl", {"box0": np.zeros(5)})
    with pytest.raises(ValueError, match="must have latents of length 8 of shapes of the split, got latents of length"):
        train_encoder([tmp_path / "wrong.pkl", init[1]], data, [split], tmp_path / "x", config, CPU)
