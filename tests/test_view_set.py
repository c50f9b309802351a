import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from urform.data import DataFolder, ShapeKey
from urform.files import read_rgba
from urform.pictures import frame
from urform.sets import ViewSet
from urform.sets import _view_set as view_set_module

KEYS = [ShapeKey("tiny", "solid", name) for name in ("box0", "ball", "box0")]


def test_views_are_framed_once_and_shown_as_often_as_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(data / "solid", tmp_path / "solid")
    folder = DataFolder(tmp_path)
    views = ViewSet(folder, KEYS, 32)
    assert len(views) == 12
    assert views.shapes.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    pictures, shapes = views.batch(torch.tensor([9, 5]))
    assert shapes.tolist() == [2, 1]
    expected = [
        frame(read_rgba(folder.view_files(KEYS[0])[1]), 32),
        frame(read_rgba(folder.view_files(KEYS[1])[1]), 32),
    ]
    np.testing.assert_array_equal(pictures.numpy(), expected)
    with monkeypatch.context() as patch:
        patch.setattr(view_set_module, "read_view", lambda path: pytest.fail(f"{path} is read again"))
        again, _ = ViewSet(folder, KEYS, 32).batch(torch.tensor([9, 5]))
    assert torch.equal(again, pictures)
    changed = folder.view_files(KEYS[0])[1]
    shutil.copy(folder.view_files(KEYS[1])[0], changed)
    other, _ = ViewSet(folder, KEYS, 32).batch(torch.tensor([9, 5]))
    assert not torch.equal(other[0], pictures[0])
    assert not list((tmp_path / ".framed").glob("*.partial"))


def test_messages(data: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no shape of the split has easy or hard views; `urform prepare`"):
        ViewSet(DataFolder(tmp_path), KEYS, 32)
    shutil.copytree(data / "solid", tmp_path / "solid")
    DataFolder(tmp_path).view_files(KEYS[0])[0].write_bytes(b"?")
    with pytest.raises(ValueError, match="not an RGBA picture"):
        ViewSet(DataFolder(tmp_path), KEYS, 32)
    assert not list((tmp_path / ".framed").iterdir())
