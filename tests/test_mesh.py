from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual import ColorVisuals

from urform.formats import load_mesh
from urform.geometry import Normalisation, TexturedMesh, clean, is_watertight


def test_normalisation_fits_the_unit_ball_and_back() -> None:
    vertices = np.random.default_rng(0).normal(3, 5, (50, 3))
    normalisation = Normalisation.of(vertices)
    moved = normalisation.apply(vertices)
    assert np.linalg.norm(moved, axis=1).max() == pytest.approx(1 / 1.03)
    np.testing.assert_allclose((moved.min(axis=0) + moved.max(axis=0)) / 2, 0, atol=1e-12)
    np.testing.assert_allclose(normalisation.undo(moved), vertices)


def test_clean_merges_vertices_and_drops_bad_faces() -> None:
    box = trimesh.creation.box()
    soup = box.vertices[box.faces].reshape(-1, 3)
    faces = np.arange(len(soup)).reshape(-1, 3)
    extra = np.concatenate([faces, faces[:2], faces[:1, ::-1], [[0, 0, 1]]])
    vertices, cleaned, repairs = clean(soup, extra)
    assert (len(vertices), len(cleaned)) == (8, 12)
    assert is_watertight(cleaned)
    assert repairs == ("1 degenerate faces dropped", "3 duplicate faces dropped")
    assert not is_watertight(cleaned[1:])


@pytest.mark.parametrize("suffix", ["obj", "glb", "ply", "off", "stl"])
def test_every_format_loads(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ball.{suffix}"
    trimesh.creation.icosphere(1).export(path)
    mesh = load_mesh(path)
    vertices, faces, _ = clean(mesh.vertices, mesh.faces)
    assert (len(vertices), len(faces)) == (42, 80)
    assert is_watertight(faces)


def test_material_colors_and_textures_are_read(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4, 3), [0, 255, 0], np.uint8)).save(tmp_path / "green.png")
    (tmp_path / "m.mtl").write_text("newmtl red\nKd 1 0 0\nnewmtl leaf\nKd 1 1 1\nmap_Kd green.png\n")
    (tmp_path / "m.obj").write_text(
        "mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nvt 0 0\nvt 1 0\nvt 0 1\n"
        "usemtl red\nf 1/1 2/2 3/3\nusemtl leaf\nf 1/1 2/2 4/3\n"
    )
    mesh = load_mesh(tmp_path / "m.obj")
    upright = mesh.vertices[mesh.faces][:, :, 2].max(axis=1) > 0
    red, leaf = (mesh.materials[int(mesh.face_material[mask][0])] for mask in (~upright, upright))
    assert red.rgb == (1.0, 0.0, 0.0)
    assert red.texture is None
    assert leaf.texture is not None
    assert tuple(leaf.texture[0, 0]) == (0, 255, 0)


def test_vertex_colors_are_read() -> None:
    box = trimesh.creation.box()
    box.visual = ColorVisuals(box, vertex_colors=np.tile([0, 0, 255, 255], (8, 1)).astype(np.uint8))
    assert TexturedMesh.from_trimesh(box).corner_rgb[0, 0].tolist() == [0, 0, 1]


def test_bad_files_give_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no.obj: no such mesh file"):
        load_mesh(tmp_path / "no.obj")
    (tmp_path / "empty.obj").write_text("")
    with pytest.raises(ValueError, match=r"empty.obj: the file is empty"):
        load_mesh(tmp_path / "empty.obj")
    (tmp_path / "points.obj").write_text("v 0 0 0\nv 1 0 0\n")
    with pytest.raises(ValueError, match=r"points.obj: cannot be read as a mesh"):
        load_mesh(tmp_path / "points.obj")
    (tmp_path / "junk.glb").write_bytes(b"not a mesh at all")
    with pytest.raises(ValueError, match=r"junk.glb: cannot be read as a mesh"):
        load_mesh(tmp_path / "junk.glb")
    (tmp_path / "nan.obj").write_text("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(ValueError, match=r"nan.obj: 1 of 3 vertices are NaN"):
        load_mesh(tmp_path / "nan.obj")


def test_meshes_without_extent_are_refused() -> None:
    with pytest.raises(ValueError, match="all vertices coincide"):
        Normalisation.of(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="all faces are degenerate"):
        clean(np.eye(3), np.array([[0, 0, 1]]))
