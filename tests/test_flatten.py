import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from urform.cli import main
from urform.files import encode_png
from urform.pictures import Flattened, flatten


def put(path: Path, value: int = 255) -> None:
    """A red picture whose left half is transparent."""
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[:, 4:] = (value, 0, 0, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(picture))


def test_a_data_folder(tmp_path: Path) -> None:
    views = tmp_path / "chair" / "stühl" / "easy" / "image"
    put(views / "00.png")
    put(views / "01.png")
    put(tmp_path / "chair" / "b" / "hard" / "image" / "00.png")
    (views / "rendering_metadata.txt").write_text("")
    assert flatten(tmp_path, workers=2) == Flattened(3, 0, ())
    copies = views.with_name("image_rgb")
    assert sorted(path.name for path in copies.iterdir()) == ["00.png", "01.png"]
    decoded = np.frombuffer((copies / "00.png").read_bytes(), np.uint8)
    flat = cv2.imdecode(decoded, cv2.IMREAD_UNCHANGED)
    assert flat is not None
    assert flat.shape == (8, 8, 3)
    assert flat[0, 0].tolist() == [255, 255, 255]
    assert flat[0, 7].tolist() == [0, 0, 255]
    assert flatten(tmp_path) == Flattened(0, 3, ())
    put(views / "01.png", 100)
    later = (copies / "01.png").stat().st_mtime_ns + 10**9
    os.utime(views / "01.png", ns=(later, later))
    assert flatten(tmp_path) == Flattened(1, 2, ())


def test_a_plain_folder_and_bad_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    put(folder / "a.PNG")
    put(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:40])
    (folder / "rgb.png").write_bytes(encode_png(np.zeros((8, 8, 3), np.uint8)))
    assert main(["data", "flatten", str(folder), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "1 written, 0 up to date, 2 bad" in printed
    assert "rgb.png: not an RGBA picture" in printed
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.PNG"]


def test_messages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder, expected a data folder"):
        flatten(tmp_path / "none")
    with pytest.raises(ValueError, match="neither PNG files nor"):
        flatten(tmp_path)
    with pytest.raises(ValueError, match="for a data folder omit `out`"):
        flatten(tmp_path, tmp_path / "out")
    put(tmp_path / "a.png")
    with pytest.raises(ValueError, match="a plain folder of pictures, expected a folder for the copies with `out`"):
        flatten(tmp_path)
    with pytest.raises(ValueError, match="`out` is the folder of the views itself"):
        flatten(tmp_path, tmp_path)
    assert main(["data", "flatten", str(tmp_path)]) == 2
    assert "expected a folder for the copies with --out" in capsys.readouterr().err
