"""Shapes that a data folder lacks are named and left out; other placings of the same files are read."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.tiny_runs import CPU, ENCODER, MODEL, SHAPE, assert_same_weights
from urform.cli import main
from urform.config import JointConfig, ShapeChoice
from urform.data import (
    SYNSETS,
    DataFolder,
    Inventory,
    ShapeKey,
    choose_shapes,
    known_category,
    read_names,
    same_category,
    split_by_list,
    synset_of,
    write_split,
)
from urform.evaluation import stored_surface
from urform.files import encode_png, read_rgba
from urform.pictures import frame, on_white, read_view, resized
from urform.sets import SdfSet, ViewSet
from urform.training import train_encoder, train_joint, train_shape

KEYS = [ShapeKey("tiny", "solid", name) for name in ("box0", "box1", "box2", "lamp")]
NOBODY = ShapeKey("tiny", "solid", "nobody")


@pytest.fixture
def copy(data: Path, tmp_path: Path) -> Path:
    """The data folder, to be changed."""
    shutil.copytree(data, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def wide(split: Path, tmp_path: Path) -> Path:
    """A split that names a shape that is not there, and one twice."""
    write_split(tmp_path / "wide.json", [KEYS[0], NOBODY, *KEYS[1:], KEYS[0]])
    return tmp_path / "wide.json"


def test_missing_shapes_are_named(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = DataFolder(data)
    chosen = choose_shapes(folder, [KEYS[0], NOBODY, KEYS[0]], ("SDF samples", "views"))
    assert chosen.keys == [KEYS[0], KEYS[0]]
    assert chosen.left_out == {"no SDF samples": ["tiny/solid/nobody"]}
    assert "1 of 2 shapes of the split have no SDF samples and are left out, first: tiny/solid/nobody" in caplog.text
    with pytest.raises(FileNotFoundError, match="1 of 2 shapes of the split have no SDF samples, first: tiny/solid/no"):
        choose_shapes(folder, [KEYS[0], NOBODY], ("SDF samples",), ShapeChoice(strict=True))
    with pytest.raises(FileNotFoundError, match="1 of 1 shapes of the split have no hard views, first: tiny/solid/nob"):
        choose_shapes(folder, [NOBODY], ("views",), levels=("hard",))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("error.txt", "# of 2021\nbox1\n"),
        ("error.txt", "solid/box1: no samples\n"),
        ("error.txt", "tiny/solid/box1.npz\n"),
        ("error.json", '{"tiny": {"solid": ["box1"]}}'),
        ("error.json", '["box1"]'),
    ],
)
def test_lists_of_errors_exclude(data: Path, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / "error").mkdir()
    (tmp_path / "error" / name).write_text(content)
    for path in (tmp_path / "error" / name, tmp_path / "error"):
        chosen = choose_shapes(DataFolder(data), KEYS, (), ShapeChoice(exclude=(path,), strict=True))
        assert chosen.keys == [KEYS[0], *KEYS[2:]]
        assert chosen.left_out == {"excluded": ["tiny/solid/box1"]}
    (tmp_path / "error.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be read, expected one name a line or a split file"):
        read_names(tmp_path / "error.json")
    with pytest.raises(FileNotFoundError, match="no such list of shapes"):
        read_names(tmp_path / "none")


def test_training_leaves_them_out_and_says_so(copy: Path, wide: Path, split: Path, tmp_path: Path) -> None:
    train_shape(copy, [split], tmp_path / "whole", SHAPE, CPU)
    assert not (tmp_path / "whole" / "left_out.json").exists()
    path = DataFolder(copy).sdf_path(KEYS[2])
    with np.load(path) as stored:
        pos, neg = stored["pos"], stored["neg"]
    np.savez(path, pos=np.insert(pos, 5, np.nan, axis=0), neg=np.append(neg, [[0, 0, 0, np.nan]], axis=0))
    train_shape(copy, [wide], tmp_path / "run", SHAPE, CPU)
    assert_same_weights(tmp_path / "run", tmp_path / "whole")
    assert json.loads((tmp_path / "run" / "left_out.json").read_text()) == {
        "shapes": {"no SDF samples": {"count": 1, "shapes": ["tiny/solid/nobody"]}},
        "samples": {"tiny/solid/box2": 2},
    }
    shutil.rmtree(copy / "solid" / "box1")
    joint = JointConfig(model=MODEL, epochs=1, shapes_per_batch=2, points_per_shape=64)
    train_joint(copy, [wide], tmp_path / "joint", joint, CPU)
    assert json.loads((tmp_path / "joint" / "left_out.json").read_text())["shapes"] == {
        "no SDF samples": {"count": 1, "shapes": ["tiny/solid/nobody"]},
        "no easy or hard views": {"count": 1, "shapes": ["tiny/solid/box1"]},
    }


def test_samples_that_are_not_finite_are_dropped(copy: Path) -> None:
    folder = DataFolder(copy)
    with np.load(folder.sdf_path(KEYS[0])) as stored:
        pos, neg = stored["pos"], stored["neg"]
    pos[:, 3] = np.nan
    np.savez(folder.sdf_path(KEYS[0]), pos=pos, neg=neg)
    samples = SdfSet(folder, KEYS, 1.0)
    points, sdf = samples.draw([0, 1], 64, np.random.default_rng(0))
    assert torch.isfinite(points).all()
    assert (sdf[0] <= 0).all()  # none is left outside
    assert samples.dropped == {str(KEYS[0]): len(pos)}
    np.savez(folder.sdf_path(KEYS[1]), pos=pos, neg=pos)
    with pytest.raises(ValueError, match="no samples in it, expected some"):
        SdfSet(folder, KEYS, 1.0).draw([1], 64, np.random.default_rng(0))


def test_an_encoder_needs_no_samples_without_the_sdf_term(
    copy: Path, split: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train_shape(copy, [split], tmp_path / "shape", SHAPE, CPU)
    shutil.rmtree(copy / "SdfSamples")
    config = replace(ENCODER, sdf_weight=0.0, epochs=1)
    train_encoder(tmp_path / "shape", copy, [split], tmp_path / "run", config, CPU)
    with pytest.raises(FileNotFoundError, match="4 of 4 shapes of the split have no SDF samples"):
        train_encoder(tmp_path / "shape", copy, [split], tmp_path / "other", ENCODER, CPU)


def nest(folder: Path, part: str) -> None:
    for path in list((folder / part).rglob("*.*")):
        (path.parent / path.stem).mkdir()
        path.rename(path.parent / path.stem / path.name)


def flatten_alone(folder: Path) -> None:
    """Views on white are all that is left."""
    for place in folder.glob("solid/*/*/image"):
        shutil.rmtree(place)


def test_nested_files_are_the_same(copy: Path, data: Path) -> None:
    for part in ("SdfSamples", "SurfaceSamples", "NormalizationParameters"):
        nest(copy, part)
    here, there = DataFolder(copy), DataFolder(data)
    for key in KEYS:
        np.testing.assert_array_equal(here.sdf_samples(key).pos, there.sdf_samples(key).pos)
        np.testing.assert_array_equal(stored_surface(here, key), stored_surface(there, key))
    assert Inventory(here).shapes == Inventory(there).shapes


def test_views_on_white_are_enough(copy: Path, data: Path) -> None:
    flatten_alone(copy)
    here, there = DataFolder(copy), DataFolder(data)
    for ours, theirs in zip(here.view_files(KEYS[0]), there.view_files(KEYS[0]), strict=True):
        seen, rgba = read_view(ours), read_rgba(theirs)
        np.testing.assert_array_equal(on_white(seen), on_white(rgba))
        assert (seen[..., 3] > 127)[rgba[..., 3] > 200].all()
        assert not seen[rgba[..., 3] == 0][:, 3].any()
        assert np.abs(on_white(frame(seen, 32)).astype(int) - on_white(frame(rgba, 32))).mean() < 3
    assert len(ViewSet(here, KEYS, 32)) == 16
    for place in copy.glob("solid/*/hard"):
        shutil.rmtree(place)
    with pytest.raises(FileNotFoundError, match=r"rendering_metadata\.txt"):
        here.eyes(KEYS[0])
    (copy / "solid" / "box0" / "easy" / "image").mkdir()
    shutil.copy(
        data / "solid" / "box0" / "easy" / "image" / "rendering_metadata.txt",
        copy / "solid" / "box0" / "easy" / "image",
    )
    np.testing.assert_array_equal(here.eyes(KEYS[0]), there.eyes(KEYS[0], ("easy",)))


def test_white_inside_an_object_belongs_to_it(tmp_path: Path) -> None:
    picture = np.full((40, 40, 3), 255, np.uint8)
    cv2.circle(picture, (20, 20), 12, (0, 0, 200), 3)
    (tmp_path / "view.png").write_bytes(encode_png(picture))
    alpha = read_view(tmp_path / "view.png")[..., 3]
    assert alpha[20, 20] == 255
    assert not alpha[0].any()
    (tmp_path / "view.png").write_bytes(b"")
    with pytest.raises(ValueError, match="not an RGBA picture"):
        read_view(tmp_path / "view.png")


def test_resized_pictures_are_whole() -> None:
    rgba = np.zeros((60, 100, 4), np.uint8)
    rgba[20:40, 50:100] = (200, 40, 40, 255)
    seen = resized(rgba, 50)
    assert seen.shape == (50, 50, 4)
    assert (seen[20:30, 30:, 3] == 255).all()
    assert not seen[:, :20].any()
    np.testing.assert_array_equal(resized(seen, 50), seen)


def test_only_test_surfaces(copy: Path, split: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Published folders have surfaces and normalisation of test shapes alone."""
    for part in ("SurfaceSamples", "NormalizationParameters"):
        for name in ("box0", "box1", "box2", "lamp"):
            next((copy / part).rglob(f"{name}.*")).unlink()
    assert main(["data", "check", str(copy), "--split", str(split)]) == 1  # others of the folder have surfaces
    said = capsys.readouterr().out
    shown = "4 shapes, 4 with SDF samples, 0 with surface samples, 0 with normalisation, 4 with views"
    assert f"split            {split}: {shown}" in said
    assert "names shapes without" not in said


def test_check_tells_beforehand_what_a_split_lacks(copy: Path, wide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(copy), "--split", str(wide)]) == 1
    said = capsys.readouterr().out
    assert "5 shapes, 4 with SDF samples, 4 with surface samples, 4 with normalisation, 4 with views" in said
    assert "1 x split: wide.json names shapes without SDF samples\n    tiny/solid/nobody" in said
    assert "1 x split: wide.json names shapes several times\n    tiny/solid/box0 (2)" in said


def test_a_split_as_hold_out_may_name_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_split(tmp_path / "test.json", [KEYS[1], NOBODY])
    train, test = split_by_list(KEYS, tmp_path / "test.json")
    assert (len(train), test) == (3, [KEYS[1]])
    assert "names 1 instances that are not among the shapes, first: nobody" in caplog.text
    write_split(tmp_path / "test.json", [NOBODY])
    with pytest.raises(ValueError, match="names 1 instances that are not among the shapes"):
        split_by_list(KEYS, tmp_path / "test.json")


def test_names_of_categories() -> None:
    assert len(SYNSETS) == 55
    published = {
        "planes": "02691156",
        "cars": "02958343",
        "chairs": "03001627",
        "lamps": "03636649",
        "sofas": "04256520",
        "tables": "04379243",
    }
    for name, synset in published.items():
        assert synset_of(name) == synset_of(name.removesuffix("s")) == synset_of(synset) == synset
    for synset, names in SYNSETS.items():
        for name in names.split():
            assert synset_of(f"{name}s") == synset_of(name) == synset, name
    assert synset_of("buses") == "02924116"
    assert synset_of("knives") == "03624134"
    assert synset_of("gadgets") is None
    assert same_category("chairs", "03001627")
    assert not same_category("gadget", "gadgets")
    assert known_category("chairs", ["chair", "03001627"]) == "chair"
    assert known_category("03001627", ["chair", "03001627"]) == "03001627"
    assert known_category("lamp", ["chair"]) is None


@pytest.mark.parametrize("category", ["chairs", "chair", "03001627"])
def test_a_category_is_found_by_any_of_its_names(copy: Path, category: str, capsys: pytest.CaptureFixture[str]) -> None:
    def rename(part: str) -> None:
        for path in (copy / part).rglob("solid"):
            path.rename(path.with_name("03001627"))

    for part in ("SdfSamples", "SurfaceSamples", "NormalizationParameters"):
        rename(part)
    shutil.copytree(copy / "SdfSamples" / "tiny" / "03001627", copy / "SdfSamples" / "tiny" / "03636649")
    assert main(["data", "split", str(copy), "--category", category]) == 0
    assert "tiny_03001627_train.json" in capsys.readouterr().out


Command = Callable[[Path, Path], list[str]]
COMMANDS: dict[str, Command] = {
    "train": lambda data, out: ["train", "shape", "--data", str(data), "--epochs", "1", "--device", "cpu"],
    "evaluate": lambda data, out: ["evaluate", "--data", str(data), "--weights", "chair", "--resolution", "16"],
    "mesh": lambda data, out: ["mesh", "images", "--data", str(data), "--resolution", "16", "--original-scale"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_goes_on_and_strict_refuses(
    data: Path, wide: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [] if name == "evaluate" else ["--out", str(tmp_path / "out")]
    command = [*COMMANDS[name](data, tmp_path), "--split", str(wide), *out]
    assert main([*command, "--strict"]) == 2
    assert "1 of 5 shapes of the split have no " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(command) == 0
    said = capsys.readouterr().out
    if name == "evaluate":
        assert "1 of 5 shapes left out, no surface samples: tiny/solid/nobody" in said
    if name == "mesh":
        assert "4 meshes in" in said
