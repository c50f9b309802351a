"""No command writes over what it reads, and no two results of a run share a name."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from tests.small_model import small_weights
from urform.cli import main
from urform.files import check_outputs, unique_names
from urform.weights import save_weights


def run(text: str) -> int:
    return main(text.split())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one of each kind of input; it is the current one."""
    monkeypatch.chdir(tmp_path)
    save_weights(tmp_path / "run" / "model.safetensors", small_weights())
    (tmp_path / "run" / "config.json").write_text("{}")
    Image.new("RGB", (40, 40), "white").save("chair.png")
    trimesh.creation.box().export("00.ply")
    Path("split.json").write_text(json.dumps({"d": {"ball": ["a", "b"]}}))
    Path("d/ball").mkdir(parents=True)
    shutil.copy("00.ply", "d/ball/a.ply")
    Path("link.ply").symlink_to("00.ply")
    (tmp_path / "run" / "snapshots").mkdir()
    for name in ("best.safetensors", "snapshots/000002.safetensors", "link"):
        shutil.copy("run/model.safetensors", tmp_path / "run" / name)
    (tmp_path / "run" / "link").unlink()
    (tmp_path / "run" / "link").symlink_to("best.safetensors")
    Path("flags.yaml").write_text("seed: 1")
    (tmp_path / "run" / "metrics.jsonl").write_text("")
    for name in ("SurfaceSamples/d/ball", "SdfSamples/d/ball", "splits"):
        (tmp_path / "data" / name).mkdir(parents=True)
    shutil.copy("00.ply", "data/SurfaceSamples/d/ball/a.ply")
    np.savez("data/SdfSamples/d/ball/a.npz", pos=np.ones((9, 4)), neg=-np.ones((9, 4)))
    for name in "ab":
        views = tmp_path / "data" / "ball" / name / "easy" / "image"
        views.mkdir(parents=True)
        Image.new("RGBA", (40, 40), "red").save(views / "00.png")
    Path("data/splits/d_ball_test.json").write_text(json.dumps({"d": {"ball": ["a"]}}))
    return tmp_path


OVERWRITING = {  # command, and the input that it would have replaced
    "reconstruct chair.png --out . --weights run": "chair.png",
    "reconstruct chair.png --out sub/.. --weights run": "chair.png",
    "mesh template 00.ply --weights 00.ply": "00.ply",
    "mesh shapes --weights run --original-scale data --out data/SurfaceSamples --overwrite": "a.ply",
    "mesh images --weights run --data data --split split.json --out data/SurfaceSamples --overwrite": "a.ply",
    "morph 00.ply a --weights run --out .": "00.ply",
    "fit 00.ply --weights run --out . --format ply": "00.ply",
    "register 00.ply --weights run --out .": "00.ply",
    "transfer colors --from a --to 00.ply --weights run --out .": "00.ply",
    "export run --out run": "model.safetensors",
    "import nowhere --out . --split import.json": "import.json",
    "embeddings run --split split.npz --out split.npz": "split.npz",
    "analyze run --out . --data data --split analysis.json": "analysis.json",
    "evaluate --data data --split split.json --weights run --json split.json": "split.json",
    "evaluate --data data --split split.json --weights run --csv run/model.safetensors": "model.safetensors",
    "evaluate --data data --split split.json --weights run --json data/SdfSamples/d/ball/a.npz": "a.npz",
    "evaluate --data data --split split.json --meshes d --csv d/ball/a.ply": "a.ply",
    "evaluate correspondence --data data --split split.json --weights run --json ./split.json": "split.json",
    "train encoder --init run --data data --split split.json --out run --overwrite": "model.safetensors",
    "train encoder --init run/best.safetensors --data data --split split.json --out run --overwrite": "best",
    "train pose --init run/snapshots/000002.safetensors --data data --split split.json --out run --overwrite": "000002",
    "train joint --init run/link --data data --split split.json --out run --overwrite": "best.safetensors",
    "train contrastive --init run --data data --split split.json --out run --overwrite": "model.safetensors",
    "train shape --data data --split run/config.json --out run --overwrite": "config.json",
    "train shape --data data --split split.json --out run --overwrite --config run/config.json": "config.json",
    "train shape --data data --split split.json --validation run/metrics.jsonl --out run": "metrics.jsonl",
    "train categories --data data --out data/ball/a/easy/image/00.png": "00.png",
    "evaluate --data data --split split.json --weights run --json run/config.json": "config.json",
    "evaluate --data data --split split.json --weights run --csv flags.yaml --config flags.yaml": "flags.yaml",
    "data check data --json data/SdfSamples/d/ball/a.npz": "a.npz",
    "data check data --split split.json --json split.json": "split.json",
    "prepare d/ball --out data --dataset d --category ball --split data/splits/d_ball_test.json": "d_ball_test.json",
    "mesh template link.ply --weights 00.ply": "link.ply",
    "data check data --json data/splits/d_ball_test.json": "d_ball_test.json",
    "data split data --test-list data/splits/d_ball_test.json": "d_ball_test.json",
}


@pytest.mark.parametrize("command", OVERWRITING)
def test_no_input_is_overwritten(command: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("import.json", "analysis.json", "split.npz"):
        shutil.copy("split.json", name)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert run(command) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert OVERWRITING[command] in said
    assert ": is an input and would be overwritten, choose another" in said
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_a_run_is_no_place_for_an_export_nor_a_collection_for_what_is_made_of_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (place / "run" / "model.safetensors").read_bytes()
    assert run("export run/best.safetensors --out run") == 2
    assert "run: is a run folder, whose weights and settings would be replaced" in capsys.readouterr().err
    assert (place / "run" / "model.safetensors").read_bytes() == before
    for command in ("deform d --out d/ball/../copies", "recipe sofa --meshes d --out d/new"):
        assert run(command) == 2
        assert "lies in" in capsys.readouterr().err
    assert sorted(path.name for path in Path("d").rglob("*")) == ["a.ply", "ball"]


def test_results_of_one_run_have_names_of_their_own(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("one.x").write_text("")
    for pair in (("one.json", "ONE.json"), ("é.json", "e\u0301.json")):
        with pytest.raises(ValueError, match="two results would have this name"):
            check_outputs(Path("out"), [Path("out", name) for name in pair], [])
    with pytest.raises(ValueError, match="run: is a folder, expected the name of a file"):
        check_outputs(None, [Path("run")], [])
    with pytest.raises(ValueError, match=r"one.x/a: cannot be written, as one.x is a file"):
        check_outputs(None, [Path("one.x/a")], [])
    assert run("evaluate --data data --split split.json --weights run --json r.json --csv r.json") == 2
    assert "r.json: two results would have this name" in capsys.readouterr().err


def test_every_complaint_names_its_picture(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("none.png").write_text("")
    assert run("reconstruct chair.png none.png gone.png --out out --weights run") == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("urform: ")]
    assert [line.split(": ")[1] for line in said] == ["chair.png", "none.png", "gone.png"]


def test_equal_names_are_numbered_whatever_their_case() -> None:
    assert unique_names(["a", "a", "a_2", "A", "a"]) == ["a", "a_3", "a_2", "A_4", "a_5"]


def test_pictures_of_one_name_have_their_own_results(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x/a.png", "y/a.png", "y/a_2.png", "z/A.png"):
        Path(name).parent.mkdir(exist_ok=True)
        picture = Image.new("RGB", (40, 40), "white")
        picture.paste("red", (10, 10, 30, 30))
        picture.save(name)
    flags = "--weights run --out out --resolution 16"
    assert run(f"reconstruct x/a.png y/a.png y/a_2.png z/A.png {flags}") == 0
    meshes = [json.loads(line)["mesh"] for line in capsys.readouterr().out.splitlines()]
    assert meshes == ["out/a.glb", "out/a_3.glb", "out/a_2.glb", "out/A_4.glb"]
    assert len(list(Path("out").iterdir())) == 12
