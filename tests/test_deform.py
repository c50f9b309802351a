"""Deformed copies of meshes."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from trimesh.visual import ColorVisuals

from urform.cli import main
from urform.formats import load_mesh
from urform.synth import deform, save_deformed


def test_a_deformed_box_has_other_proportions_and_equal_sides() -> None:
    box = trimesh.creation.box((1, 2, 3)).subdivide().subdivide()
    moved = deform(box.vertices, np.random.default_rng(0))
    before, after = box.extents, np.ptp(moved, axis=0)
    assert (np.abs(np.log(after / before)) > 0.005).all()
    assert (np.abs(np.log(after / before)) < 0.7).all()
    # Left and right were alike: the mirror image of each vertex is a vertex.
    middle = (moved.max(axis=0) + moved.min(axis=0))[0] / 2
    mirrored = (moved - [middle, 0, 0]) * [-1, 1, 1] + [middle, 0, 0]
    distance = np.linalg.norm(mirrored[:, None] - moved[None], axis=2).min(axis=1)
    np.testing.assert_allclose(distance, 0, atol=1e-9)


def test_a_copy_is_a_solid_with_the_colors_of_its_mesh(tmp_path: Path) -> None:
    mesh = trimesh.creation.icosphere(subdivisions=3)
    mesh.visual = ColorVisuals(mesh, vertex_colors=[200, 10, 10, 255])
    mesh.export(tmp_path / "ball.ply")
    for mirrored in (False, True):
        save_deformed(tmp_path / "ball.ply", tmp_path / "out" / "model.glb", [1, 2], mirrored)
        copy = trimesh.load_mesh(tmp_path / "out" / "model.glb")
        assert copy.is_watertight
        assert copy.volume > 1
        np.testing.assert_allclose(
            load_mesh(tmp_path / "out" / "model.glb").corner_rgb[0, 0] * 255, [200, 10, 10], atol=2
        )


def test_equal_seeds_give_equal_copies(tmp_path: Path) -> None:
    trimesh.creation.box().export(tmp_path / "box.stl")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        save_deformed(tmp_path / "box.stl", tmp_path / name / "model.glb", [seed])
    contents = [(tmp_path / name / "model.glb").read_bytes() for name in "abc"]
    assert contents[0] == contents[1] != contents[2]


def test_the_command_keeps_test_objects_apart_and_counts_bad_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    meshes, out = tmp_path / "meshes", tmp_path / "out"
    meshes.mkdir()
    for name in ("one", "two", "test"):
        trimesh.creation.box().export(meshes / f"{name}.ply")
    (meshes / "broken.ply").write_text("no mesh")
    (tmp_path / "held_out.txt").write_text("# kept apart\ntest\n")
    words = ["deform", str(meshes), "--out", str(out), "--copies", "2", "--hold-out", str(tmp_path / "held_out.txt")]
    assert main(words) == 1
    told = capsys.readouterr()
    assert "2 copies of 2 meshes" in told.out
    assert "1 skipped" in told.out
    assert "urform: broken skipped: " in told.err
    assert sorted(path.name for path in out.iterdir()) == ["one_0_0", "one_0_1", "two_0_0", "two_0_1"]


def test_meshes_of_one_name_have_no_common_copies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trimesh.creation.box().export(tmp_path / "box.ply")
    (tmp_path / "list.csv").write_text("path,category,instance\nbox.ply,mug,a\nbox.ply,cup,a\n")
    assert main(["deform", str(tmp_path / "list.csv"), "--out", str(tmp_path / "out")]) == 2
    assert "two meshes would have copies called a" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_copies_do_not_go_among_the_meshes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trimesh.creation.box().export(tmp_path / "box.ply")
    assert main(["deform", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "give another folder" in capsys.readouterr().err
