"""Keypoints and parts of synthetic shapes: kept by `prepare`, read as landmarks, learned from."""

import json
from pathlib import Path

import numpy as np
import pytest

from urform.cli import main
from urform.data import DataFolder, ShapeKey, read_split
from urform.sets import LandmarkSet


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("landmarks")
    assert main(["synth", "chair", "--count", "6", "--seed", "3", "--out", str(work / "meshes")]) == 0
    few = ["--samples", "2000", "--surface-points", "500", "--easy-views", "1", "--hard-views", "0", "--no-albedo"]
    words = [
        "--out",
        str(work / "data"),
        "--dataset",
        "syn",
        "--category",
        "chair",
        "--test-fraction",
        "0",
        "--workers",
    ]
    assert main(["prepare", str(work / "meshes"), *words, "1", *few]) == 0
    return work / "data"


def _split(data: Path) -> Path:
    return data / "splits" / "syn_chair_train.json"


def test_prepare_keeps_keypoints_and_parts_in_normalised_space(data: Path) -> None:
    folder = DataFolder(data)
    for key in read_split(_split(data)):
        stored = json.loads((data.parent / "meshes" / key.instance / "shape.json").read_text())["keypoints"]
        keypoints, normalisation = folder.keypoints(key), folder.normalisation(key)
        assert set(keypoints) == set(stored)
        for name, point in stored.items():
            np.testing.assert_allclose(keypoints[name], normalisation.apply(np.array([point]))[0], atol=1e-6)
        parts = folder.parts(key)
        assert parts is not None
        assert parts.points.shape == (3000, 3)
        assert np.linalg.norm(parts.points, axis=1).max() <= 1
        assert "seat" in parts.names or "shell" in parts.names or "frame" in parts.names
    assert folder.keypoints(ShapeKey("syn", "chair", "none")) == {}
    assert folder.parts(ShapeKey("syn", "chair", "none")) is None


def test_landmarks_belong_to_mean_places(tmp_path: Path) -> None:
    """Two blocks, one twice as tall: a place in one's box belongs to that place in the mean box."""
    folder = DataFolder(tmp_path)
    keys = [ShapeKey("d", "c", name) for name in ("low", "tall", "other")]
    rng = np.random.default_rng(0)
    unit = rng.uniform(size=(500, 3))
    unit[0], unit[1] = 0, 1  # corners of the box
    for key, height in zip(keys[:2], (0.2, 0.4), strict=True):
        points = (unit * [0.3, height, 0.3]).astype(np.float32)
        for path in (folder.parts_path(key), folder.keypoints_path(key), folder.normalisation_path(key)):
            path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(folder.parts_path(key), points=points, part=np.zeros(500, int), names=np.array(["block"]))
        np.savez(folder.normalisation_path(key), offset=np.zeros(3), scale=1.0)
        folder.keypoints_path(key).write_text(json.dumps({"top": [0, height, 0], "foot": [0, 0, 0]}))
    landmarks = LandmarkSet(folder, keys, left_out=["foot"])
    places, belong, known = (part.numpy() for part in landmarks.draw([0, 1, 2], 30, rng))
    assert known.tolist() == [[True] * 30, [True] * 30, [False] * 30]
    np.testing.assert_allclose(places[0, :10], np.tile([0, 0.2, 0], (10, 1)), atol=1e-6)  # "foot" is left out
    np.testing.assert_allclose(belong[:2, :10], np.tile([0, 0.3, 0], (2, 10, 1)), atol=1e-6)
    np.testing.assert_allclose(belong[0, 10:], places[0, 10:] * [1, 1.5, 1], atol=1e-5)
    np.testing.assert_allclose(belong[1, 10:], places[1, 10:] * [1, 0.75, 1], atol=1e-5)


def test_legs_are_told_apart_and_slats_are_not() -> None:
    from urform.data._parts import Parts
    from urform.sets._landmark_set import divided

    rng = np.random.default_rng(0)
    corners = np.array([[x, 0, z] for x in (-0.5, 0.5) for z in (-0.5, 0.5)])
    legs = (corners[:, None] + rng.uniform(-0.05, 0.05, (4, 100, 3))).reshape(-1, 3)
    slats = np.stack([rng.choice([-0.3, 0, 0.3], 300), rng.uniform(0, 1, 300), np.full(300, -0.5)], axis=1)
    points = np.concatenate([legs, slats]).astype(np.float32)
    found = divided(Parts(points, np.repeat([0, 1], [400, 300]), ("leg", "back")))
    assert sorted(found) == ["back", "leg_left_front", "leg_left_rear", "leg_right_front", "leg_right_rear"]
    assert (found["leg_left_front"][:, [0, 2]] > 0).all()


def test_training_learns_from_landmarks(data: Path, tmp_path: Path) -> None:
    small = ["--latent-size", "8", "--warp-width", "16", "--template-width", "16", "--correction-width", "8"]
    words = ["train", "shape", "--data", str(data), "--split", str(_split(data)), "--look-every", "0", *small]
    more = ["--epochs", "80", "--lr-warp", "0.01", "--landmark-weight", "1", "--keypoints-left-out", "seat_front_left"]
    assert main([*words, "--out", str(tmp_path / "run"), *more]) == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["landmark"] < 0.7 * lines[0]["landmark"]


def test_messages(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "shape", "--data", str(data), "--split", str(_split(data)), "--out", str(tmp_path / "run")]
    assert main([*words, "--landmark-weight", "1", "--keypoints-left-out", "nose"]) == 2
    assert "no keypoint is called nose, there are" in capsys.readouterr().err
    assert not LandmarkSet(DataFolder(tmp_path), [ShapeKey("a", "b", "c")]).any
    path = DataFolder(tmp_path).parts_path(ShapeKey("a", "b", "c"))
    path.parent.mkdir(parents=True)
    np.savez(path, points=np.zeros((3, 2)), part=np.zeros(3), names=np.array(["x"]))
    with pytest.raises(ValueError, match="damaged, expected points"):
        LandmarkSet(DataFolder(tmp_path), [ShapeKey("a", "b", "c")])
