"""Data prepared elsewhere: on a Ray cluster, and behind URLs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trimesh

from tests.test_prepare import tree, without_seconds
from urform.cli import main
from urform.config import PrepareConfig
from urform.prepare import prepare
from urform.prepare._cluster import run_on_cluster
from urform.sources import find_sources

SMALL = PrepareConfig(samples=1000, surface_points=500, easy_views=1, hard_views=1, view_size=32, test_fraction=0.3)
FLAGS = [
    *("--samples", "1000", "--surface-points", "500", "--easy-views", "1", "--hard-views", "1", "--view-size", "32"),
    *("--test-fraction", "0.3"),
]


@pytest.fixture(scope="module")
def textured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as users have them: an OBJ with material and texture in ShapeNet's placing, a GLB, a broken file."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("textured")
    shape = folder / "02691156" / "abc" / "models"
    shape.mkdir(parents=True)
    (shape.parent / "images").mkdir()
    Image.new("RGB", (4, 4), (200, 30, 30)).save(shape.parent / "images" / "red paint.png")
    box = trimesh.creation.box()
    uv = "".join(f"vt {x} {y}\n" for x, y in ((0, 0), (1, 0), (1, 1)))
    faces = "".join(f"f {a + 1}/1 {b + 1}/2 {c + 1}/3\n" for a, b, c in box.faces)
    vertices = "".join(f"v {x} {y} {z}\n" for x, y, z in box.vertices)
    (shape / "model_normalized.obj").write_text(f"mtllib model.mtl\n{vertices}{uv}usemtl red\n{faces}")
    (shape / "model.mtl").write_text("newmtl red\nKd 1 1 1\nmap_Kd ../images/red paint.png\n")
    (folder / "more").mkdir()
    trimesh.creation.cylinder(0.4, 1.0).export(folder / "more" / "tin.glb")
    (folder / "more" / "broken.ply").write_text("ply of sorts")
    (folder / "more" / "old.fbx").write_text("?")
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A cluster of two nodes of one core."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'urform[cluster]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports] (the extra `cluster`)

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.add_node(num_cpus=1)
    assert nodes.address is not None
    yield nodes.address
    nodes.shutdown()


def test_a_cluster_makes_the_same_bytes(meshes: Path, cluster: str, tmp_path: Path) -> None:
    prepare(meshes, tmp_path / "local", SMALL, workers=1, time_limit_s=0)
    command = [sys.executable, "-m", "urform", "prepare", str(meshes), "--out", str(tmp_path / "far")]
    done = subprocess.run([*command, *FLAGS, "--cluster", cluster], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert without_seconds(tmp_path / "far") == without_seconds(tmp_path / "local")


def test_urls_make_the_same_bytes(textured: Path, tmp_path: Path) -> None:
    local = {report.instance: report for report in prepare(textured, tmp_path / "local", SMALL, workers=1)}
    url = (tmp_path / "far").as_uri()
    assert main(["prepare", textured.as_uri(), "--out", url, *FLAGS]) == 0
    assert without_seconds(tmp_path / "far").keys() == without_seconds(tmp_path / "local").keys()
    made, expected = tree(tmp_path / "far"), tree(tmp_path / "local")
    assert made.pop(".datasources.json") != expected.pop(".datasources.json")
    assert made == expected
    assert {name: report.outcome for name, report in local.items()} == {
        "abc": "done",
        "more__tin": "done",
        "more__broken": "skipped",
        "more__old.fbx": "skipped",
    }
    again = prepare(textured.as_uri(), url, SMALL, workers=1, time_limit_s=0)
    assert {report.instance: report.reason for report in again} == {
        name: report.reason.replace(str(textured), textured.as_uri()) for name, report in local.items()
    }


def upper(job: str) -> str:
    if job == "crash":
        os.abort()
    if job == "full":
        raise OSError(28, "No space left on device", job)
    return job.upper()


def test_a_crash_on_a_cluster_costs_one_job_and_a_full_disk_ends_the_run(cluster: str) -> None:
    outcomes = {job: (result, reason) for job, result, reason in run_on_cluster(upper, ["a", "crash", "b"], cluster)}
    assert outcomes["a"] == ("A", "")
    assert outcomes["b"] == ("B", "")
    assert outcomes["crash"][0] is None
    assert "died" in outcomes["crash"][1]
    with pytest.raises(OSError, match="No space left on device: 'full'"):
        list(run_on_cluster(upper, ["full"], cluster))


def test_lists_may_name_urls_and_lie_behind_one(textured: Path, tmp_path: Path) -> None:
    tin = textured / "more" / "tin.glb"
    (tmp_path / "list.csv").write_text(f"path,instance,split\n{tin.as_uri()},,test\nnone.obj,gone,\n")
    found = {source.key.instance: source for source in find_sources(tmp_path / "list.csv", None, None, tmp_path)}
    assert found["tin"].place == tin.as_uri()
    assert found["tin"].is_test
    assert found["gone"].problem == f"{tmp_path / 'none.obj'}: no such file, expected a mesh"
    far = find_sources((tmp_path / "list.csv").as_uri(), None, None, tmp_path)
    assert {source.key.instance: source.place for source in far} == {
        "tin": tin.as_uri(),
        "gone": (tmp_path / "none.obj").as_uri(),
    }
    reports = {report.instance: report for report in prepare((tmp_path / "list.csv").as_uri(), tmp_path / "out", SMALL)}
    assert reports["tin"].outcome == "done"
    assert reports["gone"].reason == f"{(tmp_path / 'none.obj').as_uri()}: no such file, expected a mesh"


def test_a_synset_behind_a_url(textured: Path, tmp_path: Path) -> None:
    one = find_sources((textured / "02691156").as_uri(), None, "plane", tmp_path)
    assert [str(source.key) for source in one] == ["ShapeNetV2/plane/abc"]
    assert [str(source.key) for source in find_sources(textured.as_uri(), "d", "02691156", tmp_path)] == [
        "d/02691156/abc"
    ]
    local = find_sources(textured, None, None, tmp_path)
    assert [source.key for source in find_sources(textured.as_uri(), None, None, tmp_path)] == [
        source.key for source in local
    ]


def test_messages(meshes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match=r"none: no such folder of meshes, or nothing in it"):
        prepare((tmp_path / "none").as_uri(), tmp_path / "out", SMALL)
    with pytest.raises(ValueError, match=r"bogus://x: Protocol not known: bogus, expected a URL that fsspec knows"):
        prepare(meshes, "bogus://x", SMALL)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ValueError, match=r"s3://bucket/x: needs s3fs; install it beside urform"):
        prepare(meshes, "s3://bucket/x", SMALL)
    with pytest.raises(ValueError, match=r"is unpacked into the data folder, which must be a path for it"):
        prepare(tmp_path / "x.sh3f", (tmp_path / "out").as_uri(), SMALL)
    with pytest.raises(ValueError, match=r"furniture libraries are read from the disk, fetch it with"):
        prepare("file:///x.sh3f", tmp_path / "out", SMALL)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"`cluster` needs Ray: pip install 'urform\[cluster\]'"):
        prepare(meshes, tmp_path / "out", SMALL, cluster="auto")


def test_no_cluster_at_the_address_is_one_line(meshes: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'urform[cluster]'")
    assert main(["prepare", str(meshes), "--out", str(tmp_path / "out"), "--cluster", "127.0.0.1:1"]) == 2
    assert "--cluster 127.0.0.1:1: no Ray cluster answers there" in capsys.readouterr().err.splitlines()[-1]
