"""Meshes that are z up come in, and STL files for printers, which are z up, go out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from urform.config import PrepareConfig
from urform.correspondence import RegisterOptions
from urform.data import DataFolder, ShapeKey
from urform.evaluation._truth import TrueMeshes
from urform.fitting import fit_files, normalisation_of, read_scan, resolve_subject
from urform.formats import printable
from urform.geometry import UPRIGHT, Normalisation, Up
from urform.inference import Model, load, reconstruct_files
from urform.prepare import prepare

SMALL = PrepareConfig(samples=500, surface_points=500, easy_views=1, hard_views=0, view_size=32, test_fraction=0)
KEY = ShapeKey("shapes", "object", "a")


@pytest.fixture(scope="module")
def model() -> Model:
    return load("chair")


def upright() -> trimesh.Trimesh:
    return trimesh.creation.box((1, 2, 3)).union(trimesh.creation.box(bounds=[(0, 0, 0), (0.5, 2, 0.5)]))


def lying(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The same, z up."""
    return trimesh.Trimesh(mesh.vertices @ UPRIGHT["z"], mesh.faces, process=False)


def test_normalised_points_of_a_mesh_that_is_z_up_are_those_of_the_upright_one() -> None:
    vertices = np.random.default_rng(0).normal(3, 5, (50, 3))
    turned = vertices @ UPRIGHT["z"]
    one, other = Normalisation.of(vertices), Normalisation.of(turned, "z")
    np.testing.assert_allclose(one.apply(vertices), other.apply(turned))
    np.testing.assert_allclose(other.undo(other.apply(turned)), turned)
    np.testing.assert_allclose(other.turn(np.array([[0.0, 0, 1]])), [[0, 1, 0]])


def test_prepare_turns_meshes_and_evaluation_finds_them_again(tmp_path: Path) -> None:
    for name, mesh, up in (("y", upright(), "y"), ("z", lying(upright()), "z")):
        (tmp_path / name).mkdir()
        mesh.export(tmp_path / name / "a.ply")
        prepare(tmp_path / name, tmp_path / f"{name}_data", replace(SMALL, up=up), workers=1, time_limit_s=0)
    one, other = (DataFolder(tmp_path / f"{name}_data") for name in "yz")
    np.testing.assert_allclose(one.surface(KEY), other.surface(KEY), atol=1e-5)
    np.testing.assert_allclose(one.normalisation(KEY).offset, other.normalisation(KEY).offset, atol=1e-5)
    first, second = (TrueMeshes(data).solid(KEY).vertices for data in (one, other))
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_scan_that_is_z_up_is_fitted_as_the_upright_one_and_its_mesh_lies_where_it_does(
    model: Model, tmp_path: Path
) -> None:
    mesh = model.mesh(model.latents[next(iter(model.latents))], 24)
    residuals = {}
    scans: list[tuple[Up, trimesh.Trimesh]] = [("y", mesh), ("z", lying(mesh))]
    for name, scan in scans:
        np.save(tmp_path / f"{name}.npy", np.concatenate([scan.vertices, scan.vertex_normals], axis=1))
        summary = fit_files(model, [tmp_path / f"{name}.npy"], tmp_path / name, steps=2, resolution=16, up=name)
        fitted = trimesh.load(summary["mesh"], force="mesh")
        np.testing.assert_allclose(fitted.bounds, scan.bounds, atol=0.4)
        residuals[name] = summary["residual_before"]
        assert resolve_subject(model, summary["latent"]).normalisation.up == name
    assert residuals["y"] == pytest.approx(residuals["z"], abs=1e-4)


def test_formats_that_say_which_way_is_up_are_not_turned_twice(tmp_path: Path) -> None:
    lying(upright()).export(tmp_path / "a.3mf")
    normalisation = normalisation_of(read_scan(tmp_path / "a.3mf"), RegisterOptions(up="z").up)
    assert normalisation.up == "y"


def test_an_stl_file_stands_on_its_feet_in_millimetres(tmp_path: Path) -> None:
    chair = trimesh.creation.box((0.4, 1.2, 0.6))
    standing = printable(chair)
    np.testing.assert_allclose(standing.bounds, [[-50 / 3, -25, 0], [50 / 3, 25, 100]])
    assert standing.volume > 0
    assert printable(chair, 30).extents.max() == pytest.approx(30)
    assert chair.extents.max() == pytest.approx(1.2)
    with pytest.raises(ValueError, match=r"size_mm must be 0\.001 to 1,000,000, got 0"):
        printable(chair, 0)
    with pytest.raises(ValueError, match="`size_mm` is of `file_format` stl, whose unit is the millimetre"):
        next(reconstruct_files([tmp_path / "a.png"], tmp_path, [], file_format="glb", size_mm=50))


def test_colors_are_not_taken_for_normals(tmp_path: Path) -> None:
    points = np.random.default_rng(0).random((20, 3))
    np.savetxt(tmp_path / "a.xyz", np.column_stack([points, points * 255]))
    with pytest.raises(ValueError, match=r"a.xyz: columns 4 to 6 look like colors, expected normals; leave them out"):
        read_scan(tmp_path / "a.xyz")
    trimesh.PointCloud(points, colors=np.full((20, 4), 200, np.uint8)).export(tmp_path / "a.ply")
    assert read_scan(tmp_path / "a.ply").normals is None
