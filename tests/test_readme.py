"""Every command of the README runs as it stands there; flags are added only to make it small."""

import re
import shlex
from pathlib import Path

import pytest

from tests.documents import ROOT, blocks, commands
from tests.sandbox import make_sandbox, run, score_quickly

README = ROOT / "README.md"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader might stand: in the clone, with a folder of meshes and a photograph."""
    make_sandbox(tmp_path)
    monkeypatch.chdir(tmp_path)
    score_quickly(monkeypatch)
    return tmp_path


def test_the_commands_run(place: Path) -> None:
    inline = [shlex.split(text)[1:] for text in re.findall(r"`(urform [a-z]+ [^`]+)`", README.read_text())]
    found = commands(README) + inline
    assert len(found) >= 7
    for words in found:
        run(words)
    assert (place / "out" / "armchair.glb").exists()
    assert (place / "out" / "photo.html").exists()


def test_the_python_runs(place: Path) -> None:
    (code,) = [block.text for block in blocks(README) if block.language == "python"]
    names: dict = {}
    exec(code, names)
    assert (place / "armchair.ply").exists()
    assert names["inside"].mean() > 0.2
    assert names["nearest"] in names["model"].latents
