"""A second `prepare` into the same data folder."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import trimesh

from urform.cli import main
from urform.config import PrepareConfig
from urform.data import DataFolder, ShapeKey, read_split
from urform.prepare import ShapeReport, prepare
from urform.prepare._store import LocalStore

SMALL = PrepareConfig(samples=500, surface_points=50, easy_views=1, hard_views=0, view_size=32, test_fraction=0)


def make(folder: Path, **widths: float) -> Path:
    folder.mkdir(exist_ok=True)
    for name, width in widths.items():
        trimesh.creation.box((width, 1, 1)).export(folder / f"{name}.obj")
    return folder


def again(meshes: Path, out: Path, config: PrepareConfig = SMALL) -> dict[str, ShapeReport]:
    return {report.instance: report for report in prepare(meshes, out, config, workers=1, time_limit_s=0)}


def width(out: Path, name: str) -> float:
    points = DataFolder(out).surface(ShapeKey("shapes", "object", name))
    return float(abs(points[:, 0]).max() * 2)


def names(out: Path) -> list[str]:
    return [key.instance for key in read_split(out / "splits" / "shapes_object_train.json")]


def test_shapes_of_earlier_runs_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "out"
    again(make(tmp_path / "a", one=1, two=2), out)
    assert again(make(tmp_path / "b", three=3), out).keys() == {"three"}
    assert names(out) == ["one", "three", "two"]
    assert "2 shapes of earlier runs stay" in caplog.text
    table = (out / "Reports/shapes/object/report.csv").read_text().splitlines()
    assert [line.split(",")[2] for line in table[1:]] == ["one", "three", "two"]
    assert not (out / ".lock").exists()


def test_a_changed_mesh_is_prepared_again_and_another_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    again(make(tmp_path / "a", one=1, two=2), out)
    unchanged = DataFolder(out).sdf_path(ShapeKey("shapes", "object", "two")).stat().st_mtime_ns
    monkeypatch.chdir(tmp_path)
    again(make(Path("a"), one=3), out)  # the same place under another path
    assert width(out, "one") == pytest.approx(3)
    assert DataFolder(out).sdf_path(ShapeKey("shapes", "object", "two")).stat().st_mtime_ns == unchanged
    flags = "--samples 500 --surface-points 50 --easy-views 1 --hard-views 0 --view-size 32 --test-fraction 0"
    assert main(["prepare", str(make(tmp_path / "b", one=4)), "--out", str(out), *flags.split()]) == 2
    said = capsys.readouterr().err
    assert f"shapes/object/one is there from {Path('a/one.obj')}, which is not the mesh in" in said
    assert width(out, "one") == pytest.approx(3)
    moved = (tmp_path / "a").rename(tmp_path / "c")
    assert again(moved, out)["one"].outcome == "done"  # the same meshes elsewhere
    (out / "Reports/shapes/object/one.json").write_text('{"dataset": 3}')
    assert again(moved, out)["one"].outcome == "done"


def test_a_changed_texture_or_keypoint_is_noticed(tmp_path: Path) -> None:
    folder, out = make(tmp_path / "a"), tmp_path / "out"
    obj = trimesh.creation.box().export(file_type="obj")
    (folder / "model.obj").write_text(f"mtllib m.mtl\nusemtl red\n{obj}")
    (folder / "m.mtl").write_text("newmtl red\nKd 1 0 0\nmap_Kd t.png\n")
    seen = set()
    for name, content in (("m.mtl", "newmtl red\nKd 0 1 0\nmap_Kd t.png\n"), ("t.png", "?"), ("shape.json", "{")):
        seen.add(again(folder, out)["model"].content)
        (folder / name).write_text(content)
    (folder / "shape.json").unlink()
    assert len(seen) == 3
    assert "" not in seen


def test_two_datasets_do_not_share_views(tmp_path: Path) -> None:
    out = tmp_path / "out"
    again(make(tmp_path / "a", one=1), out)
    with pytest.raises(ValueError, match="more/object/one and shapes/object/one would share the views in object/one"):
        prepare(make(tmp_path / "b", one=1), out, PrepareConfig(dataset="more"), workers=1, time_limit_s=0)
    (tmp_path / "list.csv").write_text("path,instance,dataset\na/one.obj,x,d\nb/one.obj,X,e\n")
    with pytest.raises(ValueError, match="d/object/x and e/object/X would share the views"):
        again(tmp_path / "list.csv", tmp_path / "new")


def test_only_one_run_works_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meshes, out = make(tmp_path / "a", one=1), tmp_path / "out"
    take = (
        "import os, pathlib\nfrom urform.prepare._store import LocalStore\n"
        f"lock = LocalStore(pathlib.Path({str(out)!r}))"
    )
    with LocalStore(out).lock():
        assert main(["prepare", str(meshes), "--out", str(out)]) == 2
        assert capsys.readouterr().err == f"urform: {out}: another `urform prepare` works in it; wait for its end\n"
    subprocess.run([sys.executable, "-c", f"{take}.lock()\nlock.__enter__()\nos.kill(os.getpid(), 9)"], check=False)
    assert (out / ".lock").exists()  # of a process that died
    assert again(meshes, out)["one"].outcome == "done"


@pytest.mark.parametrize("name", ["..", "a/b", "a\\b", "", "x\0", "x\ny", "n" * 300])
def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="category must be a name without slashes"):
        PrepareConfig(category=name)
    (tmp_path / "split.json").write_text(json.dumps({"d": {"c": [name]}}))
    with pytest.raises(ValueError, match="is no name of a shape"):
        read_split(tmp_path / "split.json")


def test_inputs_in_the_data_folder_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    meshes = make(tmp_path / "a", one=1)
    again(meshes, out)
    with pytest.raises(ValueError, match=r"one.ply: belongs to the data folder .* itself"):
        again(out / "SurfaceSamples/shapes/object", out)
    (out / "splits/shapes_object_test.json").write_text('{"shapes": {"object": ["one"]}}')
    with pytest.raises(ValueError, match=r"shapes_object_test.json: is an input and would be overwritten"):
        prepare(meshes, out, SMALL, out / "splits/shapes_object_test.json", workers=1, time_limit_s=0)
    for name, value in {"workers": -1, "memory_gb": float("nan")}.items():
        with pytest.raises(ValueError, match=f"{name} must be 0 or more"):
            prepare(meshes, out, SMALL, **{name: value})


def files_of(out: Path) -> dict[str, bytes]:
    """All files but the pages, whose seconds differ."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.parts[-1] not in ("report.csv", "report.html", "one.json")
    }


def test_what_is_cut_off_or_gone_is_made_again_or_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    meshes, out = make(tmp_path / "a", one=1), tmp_path / "out"
    (meshes / "shape.json").write_text('{"keypoints": {"corner": [0.5, 0.5, 0.5]}}')
    again(meshes, out)
    whole, report = files_of(out), json.loads((out / "Reports/shapes/object/one.json").read_text())
    assert len(whole) == 11
    for name, content in whole.items():
        for left in (content[: len(content) // 2], b"", None):
            if left is None:
                (out / name).unlink()
            else:
                (out / name).write_bytes(left)
            caplog.clear()
            if name == ".datasources.json" and left:
                with pytest.raises(ValueError, match=r".datasources.json: not a JSON object, .* remove it"):
                    again(meshes, out)
                (out / name).unlink()
            again(meshes, out)
            is_optional = left is None and name.startswith(("Keypoints", "Reports"))
            assert files_of(out) == {key: value for key, value in whole.items() if key != name or not is_optional}, name
            (out / name).write_bytes(content)
            if not is_optional and not name.startswith(".") and (left is not None or "splits" not in name):
                assert name.rpartition("/")[2] in caplog.text
    (out / "Reports/shapes/object/one.json").write_text("{")
    again(make(tmp_path / "b", two=2), out)
    assert "Reports/shapes/object/one.json: damaged, so splits and reports lack the shape" in caplog.text
    again(meshes, out)
    assert names(out) == ["one", "two"]
    assert json.loads((out / "Reports/shapes/object/one.json").read_text()).keys() == report.keys()


def test_what_no_run_wrote_is_not_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    meshes = make(tmp_path / "a", one=1)
    for place in (
        "SdfSamples/shapes/object/one.npz",
        "SurfaceSamples/shapes/object/one/one.ply",
        "NormalizationParameters/shapes/object/one.npz",
        "object/one/easy/image/00.png",
        "splits/shapes_object_train.json",
    ):
        file = tmp_path / place.partition("/")[0] / place
        file.parent.mkdir(parents=True)
        file.write_text("published")
        out = tmp_path / place.partition("/")[0]
        with pytest.raises(ValueError, match="would be replaced, and no `urform prepare` wrote it"):
            again(meshes, out)
        assert file.read_text() == "published"
        assert len(list(out.iterdir())) == 1
    out = tmp_path / "SdfSamples"
    again(meshes, out, replace(SMALL, only="views"))  # beside samples of others
    assert (out / "SdfSamples/shapes/object/one.npz").read_text() == "published"
    with pytest.raises(ValueError, match="would be replaced"):
        again(meshes, out, replace(SMALL, only="samples"))
    (out / "splits/shapes_object_train.json").write_text('{"shapes": {"object": ["mine"]}}')
    again(meshes, out, replace(SMALL, only="views"))
    assert "shapes_object_train.json: was not as earlier runs left it, and is replaced" in caplog.text
