"""A loss of power and a full disk, played: what was not synced is gone, what is written has no room."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests import kills
from tests.small_model import small_weights
from tests.test_kills import prepared, trained
from urform.cli import main
from urform.weights import save_weights


class PowerCut(BaseException):
    """The moment at which the power goes."""


class Disk:
    """Knows what was synced, and loses the rest. The power goes at one of the next renames."""

    def __init__(self, patch: pytest.MonkeyPatch):
        self.left: float = float("inf")  # renames until the power goes
        self.renames = 0
        self._synced: dict[int, tuple[int, int]] = {}  # inode: size and time when it was synced
        rename = Path.replace

        def replace(path: Path, target: Path) -> Path:
            self.renames += 1
            self.left -= 1
            found = rename(path, target)
            if self.left < 0:
                raise PowerCut
            return found

        def fsync(file: int) -> None:
            state = os.fstat(file)
            self._synced[state.st_ino] = (state.st_size, state.st_mtime_ns)

        patch.setattr(Path, "replace", replace)
        patch.setattr(os, "fsync", fsync)

    def lose(self, folder: Path) -> int:
        """Empty what was not synced, and cut what grew since; returns how many files that were."""
        lost = 0
        for path in folder.rglob("*"):
            if path.is_file():
                state = path.stat()
                size, time = self._synced.get(state.st_ino, (0, 0))
                if time != state.st_mtime_ns:
                    os.truncate(path, size if path.suffix == ".jsonl" else 0)
                    lost += state.st_size > 0
        return lost


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return kills.begin(tmp_path_factory.mktemp("power"))


WORK: dict[str, tuple[kills.Work, Callable[[Path], Any]]] = {
    "prepare": (kills.prepare_meshes, prepared),
    "shape": (kills.shape, trained),
    "encoder": (kills.encoder, trained),
    "joint": (kills.joint, trained),
    "contrastive": (kills.contrastive, trained),
}


@pytest.mark.parametrize("name", WORK)
def test_what_a_loss_of_power_leaves_is_gone_on_with(
    name: str, given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, content = WORK[name]
    disk, rng, cuts, lost = Disk(monkeypatch), np.random.default_rng(0), 0, 0
    work(tmp_path / "whole", given)
    most = disk.renames
    out = tmp_path / "cut"
    while cuts < 100:
        disk.left = int(rng.integers(0, max(1, most // 3)))
        try:
            work(out, given)
            break
        except PowerCut:
            cuts += 1
            lost += disk.lose(out)
    assert cuts >= 3
    assert lost  # else nothing was played
    assert content(out) == content(tmp_path / "whole")


def test_framed_views_survive_a_loss_of_power(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills.prepare_meshes(tmp_path / "data", given)
    split = tmp_path / "data" / "splits" / "shapes_object_train.json"
    here = {**given, "data": tmp_path / "data", "split": split}
    disk = Disk(monkeypatch)
    disk.left = 1  # the first rename is that of the run's settings
    with pytest.raises(PowerCut):
        kills.contrastive(tmp_path / "run", here)
    assert list((tmp_path / "data").glob(".*/*.npy"))
    disk.lose(tmp_path / "data" / next((tmp_path / "data").glob(".*/*.npy")).parent.name)
    disk.left = float("inf")
    kills.contrastive(tmp_path / "again", here)


@pytest.mark.parametrize("name", ["shape", "contrastive"])
def test_a_full_disk_ends_a_training_and_it_goes_on(
    name: str, given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, content = WORK[name]
    work(tmp_path / "whole", given)
    save, left = torch.save, 7

    def full(state: object, path: Path) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            path.write_bytes(b"the first block of it")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        save(state, path)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        for _ in range(2):  # a second try has no more room than the first
            with pytest.raises(OSError, match="No space left on device"):
                work(tmp_path / "run", given)
    work(tmp_path / "run", given)
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_a_full_disk_leaves_no_half_written_mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_weights(tmp_path / "run" / "model.safetensors", small_weights())
    rgba = np.zeros((80, 80, 4), np.uint8)
    rgba[20:60, 20:60] = 255
    for name in ("a", "b"):
        Image.fromarray(rgba).save(f"{name}.png")
    write, files = Path.write_bytes, 0

    def limited(path: Path, content: bytes) -> int:
        nonlocal files
        files += 1
        if files == 1:
            write(path, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", limited)
    words = ["reconstruct", "a.png", "b.png", "--weights", "run", "--out", "out", "--resolution", "16"]
    assert main(words) == 2
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert "No space left on device" in first["error"]
    assert sorted(path.name for path in Path("out").iterdir()) == ["b.glb", "b.html", "b.png"]
    assert second["mesh"] == "out/b.glb"
