"""Meshes that exist already are scored, whatever they are called."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import trimesh

from urform.cli import main
from urform.config import ShapeChoice
from urform.data import DataFolder, ShapeKey, write_split
from urform.evaluation import PROTOCOLS, evaluate_meshes, find_meshes, format_table

BALL, BOX = ShapeKey("tiny", "solid", "ball"), ShapeKey("tiny", "solid", "box3")
NAMINGS: dict[str, Callable[[ShapeKey], str]] = {
    "published": lambda key: f"{key}.ply",
    "flat": lambda key: f"{key.instance}.obj",
    "a folder each": lambda key: f"TrainingMeshes/2000/{key.instance}/mesh.ply",
    "view behind": lambda key: f"{key.instance}_30.ply",
    "by class": lambda key: f"{key.category}/{key.instance}-octree.off",
}


@pytest.fixture
def held_out(data: Path) -> Path:
    return data / "splits" / "tiny_solid_test.json"


@pytest.fixture
def originals(meshes: Path) -> dict[ShapeKey, trimesh.Trimesh]:
    return {
        key: trimesh.load(meshes / name, force="mesh", process=False)  # type: ignore[misc]
        for key, name in ((BALL, "ball.off"), (BOX, "box3.glb"))
    }


@pytest.mark.parametrize("naming", NAMINGS)
def test_any_naming(
    data: Path, held_out: Path, originals: dict[ShapeKey, trimesh.Trimesh], tmp_path: Path, naming: str
) -> None:
    for key, mesh in originals.items():
        path = tmp_path / NAMINGS[naming](key)
        path.parent.mkdir(parents=True, exist_ok=True)
        mesh.export(path)
    result = evaluate_meshes(tmp_path, data, held_out, original_scale=True)
    assert result["shapes"] == [str(BALL), str(BOX)]
    assert result["unit"] == "original mesh units"
    assert result["rows"][0]["failures"] == 0
    assert result["rows"][0]["mean"] < 2 * result["noise_floor"] + 1e-3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol(
    data: Path, held_out: Path, originals: dict[ShapeKey, trimesh.Trimesh], tmp_path: Path, protocol: str
) -> None:
    for key, mesh in originals.items():
        mesh.export(tmp_path / f"{key.instance}.ply")
    result = evaluate_meshes(tmp_path, data, held_out, protocol)
    for row in result["rows"]:
        (metric,) = [metric for metric in result["metrics"] if metric["name"] == row["metric"]]
        assert row["failures"] == 0
        if metric["higher_is_better"]:
            assert row["mean"] > metric["noise_floor"] - 0.05
        else:
            assert row["mean"] < 2 * metric["noise_floor"] + 0.2


def test_normalised_and_original_meshes_score_alike(
    data: Path, held_out: Path, originals: dict[ShapeKey, trimesh.Trimesh], tmp_path: Path
) -> None:
    folder = DataFolder(data)
    for key, mesh in originals.items():
        moved = mesh.copy()
        moved.vertices = folder.normalisation(key).apply(mesh.vertices)
        for name, each in (("original", mesh), ("normalised", moved)):
            (tmp_path / name).mkdir(exist_ok=True)
            each.export(tmp_path / name / f"{key.instance}.off")
    one = evaluate_meshes(tmp_path / "original", data, held_out)
    other = evaluate_meshes(tmp_path / "normalised", data, held_out, normalised=True)
    assert one["rows"][0]["mean"] == pytest.approx(other["rows"][0]["mean"], rel=1e-4)
    wrong = evaluate_meshes(tmp_path / "normalised", data, held_out)
    assert wrong["rows"][0]["mean"] > 100 * one["rows"][0]["mean"]


def test_missing_and_empty_meshes_are_failures(
    data: Path, originals: dict[ShapeKey, trimesh.Trimesh], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = ShapeKey("tiny", "solid", "nobody")
    split = tmp_path / "split.json"
    write_split(split, [BALL, BOX, nobody])
    meshes = tmp_path / "meshes"
    meshes.mkdir()
    originals[BOX].export(meshes / "box3.ply")
    result = evaluate_meshes(meshes, data, split)
    assert result["failed"] == {"meshes": {str(BALL): "no mesh in the folder"}}
    assert result["rows"][0]["failures"] == 1
    assert result["shapes_left_out"] == {"no surface samples": [str(nobody)]}
    (meshes / "ball.ply").write_text("ply\nformat ascii 1.0\nelement vertex 0\nend_header\n")
    assert main(["evaluate", "--meshes", str(meshes), "--data", str(data), "--split", str(split)]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "deepsdf: 2 shapes, 30000 points a side, unit bounding-box diagonal"
    assert format_table(result).splitlines()[4].split()[-1] == "1"
    with pytest.raises(FileNotFoundError, match="1 of 3 shapes of the split have no surface samples"):
        evaluate_meshes(meshes, data, split, choice=ShapeChoice(strict=True))


def test_messages(data: Path, held_out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FileNotFoundError, match="has no mesh of any of the 2 shapes, first: tiny/solid/ball"):
        find_meshes(tmp_path, [BALL, BOX])
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ball.ply").write_bytes(b"")
    with pytest.raises(ValueError, match=r"one/ball.ply and .*two/ball.ply could both be the mesh of tiny/solid/ball"):
        find_meshes(tmp_path, [BALL])
    (tmp_path / "two").rename(tmp_path / "solid")
    assert find_meshes(tmp_path, [BALL]) == {BALL: tmp_path / "solid" / "ball.ply"}
    shutil.rmtree(tmp_path / "solid")
    common = ["evaluate", "--data", str(data), "--split", str(held_out)]
    for words, message in (
        (["--meshes", str(tmp_path / "none")], "none: no such folder, expected one with meshes"),
        (["--normalised"], "--normalised must be omitted without --meshes"),
        (["--meshes", str(tmp_path), "--views", "fixed"], "--views must be omitted with --meshes"),
        (["--meshes", str(tmp_path), "--protocol", "disn", "--original-scale"], "which has a unit of its own"),
    ):
        assert main([*common, *words]) == 2
        assert message in capsys.readouterr().err
