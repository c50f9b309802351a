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
from urform.data import prepare

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
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.add_node(num_cpus=1)
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
