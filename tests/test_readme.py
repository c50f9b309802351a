"""Every command of the README runs as it stands there; flags are added only to make it small."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import trimesh

from urform.cli import main
from urform.cli._command_table import COMMANDS

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
TINY_MODEL = "--latent-size 8 --warp-width 16 --template-width 16 --template-layers 2 --encoder-width 4 --image-size 32"
SMALLER = {
    "prepare": "--samples 4000 --surface-points 2000 --easy-views 3 --hard-views 3 --view-size 48 --workers 1",
    "train shape": f"--epochs 60 --points-per-shape 256 --shapes-per-batch 4 --device cpu {TINY_MODEL}",
    "train encoder": "--epochs 2 --batch-size 8 --device cpu",
    "train pose": "--epochs 2 --batch-size 8 --device cpu",
    "evaluate": "--resolution 32",
    "reconstruct": "--resolution 32 --force",
    "synth": "--count 3",
    "deform": "--copies 1",
}


def commands() -> list[list[str]]:
    lines = [line.removeprefix("$ ") for language, text in BLOCKS if not language for line in text.splitlines()]
    found = [shlex.split(line)[1:] for line in lines if line.startswith("urform ")]
    return found + [
        shlex.split(text)[1:] for text in re.findall(r"`(urform [a-z]+ [^`]+)`", (ROOT / "README.md").read_text())
    ]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader might stand: in the clone, with a folder of meshes and a photograph."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(ROOT / "examples" / "armchair.jpg", tmp_path / "photo.jpg")
    (tmp_path / "MESHES").mkdir()
    for index in range(8):
        trimesh.creation.box((1, 0.5 + 0.1 * index, 1)).export(tmp_path / "MESHES" / f"mug{index}.obj")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_run(place: Path) -> None:
    found = commands()
    assert len(found) >= 7
    for words in found:
        name = next(name for name in COMMANDS if words[: len(name.split())] == name.split())
        assert main([*words, *SMALLER[name].split()]) == 0, words
    assert (place / "out" / "armchair.glb").exists()
    assert (place / "out" / "photo.html").exists()


def test_the_python_runs(place: Path) -> None:
    (code,) = [text for language, text in BLOCKS if language == "python"]
    names: dict = {}
    exec(code, names)
    assert (place / "armchair.ply").exists()
    assert names["inside"].mean() > 0.2
    assert names["nearest"] in names["model"].latents
