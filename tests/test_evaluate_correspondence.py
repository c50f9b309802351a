"""Correspondence scored on synthetic chairs."""

import json
from pathlib import Path

import numpy as np
import pytest

from urform.cli import main
from urform.config import PrepareConfig
from urform.correspondence import folded_share
from urform.data import DataFolder, read_split
from urform.evaluation import evaluate_correspondence, format_correspondence
from urform.fitting import mean_latent
from urform.inference import Model, load
from urform.prepare import prepare
from urform.synth import synthesize


@pytest.fixture(scope="module")
def chairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three synthetic chairs, prepared."""
    folder = tmp_path_factory.mktemp("chairs")
    synthesize("chair", 3, 7, folder / "meshes")
    config = PrepareConfig(
        dataset="synthetic",
        category="chair",
        samples=2000,
        surface_points=2000,
        easy_views=1,
        hard_views=1,
        view_size=64,
    )
    (folder / "test.txt").write_text("\n".join(f"chair_7_{index:05d}" for index in range(3)))
    prepare(folder / "meshes", folder / "data", config, folder / "test.txt", workers=1, time_limit_s=0)
    return folder / "data"


def test_scores_of_all_methods(chairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split = chairs / "splits" / "synthetic_chair_test.json"
    words = ["evaluate", "correspondence", "--data", str(chairs), "--split", str(split)]
    assert main([*words, "--json", str(tmp_path / "scores.json")]) == 0
    said = capsys.readouterr().out
    assert "3 shapes, 6 ordered pairs" in said
    result = json.loads((tmp_path / "scores.json").read_text())
    assert format_correspondence(result) == said.strip()
    rows = {row["method"]: row for row in result["rows"]}
    assert len(rows) == 7
    best, random = rows["surface point nearest to the truth"], rows["random point"]
    for name in ("canonical points and place, latents fitted to SDF samples", "identity warp"):
        assert random["pck"] < rows[name]["pck"] <= best["pck"]
        assert random["label_miou"] < rows[name]["label_miou"] <= 1
        assert best["mean_error"] <= rows[name]["mean_error"] < random["mean_error"]


def test_keypoints_that_training_did_not_see_are_scored_apart(chairs: Path) -> None:
    model, folder = load("chair"), DataFolder(chairs)
    keys = read_split(chairs / "splits" / "synthetic_chair_test.json")
    names = {name for key in keys for name in json.loads(_shape_file(chairs, key.instance).read_text())["keypoints"]}
    fitted = np.stack([mean_latent(model)] * 3)
    every = evaluate_correspondence(model, folder, keys, sorted(names), fitted=fitted)
    for row in every["rows"][:-1]:
        assert row["pck_unseen"] == row["pck"]
    one = evaluate_correspondence(model, folder, keys, ["seat_front_left"], fitted=fitted)
    assert any(row["pck_unseen"] != row["pck"] for row in one["rows"][:-1])
    assert 0 <= one["folded"] <= 1
    assert "names not learned from" in format_correspondence(one)
    with pytest.raises(ValueError, match="`unseen`: no shape has a keypoint called nose"):
        evaluate_correspondence(model, folder, keys, ["nose"], fitted=fitted)


def _shape_file(chairs: Path, instance: str) -> Path:
    return chairs.parent / "meshes" / instance / "shape.json"


def test_a_mirrored_space_is_folded() -> None:
    class Mirrors(Model):
        def __init__(self) -> None:
            pass

        def canonical(self, points, latent):
            return points * np.array([np.sign(latent[0]), 1, 1], np.float32)

    points = np.random.default_rng(0).uniform(-0.5, 0.5, (50, 3)).astype(np.float32)
    assert folded_share(Mirrors(), points, np.array([1], np.float32)) == 0
    assert folded_share(Mirrors(), points, np.array([-1], np.float32)) == 1


def test_messages(chairs: Path, data: Path) -> None:
    model, folder = load("chair"), DataFolder(chairs)
    keys = read_split(chairs / "splits" / "synthetic_chair_test.json")
    with pytest.raises(ValueError, match="keys must name at least two shapes, got 1"):
        evaluate_correspondence(model, folder, keys[:1])
    others = read_split(data / "splits" / "tiny_solid_test.json")
    with pytest.raises(FileNotFoundError, match=r"shape.json: no such file for tiny/solid/.*; parts and keypoints are"):
        evaluate_correspondence(model, DataFolder(data), others)
    assert np.isfinite(folder.surface(keys[0])).all()
