import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from tests.small_model import small_weights
from urform.fitting import (
    encode_pictures,
    evidence_of,
    fit,
    fit_files,
    from_cloud,
    from_part,
    mean_latent,
    read_latent_file,
    read_scan,
    starts_for,
)
from urform.fitting._fit import _errors
from urform.geometry import Normalisation
from urform.inference import Model, load
from urform.training._fit_latents import with_signs

IDENTITY = Normalisation(np.zeros(3), 1.0)


@pytest.fixture(scope="module")
def model() -> Model:
    """The shipped chairs, and the first 200 of the 1,584 training shapes: a part is compared with each of them."""
    model = load("chair")
    model.latents = dict(list(model.latents.items())[:200])
    return model


@pytest.fixture(scope="module")
def chair(model: Model) -> trimesh.Trimesh:
    """The surface of a training shape, coarse."""
    return model.mesh(next(iter(model.latents.values())), 48)


def box(folder: Path, suffix: str) -> Path:
    path = folder / f"box.{suffix}"
    trimesh.creation.box((2, 1, 1)).export(path)
    return path


@pytest.mark.parametrize("suffix", ["obj", "ply", "off", "stl", "glb"])
def test_meshes_are_read_with_their_faces(tmp_path: Path, suffix: str) -> None:
    scan = read_scan(box(tmp_path, suffix))
    assert scan.faces.shape == (12, 3)
    np.testing.assert_allclose(np.ptp(scan.vertices, axis=0), (2, 1, 1))


def test_a_fit_is_clamped_as_the_model_was_trained() -> None:
    points, latents = np.random.default_rng(0).uniform(-1, 1, (300, 3)), {"mean": np.zeros(4, np.float32)}
    evidence = from_cloud(points / np.linalg.norm(points, axis=1, keepdims=True), None)
    tight, wide = (Model(replace(small_weights(), clamp=clamp)) for clamp in (1e-4, 0.5))
    one, other = (fit(model, evidence, latents, steps=5).latent for model in (tight, wide))
    assert not np.array_equal(one, other)
    assert _errors(tight, evidence, np.zeros((1, 4), np.float32), 200, 0)[0] <= 2e-4
    assert _errors(wide, evidence, np.zeros((1, 4), np.float32), 200, 0)[0] > 1e-2


def test_an_obj_file_keeps_its_order_and_groups(tmp_path: Path) -> None:
    lines = ["g seat pad", *(f"v {x} {y} 0" for x in (0, 1) for y in (0, 1)), "v 9 9 9"]
    lines += ["usemtl a", "f 1/1 3/1 4/1 2/1", "o ignored", "g leg", "usemtl b", "f -2//1 1 2"]
    (tmp_path / "m.obj").write_text("\n".join(lines))
    scan = read_scan(tmp_path / "m.obj")
    assert scan.faces.tolist() == [[0, 2, 3], [0, 3, 1], [3, 0, 1]]
    assert scan.face_group == ("seat pad", "seat pad", "leg")
    assert len(scan.vertices) == 5


def test_points_are_read_with_and_without_normals(tmp_path: Path) -> None:
    points = np.random.default_rng(0).random((20, 3))
    rows = np.concatenate([points, np.tile([0, 2.0, 0], (20, 1))], axis=1)
    np.savetxt(tmp_path / "a.xyz", points)
    np.save(tmp_path / "b.npy", rows)
    header = "ply\nformat ascii 1.0\nelement vertex 20\n" + "".join(
        f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz")
    )
    body = "\n".join(" ".join(map(str, row)) for row in rows)
    (tmp_path / "c.ply").write_text(f"{header}end_header\n{body}\n")
    obj = [f"v {x} {y} {z}\nvn {a} {b} {c}" for x, y, z, a, b, c in rows]
    (tmp_path / "d.obj").write_text("\n".join(obj))
    for name, has_normals in {"a.xyz": False, "b.npy": True, "c.ply": True, "d.obj": True}.items():
        scan = read_scan(tmp_path / name)
        assert not scan.is_mesh
        np.testing.assert_allclose(scan.vertices, points, atol=1e-5)
        if has_normals:
            assert scan.normals is not None
            np.testing.assert_allclose(scan.normals, np.tile([0, 1.0, 0], (20, 1)))
        else:
            assert scan.normals is None


def test_the_evidence_of_a_mesh_is_its_signed_distance(tmp_path: Path) -> None:
    trimesh.creation.icosphere(4, 0.5).export(tmp_path / "ball.ply")
    evidence = evidence_of(read_scan(tmp_path / "ball.ply"), IDENTITY, False, np.random.default_rng(0))
    rows = evidence.draw(500, np.random.default_rng(1))
    np.testing.assert_allclose(rows[:, 3], np.linalg.norm(rows[:, :3], axis=1) - 0.5, atol=2e-3)
    assert (rows[:, 3] < 0).sum() == 250
    assert evidence.signless_of(500) == 0


def test_the_evidence_of_a_cloud_is_zeros_steps_along_normals_and_distances() -> None:
    points = trimesh.creation.icosphere(5, 0.5).vertices
    for normals, allowed in ((None, (0.0,)), (points / 0.5, (-0.01, 0.0, 0.01))):
        rows = from_cloud(points, normals).draw(400, np.random.default_rng(0))
        radius = np.linalg.norm(rows[:, :3], axis=1)
        assert set(rows[:200, 3].round(6)) == set(allowed)
        np.testing.assert_allclose(radius[:200] - 0.5, rows[:200, 3], atol=1e-5)
        np.testing.assert_allclose(np.abs(radius[200:] - 0.5), rows[200:, 3], atol=0.02)
        assert (rows[200:, 3] >= 0).all()
        assert from_part(points, normals).signless_of(400) == 0


def test_points_without_a_sign_take_the_predicted_one() -> None:
    target, predicted = torch.tensor([[1.0, 2.0, 3.0, 4.0]]), torch.tensor([[-1.0, -1.0, -1.0, 1.0]])
    assert with_signs(target, predicted, 2).tolist() == [[1.0, 2.0, -3.0, 4.0]]
    assert with_signs(target, predicted, 0).tolist() == target.tolist()


@pytest.mark.parametrize("kind", ["mesh", "cloud", "cloud with normals", "front half"])
def test_a_fit_comes_close_to_the_surface(model: Model, chair: trimesh.Trimesh, tmp_path: Path, kind: str) -> None:
    points, face = trimesh.sample.sample_surface(chair, 2000, seed=0)[:2]
    evidence = from_cloud(points, chair.face_normals[face] if kind == "cloud with normals" else None)
    if kind == "mesh":
        chair.export(tmp_path / "chair.ply")
        evidence = evidence_of(read_scan(tmp_path / "chair.ply"), IDENTITY, False, np.random.default_rng(0))
    if kind == "front half":
        evidence = from_part(points[points[:, 2] > 0], None)
    starts = starts_for(model, evidence)
    fitted = fit(model, evidence, starts, steps=40)
    assert fitted.start in starts
    before = np.abs(model.sdf(evidence.surface, mean_latent(model))).mean()
    assert fitted.residual_after < 0.4 * before
    assert fitted.residual_after == pytest.approx(np.abs(model.sdf(evidence.surface, fitted.latent)).mean(), rel=1e-5)
    np.testing.assert_array_equal(fit(model, evidence, starts, steps=40).latent, fitted.latent)


def test_training_shapes_are_starts_beside_the_mean_or_what_the_encoder_says(
    model: Model, chair: trimesh.Trimesh
) -> None:
    name, latent = next(iter(model.latents.items()))
    points = trimesh.sample.sample_surface(chair, 500, seed=0)[0]
    assert list(starts_for(model, from_cloud(points, None)))[:2] == ["mean", name]
    starts = starts_for(model, from_part(points, None), latent + 1)
    assert list(starts)[:2] == ["encoder", name]
    np.testing.assert_array_equal(starts["encoder"], latent + 1)


def test_photographs_are_averaged_and_their_disagreement_is_told(model: Model) -> None:
    pictures = np.zeros((2, 64, 64, 4), np.uint8)
    pictures[0, 10:50, 20:40] = 255
    pictures[1, 30:50, 10:60] = (90, 40, 10, 255)
    both = encode_pictures(model, list(pictures))
    one, other = (encode_pictures(model, [picture]) for picture in pictures)
    np.testing.assert_allclose(both.latent, (one.latent + other.latent) / 2, atol=1e-5)
    known = np.stack(list(model.latents.values()))
    usual = np.linalg.norm(known - known.mean(axis=0), axis=1).mean()
    expected = np.linalg.norm(one.latent - other.latent) / 2 / usual
    assert both.disagreement == pytest.approx(expected, rel=1e-4)
    assert one.disagreement == pytest.approx(0, abs=1e-6)


def test_a_fitted_mesh_lies_where_the_scan_does(model: Model, chair: trimesh.Trimesh, tmp_path: Path) -> None:
    moved = trimesh.Trimesh(np.asarray(chair.vertices) * 30 + (100, 0, 5), chair.faces, process=False)
    moved.export(tmp_path / "scan.ply")
    options = {"steps": 100, "file_format": "ply", "resolution": 64}
    summary = fit_files(model, [tmp_path / "scan.ply"], tmp_path / "out", **options)
    assert summary["residual_after"] < 0.005 < 0.9 * summary["residual_before"]  # it starts near, from a training shape
    fitted = trimesh.load(summary["mesh"], process=False)
    np.testing.assert_allclose(fitted.bounds, moved.bounds, atol=3)
    content = read_latent_file(Path(summary["latent"]))
    assert content.scan == (tmp_path / "scan.ply").resolve()
    np.testing.assert_allclose(
        content.normalisation.apply(moved.vertices), Normalisation.of(moved.vertices).apply(moved.vertices), atol=1e-5
    )


def test_a_part_is_placed_by_the_whole(chair: trimesh.Trimesh, tmp_path: Path) -> None:
    model = Model(small_weights())
    chair.export(tmp_path / "whole.ply")
    points = trimesh.sample.sample_surface(chair, 2000, seed=0)[0]
    np.save(tmp_path / "front.npy", points[points[:, 2] > 0])
    options = {"steps": 20, "resolution": 16, "partial": True}
    summary = fit_files(model, [tmp_path / "front.npy"], tmp_path, like=tmp_path / "whole.ply", **options)
    content = read_latent_file(Path(summary["latent"]))
    np.testing.assert_allclose(content.normalisation.offset, Normalisation.of(chair.vertices).offset, atol=1e-5)
    assert content.scan is None
    summary = fit_files(model, [tmp_path / "front.npy"], tmp_path, normalised=True, **options)
    assert read_latent_file(Path(summary["latent"])).normalisation.scale == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xyz", "", r"a.xyz: has no points, expected a mesh or a point cloud"),
        ("a.xyz", "1 2\n", r"a.xyz: points must be rows of 3 numbers, or 6 with normals, got shape \(1, 2\)"),
        ("a.xyz", "1 2 x\n", r"a.xyz: cannot be read as points: could not convert"),
        ("a.xyz", "1 2 nan\n", r"a.xyz: 1 of 1 points are NaN or infinite, expected finite ones"),
        ("a.xyz", "1 2 3\n", r"a.xyz: all vertices coincide, expected a mesh with an extent"),
        ("a.obj", "", r"a.obj: the file is empty"),
        ("a.obj", "v 1 2\n", r"a.obj: cannot be read as a mesh: line 1: not a line of an OBJ file: 'v 1 2'"),
        ("a.obj", "v 1 2 3\nf 1 2 3\n", r"a.obj: .*: a face names a vertex that is not there, the file has 1"),
        ("a.ply", "ply\n", r"a.ply: cannot be read as a mesh: has no header"),
        ("a.pcd", "", r"a.pcd: expected a mesh or points \(.*\) or a photograph, got a file ending in '.pcd'"),
    ],
)
def test_messages_of_scans(model: Model, tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        fit_files(model, [tmp_path / name], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_messages_of_options(model: Model, tmp_path: Path) -> None:
    points, picture = tmp_path / "a.xyz", tmp_path / "a.png"
    np.savetxt(points, np.random.default_rng(0).random((9, 3)))
    picture.write_bytes(b"")
    cases: list[tuple[list[Path], dict[str, Any], str]] = [
        ([], {}, "no file given, expected a mesh, a point cloud or photographs"),
        ([points, points], {}, "a second scan, expected one object"),
        ([points], {"partial": True}, "`partial` needs `like` or `normalised`: the bounding box of a part"),
        ([points], {"normalised": True, "like": points}, "normalised must be omitted with `like`"),
        ([points], {"steps": 0}, "steps must be at least 1, got 0"),
        ([points], {"seed": -1}, "seed must be 0 or more, got -1"),
        ([points], {"resolution": 7}, "resolution must be 8 to 512 cells, got 7"),
        ([points], {"file_format": "xyz"}, "format must be one of glb, obj, ply, stl, got 'xyz'"),
        ([picture], {}, r"a.png: is empty \(0 bytes\)"),
    ]
    for paths, options, message in cases:
        with pytest.raises(ValueError, match=message):
            fit_files(model, paths, tmp_path / "out", **options)
    with pytest.raises(FileNotFoundError, match=r"none.ply: no such file, expected a mesh, a point cloud or a photogr"):
        fit_files(model, [tmp_path / "none.ply"], tmp_path / "out")
    (tmp_path / "latent.json").write_text(json.dumps({"format": "urform latent 1", "latent": [1]}))
    with pytest.raises(ValueError, match=r"latent.json: not a latent file, expected the JSON that `urform fit` writes"):
        read_latent_file(tmp_path / "latent.json")


def no_work(*_: object) -> None:
    raise AssertionError("expected the refusal before any work")


def test_a_result_may_not_replace_an_input(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urform.fitting._fit_files.read_scan", no_work)
    scan = box(tmp_path, "ply")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "other").mkdir()
    whole = box(tmp_path, "obj").rename(tmp_path / "other" / "box.obj")
    before = scan.read_bytes(), whole.read_bytes()
    for out, file_format, named in (("link", "ply", "link/box.ply"), ("other", "obj", "other/box.obj")):
        with pytest.raises(ValueError, match=f"{named}: is an input and would be overwritten, choose another `out`"):
            fit_files(model, [scan], tmp_path / out, like=whole, partial=True, file_format=file_format)
    for out in (scan, scan / "deeper"):
        with pytest.raises(ValueError, match=r"out must be a folder, got .*, but .*box.ply is a file"):
            fit_files(model, [scan], out)
    assert (scan.read_bytes(), whole.read_bytes()) == before


def test_messages_of_npy_files(tmp_path: Path) -> None:
    points, expected = np.random.default_rng(0).random((9, 3)), "a.npy: points must be rows of 3 numbers, or 6 with"
    with (tmp_path / "archive").open("wb") as file:
        np.savez(file, points)
    header = b"\x93NUMPY\x01\x00\x10\x00{'descr': [(\n"
    for content in ((tmp_path / "archive").read_bytes(), b"PK\x03\x04", b"", b"\x80\x04.", header):
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(ValueError, match=f"{expected} normals, got a damaged file or one that is not an npy file"):
            read_scan(tmp_path / "a.npy")
    structured = np.zeros(9, [("x", float), ("y", float)])
    for array, got in ((points * 1j, r"complex128 \(9, 3\)"), (structured, ".*'x'"), (points > 0, "bool")):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(ValueError, match=f"{expected} normals, got {got}"):
            read_scan(tmp_path / "a.npy")
    for bad in (np.nan, np.inf):
        rows = np.concatenate([points, points], axis=1)
        rows[2, 4] = bad
        np.save(tmp_path / "a.npy", rows)
        with pytest.raises(ValueError, match=r"a.npy: 1 of 9 normals are NaN or infinite, expected finite ones"):
            read_scan(tmp_path / "a.npy")


def test_photographs_alone_take_no_options_of_a_scan(model: Model, tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[10:50, 20:40] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    summary = fit_files(model, [tmp_path / "a.png"], tmp_path, resolution=32)
    assert summary["photographs"] == 1
    assert "residual_after" not in summary
    assert Path(summary["mesh"]).exists()
    with pytest.raises(ValueError, match="`partial`, `normalised` and `like` say something of a scan"):
        fit_files(model, [tmp_path / "a.png"], tmp_path, partial=True)
