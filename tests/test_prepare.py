import errno
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh

from tests.conftest import TINY
from tests.meshes import exported
from urform.cli import main
from urform.config import PrepareConfig
from urform.data import DataFolder, ShapeKey, read_split, write_split
from urform.files import read_rgba
from urform.prepare import prepare, summarise
from urform.prepare._views import view_level
from urform.render import LEVELS

BOX = ShapeKey("tiny", "solid", "box0")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"Reports", ".framed"} & set(path.parts)
    }


def test_the_published_layout_is_written(data: Path) -> None:
    for path in (
        "SdfSamples/tiny/solid/box0.npz",
        "SurfaceSamples/tiny/solid/box0.ply",
        "NormalizationParameters/tiny/solid/box0.npz",
        "solid/box0/easy/image/00.png",
        "solid/box0/easy/image/rendering_metadata.txt",
        "solid/box0/hard/image_rgb/01.png",
        "solid/box0/hard/albedo/01.png",
        "solid/lamp/easy/image/00.png",
        "Reports/tiny/solid/report.csv",
        "Reports/tiny/solid/report.html",
        "Reports/tiny/solid/box0.png",
    ):
        assert (data / path).is_file(), path
    assert json.loads((data / ".datasources.json").read_text()).keys() == {"tiny"}
    assert len((data / "solid/box0/easy/image/rendering_metadata.txt").read_text().splitlines()) == 2


def test_what_is_written_is_true(data: Path) -> None:
    folder = DataFolder(data)
    samples = folder.sdf_samples(BOX)
    normalisation = folder.normalisation(BOX)
    assert len(samples.pos) + len(samples.neg) == 2000
    half = np.array([0.5, 0.25, 0.5]) * normalisation.scale
    assert (np.abs(samples.neg[:, :3]) <= half + 1e-5).all()
    surface = folder.surface(BOX)
    np.testing.assert_allclose((np.abs(surface) / [0.5, 0.25, 0.5]).max(axis=1), 1, atol=1e-5)
    rgba = read_rgba(folder.view_files(BOX)[0])
    assert rgba.shape == (64, 64, 4)
    assert 100 < (rgba[..., 3] > 127).sum() < 3000


def test_test_shapes_get_the_test_recipe(data: Path) -> None:
    folder = DataFolder(data)
    test = read_split(data / "splits" / "tiny_solid_test.json")
    train = read_split(data / "splits" / "tiny_solid_train.json")
    assert {key.instance for key in test} == {"ball", "box3"}
    assert {key.instance for key in train} == {"box0", "box1", "box2", "lamp"}
    samples = folder.sdf_samples(test[0])
    assert len(samples.pos) + len(samples.neg) == 1000


def test_both_placings_of_samples_are_read(data: Path, tmp_path: Path) -> None:
    nested = tmp_path / "SdfSamples" / "tiny" / "solid" / "box0" / "box0.npz"
    nested.parent.mkdir(parents=True)
    shutil.copy(DataFolder(data).sdf_path(BOX), nested)
    assert len(DataFolder(tmp_path).sdf_samples(BOX).pos)


def test_restart_and_parallel_give_the_same_folder(meshes: Path, data: Path, tmp_path: Path) -> None:
    hold_out = tmp_path / "held_out.txt"
    hold_out.write_text("ball\nbox3\n")
    out = tmp_path / "data"
    prepare(meshes, out, TINY, hold_out, workers=2)
    expected = tree(data)
    del expected["held_out.txt"]
    assert tree(out) == expected
    folder = DataFolder(out)
    before = folder.sdf_path(BOX).stat().st_mtime_ns
    lost = ShapeKey("tiny", "solid", "box1")
    folder.report_path(lost).write_text("{")  # as if killed before this mesh was done
    folder.sdf_path(lost).unlink()
    prepare(meshes, out, TINY, hold_out, workers=1, time_limit_s=0)
    assert folder.sdf_path(BOX).stat().st_mtime_ns == before
    assert tree(out) == expected


def without_seconds(folder: Path) -> dict[str, object]:
    """All files of a data folder; of reports all but the time that they took."""
    content: dict[str, object] = dict(tree(folder))
    for path in (folder / "Reports").rglob("*"):
        if path.suffix == ".json":
            content[str(path)[len(str(folder)) :]] = {**json.loads(path.read_text()), "elapsed_s": 0}
        elif path.suffix == ".png":
            content[str(path)[len(str(folder)) :]] = path.read_bytes()
    return content


def test_a_run_killed_again_and_again_ends_as_one_that_was_not(meshes: Path, tmp_path: Path) -> None:
    flags = "--samples 200000 --easy-views 4 --hard-views 4 --view-size 128 --test-fraction 0.3 --workers 2"

    def start(out: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "urform", "prepare", str(meshes), "--out", str(tmp_path / out), *flags.split()]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert start("whole").wait(300) == 0
    delays = np.random.default_rng(0).uniform(0, 0.6, 10)
    made = []
    for delay in delays:
        run = start("killed")
        deadline = time.monotonic() + 60
        while not list((tmp_path / "killed").glob(".staging/*")) and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)  # killed while it works, not while it starts
        time.sleep(delay)
        run.kill()
        run.wait()
        made.append(len(list((tmp_path / "killed").glob("Reports/*/*/*.json"))))
    assert made[0] < 6
    assert start("killed").wait(300) == 0
    assert without_seconds(tmp_path / "killed") == without_seconds(tmp_path / "whole")


def test_an_unwritable_data_folder_is_one_line(meshes: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    out = tmp_path / "data" if os.geteuid() else Path("/sys/urform")  # root may write everywhere but there
    assert main(["prepare", str(meshes), "--out", str(out), "--samples", "1000"]) == 2
    assert re.fullmatch(r"urform: .*(Permission denied|Operation not permitted).*\n", capsys.readouterr().err)


def test_depth_normals_and_thickened_sheets_on_request(tmp_path: Path) -> None:
    folder = tmp_path / "meshes"
    folder.mkdir()
    box = trimesh.creation.box()
    lidless = trimesh.Trimesh(box.vertices, box.faces[box.face_normals[:, 1] < 0.5], process=False)
    plate = trimesh.Trimesh([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]], [[0, 1, 2], [0, 2, 3]], process=False)
    lidless.export(folder / "lidless.obj")
    plate.export(folder / "plate.obj")
    small = PrepareConfig(samples=4000, surface_points=3000, easy_views=1, hard_views=0, test_fraction=0)
    config = replace(small, depth=True, normals=True, thicken=0.05)
    reports = prepare(folder, tmp_path / "data", config, workers=1, time_limit_s=0)
    assert [report.outcome for report in reports] == ["done", "done"]
    for report in reports:
        assert report.lost < 0.05
        assert "given a thickness of 0.05" in report.repaired
        assert report.inside_fraction > 0.02
    views = DataFolder(tmp_path / "data").views_path(reports[1].key, "easy", "depth").parent
    depth = cv2.imread(str(views / "depth" / "00.png"), cv2.IMREAD_UNCHANGED)
    alpha = read_rgba(views / "image" / "00.png")[..., 3]
    assert depth is not None
    assert depth.dtype == np.uint16
    np.testing.assert_array_equal(depth > 0, alpha > 0)
    assert 10_000 * (1.75 * 0.65 - 0.5) < depth[depth > 0].min() < depth.max() < 10_000 * (1.75 + 0.5)
    normals = read_rgba(views / "normals" / "00.png")
    coded = normals[normals[..., 3] > 0][:, :3] / 127.5 - 1
    np.testing.assert_allclose(np.linalg.norm(coded, axis=1), 1, atol=0.02)
    assert coded[:, 1].min() > 0.85  # a level plate seen from 20 to 30 degrees above


def test_solids_grow_on_request_and_the_surface_stays(tmp_path: Path) -> None:
    folder = tmp_path / "meshes"
    folder.mkdir()
    trimesh.creation.box((1, 0.02, 1)).export(folder / "board.obj")
    small: dict[str, Any] = {
        "samples": 4000,
        "surface_points": 3000,
        "easy_views": 1,
        "hard_views": 0,
        "test_fraction": 0,
    }
    read = {}
    for grow in (0.0, 0.01):
        data = DataFolder(tmp_path / f"data_{grow}")
        (report,) = prepare(folder, data.root, PrepareConfig(**small, grow=grow), workers=1, time_limit_s=0)
        with np.load(data.sdf_path(report.key)) as samples:
            read[grow] = np.concatenate([samples["pos"], samples["neg"]]), data.surface_path(report.key).read_bytes()
    by_place = [rows[np.lexsort(rows[:, :3].T)] for rows, _ in read.values()]
    np.testing.assert_array_equal(by_place[0][:, :3], by_place[1][:, :3])
    np.testing.assert_allclose(by_place[1][:, 3], by_place[0][:, 3] - 0.01, atol=1e-6)
    assert read[0.0][1] == read[0.01][1]


def test_a_full_disk_ends_the_run_and_leaves_nothing_half_written(
    meshes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, room = Path.write_bytes, 150_000

    def limited(path: Path, content: bytes) -> int:
        nonlocal room
        room -= len(content)
        if room < 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", limited)
    with pytest.raises(OSError, match="No space left on device"):
        prepare(meshes, tmp_path / "data", TINY, workers=1, time_limit_s=0)
    monkeypatch.undo()
    made = list((tmp_path / "data").glob("Reports/*/*/*.json"))
    assert 1 <= len(made) < 6
    assert len(list((tmp_path / "data").glob("SdfSamples/*/*/*.npz"))) == len(made)
    assert not list((tmp_path / "data").glob(".staging/*"))


def test_other_settings_prepare_again(meshes: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    shutil.copytree(data, out)
    config = PrepareConfig(
        dataset="tiny", category="solid", samples=1000, surface_points=50, easy_views=1, hard_views=0
    )
    prepare(meshes, out, config, workers=1, time_limit_s=0)
    samples = DataFolder(out).sdf_samples(BOX)
    assert len(samples.pos) + len(samples.neg) in (500, 1000)


def test_bad_meshes_are_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "meshes"
    folder.mkdir()
    trimesh.creation.box().export(folder / "good.obj")
    (folder / "empty.obj").write_text("")
    (folder / "nan.obj").write_text("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (folder / "flat.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (folder / "truncated.glb").write_bytes(exported(trimesh.creation.box(), "glb")[:200])
    config = PrepareConfig(samples=500, surface_points=50, easy_views=1, hard_views=0, view_size=32, test_fraction=0)
    reports = {
        report.instance: report for report in prepare(folder, tmp_path / "out", config, workers=1, time_limit_s=0)
    }
    assert reports["good"].outcome == "done"
    assert "the file is empty" in reports["empty"].reason
    assert "NaN" in reports["nan"].reason
    assert "inside" in reports["flat"].reason
    assert "cannot be read as a mesh" in reports["truncated"].reason
    assert summarise(list(reports.values())).startswith("1 done (train), 1 quarantined (train), 3 skipped (train)")
    split = read_split(tmp_path / "out" / "splits" / "shapes_object_train.json")
    assert [key.instance for key in split] == ["good"]


def test_messages(tmp_path: Path, meshes: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder of meshes"):
        prepare(tmp_path / "none", tmp_path / "out", TINY)
    with pytest.raises(ValueError, match="no mesh in it"):
        prepare(tmp_path, tmp_path / "out", TINY)
    (tmp_path / "list.txt").write_text("ball\nnobody\n")
    with pytest.raises(ValueError, match="names 1 instances that are not among the shapes, first: nobody"):
        prepare(meshes, tmp_path / "out", TINY, tmp_path / "list.txt")
    with pytest.raises(ValueError, match="samples must be at least 100, got 3"):
        PrepareConfig(samples=3)
    (tmp_path / "split.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match="not a split file"):
        read_split(tmp_path / "split.json")
    write_split(tmp_path / "none.json", [])
    with pytest.raises(ValueError, match="the split names no instance"):
        read_split(tmp_path / "none.json")
    with pytest.raises(FileNotFoundError, match="no SDF samples of tiny/solid/box0; `urform prepare` makes them"):
        DataFolder(tmp_path).sdf_samples(BOX)


def test_the_published_cameras_are_the_default() -> None:
    assert {name: view_level(PrepareConfig(), name)[0] for name in LEVELS} == LEVELS
    with pytest.raises(ValueError, match=r"hard_elevation_deg must be two angles of -89 to 89, in order, got"):
        PrepareConfig(hard_elevation_deg=(5, 1))
    with pytest.raises(ValueError, match=r"easy_distance must be two numbers of at least 0.3, in order"):
        PrepareConfig(easy_distance=(0.1, 1))
