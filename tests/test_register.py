"""Registered meshes, morphs and meshes of many shapes."""

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from urform.cli import main
from urform.correspondence import MeshOptions, mesh_shapes, perturbed, register, uncertainty, with_canonical
from urform.geometry import NoSurfaceError, extract_isosurface
from urform.inference import Model, load


def numbers(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


class StretchingModel(Model):
    """The template is a ball; an object is that ball, bent, made wider in x and moved, by a latent of three numbers."""

    def __init__(self) -> None:
        self.latents = {"a/b/one": numbers(1, 0, 0), "a/b/two": numbers(1.5, 0.1, 0)}

    def canonical(self, points, latent):
        x = (points[:, 0] - latent[1]) / latent[0]
        return np.stack([x, points[:, 1] - 0.3 * x**2, points[:, 2]], axis=1)

    def template_sdf(self, points):
        return np.linalg.norm(points, axis=1) - np.float32(0.5)

    def sdf(self, points, latent):
        return self.template_sdf(self.canonical(points, latent))

    def mesh(self, latent, resolution=128, faces=None, normals=False, dense=False):
        if latent[2]:
            raise NoSurfaceError("the field has no zero crossing")
        return extract_isosurface(lambda points: self.sdf(points, latent), resolution)


MODEL = StretchingModel()
LATENT = numbers(1.4, -0.1, 0)


def test_the_templates_mesh_is_moved_by_the_inverse_warp() -> None:
    template = MODEL.template_mesh(32)
    found = register(MODEL, LATENT, template, 32)
    np.testing.assert_array_equal(found.mesh.faces, template.faces)
    assert found.found == 1
    there = MODEL.canonical(np.asarray(found.mesh.vertices), LATENT)
    np.testing.assert_allclose(there, template.vertices, atol=1.5e-3)
    # The inverse is known: x' = w x + s, y' = y + 0.3 x^2.
    x, y, z = np.asarray(template.vertices).T
    np.testing.assert_allclose(found.mesh.vertices, np.stack([1.4 * x - 0.1, y + 0.3 * x**2, z], axis=1), atol=3e-3)
    assert found.distance.max() < 0.02


def test_what_has_no_place_is_reported() -> None:
    template = MODEL.template_mesh(32)

    class Cut(StretchingModel):
        def canonical(self, points, latent):
            return np.maximum(super().canonical(points, latent), -0.2)  # nothing has canonical points beyond

        def mesh(self, latent, resolution=128, faces=None, normals=False, dense=False):
            return MODEL.mesh(latent, resolution)

    found = register(Cut(), LATENT, template, 32)
    missing = (np.asarray(template.vertices) < -0.2).any(axis=1)
    assert (found.residual[missing & (np.asarray(template.vertices).min(axis=1) < -0.25)] > 0.01).all()
    assert found.residual[~missing].mean() < 0.01
    assert 0 < found.found < 1


def test_vertices_carry_their_canonical_points_into_a_file(tmp_path: Path) -> None:
    others = perturbed(MODEL, LATENT, 4)
    mesh = with_canonical(MODEL, LATENT, MODEL.mesh(LATENT, 24), others)
    mesh.export(tmp_path / "mesh.ply")
    stored = trimesh.load(tmp_path / "mesh.ply", process=False).metadata["_ply_raw"]["vertex"]["data"]
    canonical = MODEL.canonical(np.asarray(mesh.vertices), LATENT)
    for axis in range(3):
        np.testing.assert_allclose(stored[f"canonical_{'xyz'[axis]}"].ravel(), canonical[:, axis], atol=1e-4)
        color = stored[("red", "green", "blue")[axis]].ravel()
        np.testing.assert_allclose(color / 255, (canonical[:, axis] + 1) / 2, atol=1 / 128)
    np.testing.assert_allclose(stored["uncertainty"].ravel(), uncertainty(MODEL, mesh.vertices, others), atol=1e-4)


def test_uncertainty_is_the_spread_of_canonical_points() -> None:
    points = np.array([[0.2, 0, 0], [0, 0, 0]], np.float32)
    shifts = np.array([[1, 0.1, 0], [1, -0.1, 0], [1, 0.3, 0]], np.float32)
    x = points[:, :1] - shifts[:, 1]
    canonical = np.stack([x, -0.3 * x**2], axis=2)
    naive = [np.sqrt(np.mean([np.sum((c - row.mean(0)) ** 2) for c in row])) for row in canonical]
    np.testing.assert_allclose(uncertainty(MODEL, points, shifts), naive, rtol=1e-5)
    assert (uncertainty(MODEL, points, np.repeat(shifts[:1], 3, 0)) == 0).all()
    with pytest.raises(ValueError, match=r"latents must have shape \(K, L\) with K >= 2, got \(1, 3\)"):
        uncertainty(MODEL, points, shifts[:1])


def test_perturbed_latents_lie_around_it_as_the_training_shapes_spread() -> None:
    drawn = perturbed(MODEL, LATENT, 4000, share=0.5)
    np.testing.assert_allclose(drawn.mean(axis=0), LATENT, atol=0.01)
    np.testing.assert_allclose(drawn.std(axis=0), [0.5 * 0.25, 0.5 * 0.05, 0], atol=0.01)


def test_shapes_that_are_there_are_kept_and_failures_named(tmp_path: Path) -> None:
    latents = {**MODEL.latents, "a/b/empty": numbers(1, 0, 1)}
    counts = mesh_shapes(MODEL, latents, tmp_path, MeshOptions(16))
    assert (counts.written, counts.kept, counts.failed, counts.found) == (2, 0, ["a/b/empty"], [])
    counts = mesh_shapes(MODEL, latents, tmp_path, MeshOptions(16, registered=True))
    assert (counts.written, counts.kept, counts.failed) == (0, 2, ["a/b/empty"])
    counts = mesh_shapes(MODEL, MODEL.latents, tmp_path, MeshOptions(16, registered=True), overwrite=True)
    assert counts.found == [1, 1]
    one, two = (trimesh.load_mesh(tmp_path / f"{name}.ply", process=False) for name in MODEL.latents)
    np.testing.assert_array_equal(one.faces, two.faces)
    assert two.extents[0] > 1.4 * one.extents[0]


@pytest.fixture(scope="module")
def shipped() -> Model:
    return load("chair")


def test_dense_and_sparse_meshes_are_equal_and_normals_are_the_fields(shipped: Model) -> None:
    latent = next(iter(shipped.latents.values()))
    sparse, dense = shipped.mesh(latent, 40), shipped.mesh(latent, 40, dense=True)
    np.testing.assert_array_equal(sparse.faces, dense.faces)
    np.testing.assert_allclose(sparse.vertices, dense.vertices, atol=0.1 * 2 / 40)
    assert dense.metadata["evaluations"] >= 41**3 > 4 * sparse.metadata["evaluations"]
    mesh = shipped.mesh(latent, 40, faces=900, normals=True)
    assert len(mesh.faces) == 900
    points, step = np.asarray(mesh.vertices, np.float32)[::50], np.float32(1e-3)
    slope = [(shipped.sdf(points + step * e, latent) - shipped.sdf(points - step * e, latent)) for e in np.eye(3)]
    slope = np.stack(slope, axis=1) / np.linalg.norm(slope, axis=0)[:, None]
    assert np.median((slope * mesh.vertex_normals[::50]).sum(axis=1)) > 0.99


def test_the_commands(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--resolution", "24"]
    assert main(["mesh", "template", str(tmp_path / "template.ply"), *small]) == 0
    assert trimesh.load_mesh(tmp_path / "template.ply").is_watertight
    assert main(["mesh", "shapes", "--out", str(tmp_path / "moved"), "--ids", "2", "3", "--registered", *small]) == 0
    assert "% of the template's vertices found their place, in the worst shape " in capsys.readouterr().out
    (moved,) = (tmp_path / "moved").rglob("*.ply")
    assert b"property float residual" in moved.read_bytes()[:900]
    assert main(["mesh", "shapes", "--out", str(tmp_path / "shapes"), "--ids", "2", "4", "--normals", *small]) == 0
    files = list((tmp_path / "shapes").rglob("*.ply"))
    assert len(files) == 2
    assert b"property float nx" in files[0].read_bytes()[:600]
    split = data / "splits" / "tiny_solid_test.json"
    views = ["mesh", "images", "--data", str(data), "--split", str(split), *small]
    assert main([*views, "--out", str(tmp_path / "views"), "--view", "None", "--original-scale"]) == 0
    restored = trimesh.load(tmp_path / "views" / "tiny" / "solid" / "ball.ply")
    assert restored.extents.max() > 2.5  # the ball's radius is 3, the unit ball's 1
    assert "2 meshes in" in capsys.readouterr().out
    words = ["morph", "bscc0__chair", "bscc0__chair2", "--steps", "3", "--out", str(tmp_path / "morph"), *small]
    assert main(words) == 0
    assert sorted(path.name for path in (tmp_path / "morph").iterdir()) == ["00.ply", "01.ply", "02.ply", "morph.gif"]
    with Image.open(tmp_path / "morph" / "morph.gif") as animated:
        assert animated.n_frames == 4


def test_latents_of_a_file(shipped: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "chair.npz", one=next(iter(shipped.latents.values())))
    (tmp_path / "split.json").write_text(json.dumps({"set": {"chair": ["one", "two"]}}))
    words = ["mesh", "shapes", "--latents", str(tmp_path / "chair.npz"), "--resolution", "24", "--out", str(tmp_path)]
    assert main([*words, "--split", str(tmp_path / "split.json")]) == 0
    assert "1 shapes have no latent, first: set/chair/two" in capsys.readouterr().err
    assert (tmp_path / "set" / "chair" / "one.ply").exists()
    np.savez(tmp_path / "chair.npz", one=np.zeros(5, np.float32))
    assert main([*words, "--split", str(tmp_path / "split.json"), "--overwrite"]) == 2
    assert "chair.npz: latents must have 128 numbers, as chair has" in capsys.readouterr().err
    assert main(words) == 2
    assert "--split must be given with --latents" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("mesh shapes --out O --ids 90000 90001", "--ids must be two rising numbers within 0 and "),
        ("mesh shapes --out O --registered --faces 100", "--registered must go without --faces, --uncertainty"),
        ("mesh shapes --out O --registered --mesher dense", "--registered must go without --faces"),
        ("mesh shapes --out O --ids 4 2", "--ids must be two rising numbers within 0 and "),
        ("mesh shapes --out O --original-scale NONE", "--original-scale NONE: no such data folder"),
        ("morph bscc0__chair bscc0__chair2 --out O --resolution 7", "resolution must be 8 to 512 cells, got 7"),
        ("mesh shapes --out O --uncertainty 1", "--uncertainty must be 0, or at least 2, got 1"),
        ("mesh shapes --out O --resolution 1000", "resolution must be 8 to 512 cells, got 1000"),
        ("mesh shapes --out O --checkpoint 7 --weights RUN", "no snapshot of epoch 7, there are: none"),
        ("mesh template O/x.ply --resolution 4", "resolution must be 8 to 512 cells, got 4"),
        ("mesh template O/x.xyz --resolution 16", "meshes are written as glb, obj, ply, stl, got '.xyz'"),
        ("morph bscc0__chair bscc0__chair2 --out O --steps 1", "--steps must be at least 2, got 1"),
    ],
)
def test_bad_input_is_one_line(words: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.replace("O", str(tmp_path / "out"), 1).split()) == 2
    said = capsys.readouterr().err.strip()
    assert message in said.splitlines()[-1]


def test_views_that_are_not_there(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split = data / "splits" / "tiny_solid_test.json"
    words = ["mesh", "images", "--data", str(data), "--split", str(split), "--out", str(tmp_path), "--view", "99"]
    assert main(words) == 2
    assert main([*words[:-1], "-1"]) == 2
    assert "no view of number 99, first: tiny/solid/ball; `urform prepare` renders them" in capsys.readouterr().err
