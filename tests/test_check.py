import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from urform.cli import main
from urform.data import DataFolder, ShapeKey, write_split
from urform.files import encode_png
from urform.prepare import CheckResult, check, format_check

GOOD = np.array([[0.5, 0, 0, 0.1], [0, 0.9, 0, 0.2]], np.float32)
INSIDE = np.array([[0.1, 0, 0, -0.1]], np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four shapes with two views a level."""
    root = tmp_path / "data"
    data = DataFolder(root)
    picture = np.zeros((32, 32, 4), np.uint8)
    picture[8:24, 8:24] = (200, 0, 0, 255)
    for name in ("a", "b", "c", "dé"):
        key = ShapeKey("d", "chair", name)
        put_sdf(data, key, GOOD, INSIDE)
        for path in (data.normalisation_path(key), data.surface_path(key)):
            path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(data.normalisation_path(key), offset=np.zeros(3), scale=np.array(0.5))
        header = "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\n"
        data.surface_path(key).write_text(header + "end_header\n1 0 0\n0 1 1\n")
        for level in ("easy", "hard"):
            images, flat = data.views_path(key, level), data.views_path(key, level, "image_rgb")
            images.mkdir(parents=True)
            flat.mkdir()
            (images / "rendering_metadata.txt").write_text("[1],\n[2],\n")
            for index in range(2):
                (images / f"{index:02d}.png").write_bytes(encode_png(picture))
                (flat / f"{index:02d}.png").write_bytes(encode_png(picture[..., :3]))
    return root


def put_sdf(data: DataFolder, key: ShapeKey, pos: np.ndarray, neg: np.ndarray) -> Path:
    path = data.sdf_path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, pos=pos, neg=neg)
    return path


def problems(root: Path, full: bool = False) -> dict[str, int]:
    return {problem.kind: problem.count for problem in check(DataFolder(root), full, workers=1).problems}


def test_a_sound_folder(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = [ShapeKey("d", "chair", name) for name in ("a", "b", "c", "dé")]
    write_split(folder / "splits" / "x_train.json", keys[:3])
    write_split(folder / "splits" / "x_test.json", keys[3:])
    write_split(folder / "splits" / "empty_test.json", [])
    assert main(["data", "check", str(folder), "--out", str(tmp_path / "o"), "--json", str(tmp_path / "r.json")]) == 0
    printed = capsys.readouterr().out
    assert "4: 4 d/chair" in printed
    assert "nothing is missing or damaged" in printed
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["views"] == {"easy": 8, "hard": 8}
    assert result["samples"]["median"] == 3
    assert result["inside_fraction"]["most"] == pytest.approx(1 / 3)
    assert result["picture_sizes"] == {"32 x 32": 32}
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.parent.name != "splits")
    assert sum(result["disk_bytes"].values()) == total
    sheet = cv2.imread(str(tmp_path / "o" / "contact_sheet.png"))
    assert sheet is not None
    assert sheet.shape == (96 + 26, 4 * 96, 3)
    assert sheet[48, 48].tolist() == [0, 0, 200]
    assert all((sheet[96:, left : left + 96] < 128).any() for left in range(0, 4 * 96, 96))


def test_what_some_have_and_others_lack_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = DataFolder(folder)
    a, b, c = (ShapeKey("d", "chair", name) for name in "abc")
    data.sdf_path(a).unlink()
    data.surface_path(b).unlink()
    shutil.rmtree(data.views_path(c, "hard", "image_rgb"))
    (data.views_path(c, "easy") / "rendering_metadata.txt").unlink()
    shutil.copytree(data.views_path(c, "easy"), folder / "sofa" / "only" / "easy" / "image")
    result = check(data, workers=1)
    assert result.categories == {"d/chair": 4, "unknown/sofa": 1}
    assert {problem.kind: problem.first for problem in result.problems} == {
        "missing: SDF samples": ("d/chair/a",),
        "missing: surface samples": ("d/chair/b",),
        "missing: hard/image_rgb": ("d/chair/c",),
        "missing: easy/image/rendering_metadata.txt": ("d/chair/c",),
    }
    assert main(["data", "check", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert "1 x missing: SDF samples\n    d/chair/a" in printed
    assert "see the problems above" in printed


@pytest.mark.parametrize(
    ("pos", "neg", "kind"),
    [
        (GOOD[:, :3], INSIDE, "pos has shape (2, 3), expected (N, 4)"),
        (GOOD.astype(np.float64), INSIDE, "pos has type float64, expected float32"),
        (GOOD[:0], INSIDE, "no samples outside"),
        (GOOD, INSIDE[:0], "no samples inside"),
        (GOOD + np.array([[np.nan, 0, 0, 0], [0, 0, 0, 0]], np.float32), INSIDE, "NaN or infinite samples"),
        (GOOD * np.float32(-1), INSIDE, "wrong sign in pos, expected sdf > 0"),
        (GOOD, -INSIDE, "wrong sign in neg, expected sdf <= 0"),
        (GOOD * np.float32(10), INSIDE, "points farther than 2.5 from the middle, expected normalised space"),
        (
            GOOD * np.array([1, 1, 1, 20], np.float32),
            INSIDE,
            "distances larger than the unit ball allows, expected normalised space",
        ),
    ],
)
def test_damaged_samples(folder: Path, pos: np.ndarray, neg: np.ndarray, kind: str) -> None:
    put_sdf(DataFolder(folder), ShapeKey("d", "chair", "b"), pos, neg)
    assert problems(folder) == {f"damaged: SDF samples: {kind}": 1}


def test_both_placings_and_cut_files(folder: Path) -> None:
    data = DataFolder(folder)
    a, b, c = (ShapeKey("d", "chair", name) for name in "abc")
    flat = data.sdf_path(a)
    (flat.parent / "a").mkdir()
    flat.rename(flat.parent / "a" / "a.npz")
    assert problems(folder) == {}
    data.sdf_path(b).write_bytes(data.sdf_path(b).read_bytes()[:100])
    np.savez(data.sdf_path(c), wrong=GOOD)
    data.normalisation_path(a).write_bytes(b"")
    data.surface_path(b).write_text("ply\nnonsense\n")
    np.savez(data.normalisation_path(c), offset=np.ones(3), scale=np.array(1.0))
    assert problems(folder) == {
        "damaged: SDF samples cannot be read, expected an npz file with pos and neg": 2,
        "damaged: normalisation cannot be read, expected an npz file with offset and scale": 1,
        "damaged: surface samples cannot be read, expected a PLY file of points": 1,
        "damaged: surface samples do not fit the normalisation, expected the unit ball": 1,
    }


def test_damaged_views(folder: Path) -> None:
    views = DataFolder(folder).views_path(ShapeKey("d", "chair", "a"), "easy")
    good = (views / "00.png").read_bytes()
    (views / "00.png").write_bytes(good[:-20])
    (views / "01.png").write_bytes(encode_png(np.zeros((32, 32, 4), np.uint8)))
    (views.with_name("image_rgb") / "00.png").write_bytes(encode_png(np.zeros((16, 32, 3), np.uint8)))
    (views.with_name("image_rgb") / "01.png").write_bytes(good)
    (views / "rendering_metadata.txt").write_text("[1],\n")
    assert problems(folder) == {
        "damaged: views (image): cannot be read, expected a PNG file": 1,
        "damaged: views (image): empty, expected an object": 1,
        "damaged: views (image_rgb): not RGB with 8 bits a channel": 1,
        "damaged: views: another number than lines of rendering_metadata.txt": 1,
        "damaged: views of 16 x 32 pixels, expected 32 x 32 as most have": 1,
    }


def test_only_full_decodes_every_view(folder: Path) -> None:
    views = DataFolder(folder).views_path(ShapeKey("d", "chair", "a"), "hard")
    for index in range(2, 9):
        shutil.copy(views / "00.png", views / f"{index:02d}.png")
    (views / "rendering_metadata.txt").write_text("[1],\n" * 9)
    (views / "02.png").write_bytes(b"")
    assert problems(folder) == {}
    assert problems(folder, full=True) == {"damaged: views (image): cannot be read, expected a PNG file": 1}


def test_split_files(folder: Path) -> None:
    a, b = ShapeKey("d", "chair", "a"), ShapeKey("d", "chair", "b")
    write_split(folder / "splits" / "x_train.json", [a, b])
    write_split(folder / "splits" / "x_test.json", [b, ShapeKey("d", "chair", "nobody")])
    (folder / "splits" / "y.json").write_text("[1]")
    assert problems(folder) == {
        "split: cannot be read, expected a split file": 1,
        "split: the same shape in x_train.json and x_test.json": 1,
        "split: x_test.json names shapes without SDF samples": 1,
    }


def test_many_names_are_counted(folder: Path) -> None:
    for index in range(30):
        put_sdf(DataFolder(folder), ShapeKey("d", "table", f"t{index:02d}"), GOOD, -INSIDE)
    result = check(DataFolder(folder), workers=2)
    (problem,) = result.problems
    assert (problem.count, problem.first[0], len(problem.first)) == (30, str(folder / "SdfSamples/d/table/t00.npz"), 10)
    assert f"{problem.first[-1]}, ..." in format_check(result)
    assert isinstance(result, CheckResult)
    assert result.shapes == 34


def test_messages(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such data folder; `urform prepare` makes it"):
        check(DataFolder(tmp_path / "none"))
    with pytest.raises(ValueError, match="no shape in it, expected SdfSamples or views"):
        check(DataFolder(tmp_path))
