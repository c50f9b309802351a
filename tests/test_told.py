"""What commands tell on the way, and the list of files that a run wrote."""

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tiny_runs import CPU, SHAPE
from urform.cli import main
from urform.data import ShapeKey, write_split
from urform.training import train_shape


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A split of which a shape is missing."""
    write_split(tmp_path / "wide.json", [ShapeKey("tiny", "solid", name) for name in ("box0", "box1", "nobody")])
    return tmp_path / "wide.json"


def told(data: Path, split: Path, out: Path, *more: str) -> str:
    command = [sys.executable, "-m", "urform", *more, "train", "shape", "--data", str(data), "--split", str(split)]
    sizes = ["--warp-width", "8", "--template-width", "8", "--template-layers", "2"]
    small = ["--epochs", "1", "--device", "cpu", "--look-every", "0", *sizes]
    environment = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    done = subprocess.run(
        [*command, *small, "--out", str(out)], capture_output=True, text=True, check=True, env=environment
    )
    return done.stderr


def test_quiet_and_log_level(data: Path, wide: Path, tmp_path: Path) -> None:
    usual = told(data, wide, tmp_path / "usual")
    assert "1 of 3 shapes of the split have no SDF samples and are left out" in usual
    assert "epoch 1/1" in usual
    assert "wrote" not in usual
    assert told(data, wide, tmp_path / "quiet", "--quiet") == ""
    much = told(data, wide, tmp_path / "much", "--log-level=info")
    assert f"urform: wrote {tmp_path / 'much' / 'model.safetensors'}\n" in much
    little = told(data, wide, tmp_path / "little", "--log-level", "error")
    assert "left out" not in little
    assert "epoch 1/1" in little


def test_messages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--log-level", "loud", "data", "check", "x"]) == 2
    assert "--log-level must be one of debug, info, warning, error, got 'loud'" in capsys.readouterr().err
    level = logging.getLogger("urform").level
    assert main(["data", "check", "none", "--log-level", "info"]) == 2
    assert "none: no such data folder" in capsys.readouterr().err
    assert logging.getLogger("urform").level == level
    assert main(["data", "check", "none", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--log-level" in shown
    assert "--quiet" in shown


def test_a_run_lists_its_files(data: Path, split: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    train_shape(data, [split], tmp_path, replace(SHAPE, epochs=2), replace(CPU, keep_every=1))
    sizes = {line.split()[1]: int(line.split()[0]) for line in (tmp_path / "files.txt").read_text().splitlines()}
    for name in ("model.safetensors", "config.json", "metrics.jsonl", "checkpoint.pt", "snapshots/000001.safetensors"):
        assert sizes[name] == (tmp_path / name).stat().st_size
    assert "notes.txt" not in sizes
    train_shape(data, [split], tmp_path, replace(SHAPE, epochs=1), replace(CPU, overwrite=True, stop_after=1))
    assert "snapshots/000002.safetensors" not in (tmp_path / "files.txt").read_text()
