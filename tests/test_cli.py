import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from jaxtyping import config as typechecks
from PIL import Image

from urform.cli import main
from urform.cli._parser import parse
from urform.cli._train_commands import TrainContrastive
from urform.config import JOINT_PRESETS, SHAPE_PRESETS

TINY_MODEL = "--latent-size 8 --warp-width 16 --template-width 16 --template-layers 2 --encoder-width 4 --image-size 32"


def run(text: str) -> int:
    return main(text.split())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole way on tiny balls and boxes, by the commands that users type."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "meshes").mkdir()
    for index in range(5):
        trimesh.creation.box((1, 0.4 + 0.3 * index, 1)).export(folder / "meshes" / f"box{index}.obj")
    (folder / "test.txt").write_text("box2\n")
    views = "--easy-views 3 --hard-views 3 --view-size 48"
    assert (
        run(
            f"prepare {folder}/meshes --out {folder}/data --dataset d --category box --samples 4000 {views} "
            f"--surface-points 2000 --hold-out {folder}/test.txt --workers 1 --time-limit-s 0"
        )
        == 0
    )
    split = f"--split {folder}/data/splits/d_box_train.json"
    flags = f"--epochs 80 --points-per-shape 256 --shapes-per-batch 4 {TINY_MODEL} --device cpu --look-every 0"
    assert run(f"train shape --data {folder}/data {split} --out {folder}/shape {flags}") == 0
    flags = "--epochs 3 --batch-size 8 --device cpu --look-every 0"
    assert run(f"train encoder --init {folder}/shape --data {folder}/data {split} --out {folder}/run {flags}") == 0
    return folder


def test_the_whole_way_to_a_mesh(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    views = trained / "data" / "box" / "box2" / "easy" / "image"
    capsys.readouterr()
    for suffix in ("glb", "obj", "ply", "stl"):
        out = trained / "out"
        code = run(f"reconstruct {views}/00.png --weights {trained}/run --out {out} --format {suffix} --resolution 32")
        line = json.loads(capsys.readouterr().out)
        assert code == 0
        assert line["category"] == "box"
        assert line["background"] == "alpha"
        mesh = trimesh.load_mesh(line["mesh"])
        mesh.merge_vertices()
        assert len(mesh.faces) == line["faces"]
        assert mesh.is_watertight
        assert line["watertight"]
        assert mesh.volume > 0
        preview = np.asarray(Image.open(out / "00.png"))
        assert preview.shape == (256, 5 * 256, 3)
        page = (out / "00.html").read_text()
        assert "http://" not in page
        assert "https://" not in page


def test_a_bad_picture_is_reported_and_the_rest_goes_on(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = trained / "data" / "box" / "box0" / "easy" / "image" / "00.png"
    text = trained / "text.png"
    text.write_text("not a picture")
    out = trained / "mixed"
    code = run(f"reconstruct {text} {good} {trained}/none.png --weights {trained}/run --out {out} --resolution 16")
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert code == 2
    assert [("error" in line) for line in lines] == [True, False, True]
    assert sorted(path.name for path in out.iterdir()) == ["00.glb", "00.html", "00.png"]
    assert len([line for line in captured.err.splitlines() if str(good) not in line]) == 2


def test_evaluate_prints_a_table_and_json(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(
        f"evaluate --data {trained}/data --split {trained}/data/splits/d_box_test.json --weights {trained}/run "
        f"--resolution 32 --json {trained}/result.json"
    )
    table = capsys.readouterr().out
    result = json.loads((trained / "result.json").read_text())
    rows = {row["method"]: row for row in result["rows"]}
    assert code == 0
    assert rows.keys() == {
        "urform, fixed view",
        "urform, random view",
        "mean template",
        "retrieval by latent, fixed view",
        "retrieval by latent, random view",
        "oracle retrieval",
    }
    assert all(name in table for name in rows)
    assert rows["oracle retrieval"]["mean"] <= rows["retrieval by latent, fixed view"]["mean"] + 1e-9
    assert 0 < result["noise_floor"] < rows["oracle retrieval"]["mean"]


def test_synth_then_prepare(tmp_path: Path) -> None:
    assert run(f"synth chair --count 2 --seed 3 --out {tmp_path}/chairs") == 0
    assert (
        run(
            f"prepare {tmp_path}/chairs --out {tmp_path}/data --samples 2000 --surface-points 100 --easy-views 1 "
            f"--hard-views 0 --view-size 32 --workers 1 --time-limit-s 0"
        )
        == 0
    )


BAD = {
    "missing picture": ("reconstruct none.png --out out --weights {run}", "none.png: no such file"),
    "missing weights": ("reconstruct {view} --out out --weights none", "none: neither a shipped category"),
    "truncated weights": ("reconstruct {view} --out out --weights {cut}", "cut.safetensors: damaged"),
    "unknown category": ("reconstruct {view} --out out --category spoon", "--category must be a shipped one"),
    "resolution": ("reconstruct {view} --out out --weights {run} --resolution 4", "resolution"),
    "no meshes": ("prepare none --out out", "none: no such folder of meshes"),
    "empty mesh": ("prepare {empty} --out out --workers 1 --time-limit-s 0", "none of the 1 meshes could be prepared"),
    "nan mesh": ("prepare {nan} --out out --workers 1 --time-limit-s 0", "none of the 1 meshes could be prepared"),
    "missing split": ("train shape --data {data} --split none.json --out out", "none.json: no such split file"),
    "wrong split": ("train shape --data {data} --split {wrong} --out out", "1 of 1 shapes of the split have no SDF"),
    "unknown preset": ("train shape --data d --split s --out out --preset huge", "--preset must be one of"),
    "unknown object": ("synth spoon --out out", "category must be one of chair, lamp, plane, sofa, table, got 'spoon'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_code_2(
    case: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (("empty", ""), ("nan", "v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.obj").write_text(content)
    (tmp_path / "wrong.json").write_text('{"d": {"box": ["nobody"]}}')
    whole = (trained / "run" / "model.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-100])
    places = {
        "run": trained / "run",
        "view": trained / "data" / "box" / "box0" / "easy" / "image" / "00.png",
        "data": trained / "data",
        **{name: tmp_path / name for name in ("empty", "nan")},
        "wrong": tmp_path / "wrong.json",
        "cut": tmp_path / "cut.safetensors",
    }
    command, message = BAD[case]
    assert run(command.format(**places)) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("urform:")]
    assert len(errors) == 1
    assert message in errors[0]
    left = [path for path in (tmp_path / "out").rglob("*") if path.is_file()] if (tmp_path / "out").exists() else []
    assert all(
        "Reports" in path.parts or path.parent.name == "splits" or path.name == ".datasources.json" for path in left
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [("--samples 1", "--samples must be at least 100, got 1"), ("--sampels 500", "--samples")],
    ids=["impossible value", "unknown flag"],
)
def test_bad_flags_are_explained_with_code_2(flags: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"prepare meshes --out out {flags}") == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("urform: ")
    assert said.count("\n") == 1


GROUPS = {
    "": ("reconstruct", "train", "data", "--config", "--debug", "--version"),
    "train": ("shape", "encoder", "pose", "joint", "contrastive"),
    "mesh": ("template", "shapes", "images"),
    "transfer": ("labels", "keypoints", "colors"),
    "data": ("fetch", "check", "split", "flatten"),
    "evaluate": ("reconstruction", "correspondence"),
    "evaluate correspondence": ("--unseen",),
    "evaluate reconstruction": ("--protocol",),
}


@pytest.mark.parametrize("group", GROUPS)
def test_help_lists_what_there_is(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"{group} --help") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in GROUPS[group])


LINES = {
    "train": "no command given, expected `urform train COMMAND` with one of shape, encoder",
    "train fly": "no command 'fly', expected `urform train COMMAND` with one of shape, encoder",
    "prepare": "MESHES, --out must be given, see urform prepare --help",
    "train shape --epoch 3": "unknown flag --epoch, did you mean --epochs?; --data, --split, --out must be given",
    "train shape --data d --split s --out o --epochs x": "--epochs must be INT (invalid literal",
    "train shape --data d --split s --out": "--out needs a value (PATH)",
    "evaluate --data d --split s --protocol x": "--protocol must be one of deepsdf, deepsdf-emd, disn, onet",
    "evaluate correspondence --data d --split s": "s: no such split file",
    "synth chair --out o more": "unexpected 'more', see urform synth --help",
    "reconstruct --out o --weights none -- -odd.png": "none: neither a shipped category",
    "deform --out=o -- -odd": "-odd: no such folder of meshes",
    "mesh shapes --out o --weights none --ids -1 3": "none: neither a shipped category",
    "--debug-me prepare": "--debug-me",
    "prepare m --out o --hard-distance 0.1 2": "--hard-distance must be two numbers of at least 0.3, in order, got",
    "train shape --data d --split s --out o --resume --overwrite": "--overwrite must be omitted with --resume",
    "train pose --init i --data d --split s --out o --roll-deg 60": "--roll-deg must be at least 0 and less than 45",
    "reconstruct a.png --out o --format ply --size 3": "--size is of --format stl, whose unit is the millimetre; ply",
    "analyze chair --out o --data d": "--data is given without --split; the views of a split need both",
    "train joint --data d --split s --out o --preset dit": "--preset must be one of small, published, got 'dit'",
    "data fetch none.zip --out o --max-gb 0": "--max-gb must be positive, got 0.0",
}


@pytest.mark.parametrize("words", LINES)
def test_every_mistake_is_one_line(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("urform: ")
    assert said.count("\n") == 1
    assert LINES[words] in said


def test_every_preset_can_be_given() -> None:
    typechecks.update("jaxtyping_disable", True)  # they refuse the incomplete defaults of --preset
    try:
        for name, presets in (("shape", SHAPE_PRESETS), ("joint", JOINT_PRESETS)):
            for preset, config in presets.items():
                words = f"train {name} --data d --split s --out o --preset {preset}".split()
                assert parse(words).config == config
    finally:
        typechecks.update("jaxtyping_disable", False)


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_config_stands_anywhere(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "flags.yaml"
    file.write_text("epochs: 0")
    words = {"first": "--config {} train shape", "middle": "train --config {} shape", "last": "train shape --config {}"}
    assert run(f"{words[place].format(file)} --data d --split s --out o") == 2
    assert "--epochs must be at least 1, got 0" in capsys.readouterr().err


def test_logged_messages_name_flags(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def warn_and_stop(*_: object) -> None:
        logging.getLogger("urform.training").warning("lower `lr` or take another `method`, not `this`")
        raise KeyboardInterrupt("stopped; go on with `resume`")

    monkeypatch.setattr(TrainContrastive, "run", warn_and_stop)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    assert run("train contrastive --data d --split s --out o") == 130
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["urform: lower --lr or take another --method, not `this`", "urform: stopped; go on with --resume"]
    assert not logging.getLogger().handlers


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"--tyro-print-completion {shell}") == 0
    script = capsys.readouterr().out
    assert "contrastive" in script
    assert "latent-size" in script


def test_help_usage_and_debug(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert "reconstruct" in capsys.readouterr().out
    assert run("--version") == 0
    assert run("fly") == 2
    assert "no command 'fly'" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError):
        run("prepare none --out out --debug")


def test_importing_urform_is_light() -> None:
    code = "import sys, urform, urform.cli; sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
