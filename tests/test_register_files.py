"""`urform register`: meshes of one topology on given surfaces, and their statistical shape model."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from scipy.spatial import KDTree

from urform.correspondence import (
    RegisterOptions,
    flipped_faces,
    mend,
    register_files,
    register_scan,
    registration_template,
    settle,
    shape_modes,
)
from urform.fitting import read_scan
from urform.geometry import UPRIGHT, extract_isosurface
from urform.inference import Model


def _surface_of_ball() -> tuple[np.ndarray, np.ndarray]:
    """Points and normals of a ball of radius 0.55."""
    points = trimesh.sample.sample_surface(trimesh.creation.icosphere(4, 0.55), 20_000, seed=0)[0]
    return points, points / np.linalg.norm(points, axis=1, keepdims=True)


def test_settling_brings_vertices_onto_the_surface() -> None:
    ball = trimesh.creation.icosphere(3, 0.5)
    shifted = np.asarray(ball.vertices) + np.array([0.02, 0, 0])
    settled = settle(shifted, np.asarray(ball.faces), *_surface_of_ball())
    assert np.abs(np.linalg.norm(settled, axis=1) - 0.55).max() < 0.01
    assert not len(flipped_faces(settled, np.asarray(ball.faces)))


def test_a_side_that_faces_away_is_not_taken() -> None:
    """A thin plate's upper side is nearer to the surface's lower side, and must not go there."""
    plate = trimesh.creation.box((0.8, 0.04, 0.8)).subdivide().subdivide().subdivide()
    target = trimesh.creation.box((0.8, 0.04, 0.8))
    points, face = trimesh.sample.sample_surface(target, 30_000, seed=0)[:2]
    lowered = np.asarray(plate.vertices) - [0, 0.03, 0]
    settled = settle(lowered, np.asarray(plate.faces), points, target.face_normals[face])
    upper = np.asarray(plate.vertices)[:, 1] > 0
    inner = (np.abs(np.asarray(plate.vertices)[:, [0, 2]]) < 0.35).all(axis=1)
    assert settled[upper & inner, 1].min() > 0.01
    assert settled[~upper & inner, 1].max() < -0.01


def test_a_face_that_is_flipped_already_does_not_hold_the_others() -> None:
    ball = trimesh.creation.icosphere(3, radius=0.5)
    faces, bent = np.asarray(ball.faces), np.array(ball.vertices)
    corner = faces[0, 0]
    bent[corner] = bent[faces[0, 1]] + 2 * (bent[faces[0, 2]] - bent[corner])  # across the edge, and beyond
    assert len(flipped_faces(bent, faces))
    settled = settle(bent, faces, *_surface_of_ball())
    far = np.linalg.norm(np.asarray(ball.vertices) - np.asarray(ball.vertices)[corner], axis=1) > 0.3
    assert np.abs(np.linalg.norm(settled[far], axis=1) - 0.55).max() < 0.01


def test_flipped_faces_are_found() -> None:
    ball = trimesh.creation.icosphere(2, 1.0)
    vertices, faces = np.asarray(ball.vertices).copy(), np.asarray(ball.faces)
    assert not len(flipped_faces(vertices, faces))
    a, b, _ = faces[7]
    vertices[a] += 3 * (vertices[b] - vertices[a])  # pushed over its neighbours
    assert len(flipped_faces(vertices, faces))


def test_modes_of_shapes_with_one_way_to_vary() -> None:
    """Balls stretched by known amounts, then turned, moved and resized, which must not count."""
    ball = np.asarray(trimesh.creation.icosphere(2, 1.0).vertices)
    rng = np.random.default_rng(0)
    stretches = np.linspace(0.8, 1.2, 7)
    shapes = []
    for stretch in stretches:
        turn = np.asarray(trimesh.transformations.rotation_matrix(rng.uniform(0, 0.5), rng.normal(size=3)))[:3, :3]
        shapes.append(rng.uniform(0.5, 2) * (ball * [stretch, 1, 1]) @ turn + rng.normal(size=3))
    found = shape_modes(shapes, 3)
    assert found.variances[0] / found.total_variance > 0.99
    assert abs(np.corrcoef(found.scores[:, 0], stretches)[0, 1]) > 0.99
    np.testing.assert_allclose(found.scores.var(axis=0, ddof=1), found.variances, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found.modes.reshape(3, -1), axis=1), 1)
    np.testing.assert_array_equal(found.at(0, 0), found.mean)
    with pytest.raises(ValueError, match="modes must be 1 to 6, one fewer than the 7 meshes, got 7"):
        shape_modes(shapes, 7)


class BallModel(Model):
    """The template is a ball; an object is that ball stretched along x, then scaled, by a latent of two numbers."""

    category = "ball"

    def __init__(self) -> None:
        self.latents = {}

    def canonical(self, points, latent):
        return points / (latent[1] * np.array([latent[0], 1, 1], np.float32))

    def template_sdf(self, points):
        return np.linalg.norm(points, axis=1) - np.float32(0.5)

    def sdf(self, points, latent):
        return self.template_sdf(self.canonical(points, latent)) * np.float32(latent[1])

    def mesh(self, latent, resolution=128, faces=None, normals=False, dense=False):
        return extract_isosurface(lambda points: self.sdf(points, latent), resolution)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> BallModel:
    from urform.correspondence import _register_scan
    from urform.fitting import Fitted

    def fitted(model, evidence, starts, steps, seed):
        widths = np.ptp(evidence.surface, axis=0)
        latent = np.array([widths[0] / widths[2], widths[2]], np.float32)
        return Fitted(latent, "mean", 0.0, 0.0 if 0.5 < latent[0] < 2 else 0.2)

    monkeypatch.setattr(_register_scan, "fit", fitted)
    monkeypatch.setattr(_register_scan, "starts_for", lambda model, evidence: {})
    return BallModel()


def _ellipsoids(folder: Path) -> list[Path]:
    paths = []
    for number, stretch in enumerate((0.9, 1.0, 1.2)):
        mesh = trimesh.creation.icosphere(4, 30.0)
        mesh.apply_scale([stretch, 1, 1])
        mesh.apply_translation([100, 0, 5])
        paths.append(folder / f"ball_{number}.obj")
        folder.mkdir(exist_ok=True)
        mesh.export(paths[-1])
    return paths


def test_registered_meshes_lie_on_their_inputs(model: BallModel, tmp_path: Path) -> None:
    paths, out = _ellipsoids(tmp_path / "in"), tmp_path / "out"
    before = [path.read_bytes() for path in paths]
    lines = list(register_files(model, paths, out, RegisterOptions(faces=2000, modes=2, resolution=48)))
    assert all("error" not in line for line in lines)
    meshes = [trimesh.load_mesh(out / f"ball_{number}.ply", process=False) for number in range(3)]
    for mesh, path, line in zip(meshes, paths, lines, strict=True):
        np.testing.assert_array_equal(mesh.faces, meshes[0].faces)
        given = trimesh.load_mesh(path)
        np.testing.assert_allclose(mesh.bounds, given.bounds, atol=1.5)
        distance = KDTree(trimesh.sample.sample_surface(given, 50_000, seed=0)[0]).query(mesh.vertices)[0]
        assert np.median(distance) < 0.005 * np.linalg.norm(given.extents)
        assert line["median"] < 0.005
        assert line["flipped_faces"] == 0
        assert line["note"] == ""
    assert [path.read_bytes() for path in paths] == before
    with (out / "residuals.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["ball_0", "ball_1", "ball_2"]
    assert float(rows[0]["median"]) == lines[0]["median"]
    stored = np.load(out / "modes" / "model.npz")
    assert stored["modes"].shape == (2, len(meshes[0].vertices), 3)
    assert stored["names"].tolist() == ["ball_0", "ball_1", "ball_2"]
    with (out / "modes" / "modes.csv").open() as file:
        shares = [float(row["share"]) for row in csv.DictReader(file)]
    assert shares[0] > 0.9
    assert len(list((out / "modes").glob("mode_*.ply"))) == 6
    plus = trimesh.load_mesh(out / "modes" / "mode_1_plus_2sd.ply", process=False)
    np.testing.assert_array_equal(plus.faces, meshes[0].faces)


def test_a_scan_that_is_z_up_is_registered_where_it_lies(model: BallModel, tmp_path: Path) -> None:
    path = _ellipsoids(tmp_path / "in")[2]
    given = trimesh.load_mesh(path)
    given.vertices = given.vertices @ UPRIGHT["z"] + [0, 0, 40]
    given.export(path)
    options = RegisterOptions(faces=500, resolution=32, up="z")
    (line,) = register_files(model, [path], tmp_path / "out", options)
    mesh = trimesh.load(line["mesh"], process=False)
    np.testing.assert_allclose(mesh.bounds, given.bounds, atol=2)
    assert line["flipped_faces"] == 0


def test_bad_scans_get_a_line_and_no_mesh(model: BallModel, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    good = _ellipsoids(folder)[0]
    ball = trimesh.creation.icosphere(3, 1.0)
    half = trimesh.Trimesh(ball.vertices, ball.faces[ball.triangles_center[:, 2] > 0])
    (folder / "triangle.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    half.export(folder / "half.obj")
    np.save(folder / "cloud.npy", np.asarray(ball.vertices))
    long = ball.copy()
    long.apply_scale([4, 1, 1])
    long.export(folder / "pole.obj")
    (folder / "broken.obj").write_text("v 0 0\n")
    names = ["triangle.obj", "half.obj", "cloud.npy", "pole.obj", "broken.obj"]
    lines = list(register_files(model, [*(folder / name for name in names), good], out, RegisterOptions(500)))
    for name, line in zip(names, lines, strict=False):
        assert str(folder / name) in line["error"]
        assert "\n" not in line["error"]
    assert "open surface" in lines[0]["error"] or "flat" in lines[0]["error"]
    assert "open surface" in lines[1]["error"]
    assert "points without normals" in lines[2]["error"]
    assert "no ball fits it" in lines[3]["error"]
    assert "error" not in lines[5]
    written = ["ball_0.ply", "pieces.csv", "residuals.csv", "template.ply", "vertices.npz"]
    assert sorted(path.name for path in out.iterdir()) == written


def test_nothing_is_written_where_nothing_is_registered(model: BallModel, tmp_path: Path) -> None:
    (tmp_path / "triangle.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (line,) = register_files(model, [tmp_path / "triangle.obj"], tmp_path / "out", RegisterOptions(500, resolution=32))
    assert "triangle.obj" in line["error"]
    assert not (tmp_path / "out").exists()


def test_a_crumpled_part_gets_the_shape_of_the_reference() -> None:
    ball = trimesh.creation.icosphere(3, 1.0)
    reference, faces = np.asarray(ball.vertices), np.asarray(ball.faces)
    crumpled = reference * 2 + 1
    near = reference[:, 2] > 0.8
    crumpled[near] += np.random.default_rng(0).normal(0, 0.3, (int(near.sum()), 3))
    assert len(flipped_faces(crumpled, faces))
    mended = mend(crumpled, reference, faces)
    assert not len(flipped_faces(mended, faces))
    far = reference[:, 2] < 0
    np.testing.assert_array_equal(mended[far], crumpled[far])


class TwoBallsModel(BallModel):
    """The template is a ball, and a small one above it."""

    def template_sdf(self, points):
        small = np.linalg.norm(points - np.array([0, 0.75, 0], np.float32), axis=1) - np.float32(0.15)
        return np.minimum(super().template_sdf(points), small)


def test_every_piece_is_registered_and_what_a_scan_lacks_is_tucked_away(
    model: BallModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from urform.correspondence import _register_scan
    from urform.fitting import Fitted

    # Both scans lie as the model has them: a third ball, far below, keeps the box where it is.
    latent = np.array([1, 1 / (1.03 * 0.9)], np.float32)
    monkeypatch.setattr(_register_scan, "fit", lambda *_, **__: Fitted(latent, "mean", 0.0, 0.0))
    low, ball, small = (trimesh.creation.icosphere(3, radius) for radius in (0.15, 0.5, 0.15))
    low.apply_translation([0, -0.75, 0])
    small.apply_translation([0, 0.75, 0])
    tip = trimesh.creation.icosphere(2, 0.02).apply_translation([0, 0.88, 0])
    trimesh.util.concatenate([ball, small, low]).export(tmp_path / "both.obj")
    trimesh.util.concatenate([ball, tip, low]).export(tmp_path / "one.obj")
    paths, out = [tmp_path / "both.obj", tmp_path / "one.obj"], tmp_path / "out"
    both, one = register_files(TwoBallsModel(), paths, out, RegisterOptions(1500, modes=1, resolution=64))
    assert (both["flipped_faces"], one["flipped_faces"]) == (0, 0)
    assert "1 of 2 pieces of the template are not on it" in one["note"]
    assert "pieces" not in both["note"]
    stored = np.load(out / "vertices.npz")
    piece = stored["piece"]
    assert stored["names"].tolist() == ["both", "one"]
    assert stored["settled"][0].mean() > 0.95
    assert not stored["settled"][1][piece == 1].any()
    tall, short = (trimesh.load_mesh(out / f"{name}.ply", process=False) for name in ("both", "one"))
    np.testing.assert_array_equal(tall.faces, short.faces)
    assert tall.vertices[piece == 1, 1].max() > 0.85
    assert np.linalg.norm(short.vertices[piece == 1], axis=1).max() < 0.51
    with (out / "pieces.csv").open() as file:
        rows = [(row["name"], row["piece"], row["found"]) for row in csv.DictReader(file)]
    assert rows == [("both", "0", "True"), ("both", "1", "True"), ("one", "0", "True"), ("one", "1", "False")]
    modes = np.load(out / "modes" / "model.npz")
    np.testing.assert_array_equal(modes["vertices"], np.flatnonzero(piece == 0))
    assert modes["faces"].max() == len(modes["mean"]) - 1


def test_a_cloud_with_normals_is_registered(model: BallModel, tmp_path: Path) -> None:
    points = trimesh.sample.sample_surface(trimesh.creation.icosphere(4, 2.0), 20_000, seed=0)[0]
    np.savetxt(tmp_path / "ball.xyz", np.hstack([points, points / 2]))
    template = registration_template(model, 1000, 48)
    found = register_scan(model, read_scan(tmp_path / "ball.xyz"), template)
    assert np.median(found.distance) < 0.005
    np.testing.assert_allclose(np.linalg.norm(found.vertices, axis=1), 2, atol=0.05)


def test_refused_before_any_work(tmp_path: Path) -> None:
    paths = _ellipsoids(tmp_path / "a")
    other = _ellipsoids(tmp_path / "b")
    model = BallModel()
    with pytest.raises(ValueError, match="would be written as 'ball_0', as another result is"):
        next(register_files(model, [paths[0], other[0]], tmp_path / "out"))
    with pytest.raises(ValueError, match="modes must be less than the number of meshes, 3, got 3"):
        next(register_files(model, paths, tmp_path / "out", RegisterOptions(modes=3)))
    with pytest.raises(ValueError, match="is an input and would be overwritten"):
        next(register_files(model, paths, tmp_path / "a", RegisterOptions(format="obj")))
    with pytest.raises(FileNotFoundError, match="no such file"):
        next(register_files(model, [tmp_path / "none.obj"], tmp_path / "out"))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"faces": 5}, "faces must be"),
        ({"modes": -1}, "modes must be"),
        ({"format": "dae"}, "format must be one of"),
    ]
    for options, text in cases:
        with pytest.raises(ValueError, match=text):
            RegisterOptions(**options)
    assert not (tmp_path / "out").exists()
