"""Refinement by outlines, several pictures of one object, and textures."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from torch import nn
from trimesh.visual import ColorVisuals

from tests.meshes import together
from tests.small_model import small_weights
from urform.cli import main
from urform.config import PRESETS
from urform.formats import load_mesh, save_mesh
from urform.geometry import TexturedMesh, extract_isosurface
from urform.inference import Model, Shot, mean_of_latents, picture_colors, reconstruct_files, refined, textured
from urform.inference._doubts import shows_outline
from urform.inference._refine import fit_outlines
from urform.inference._together import joined
from urform.models import PoseEstimate
from urform.pictures import CutOut, frame
from urform.render import Camera, RayCaster
from urform.weights import save_weights

CAMERA = Camera(60.0, 25.0, 2.6)


class Ellipsoid(nn.Module):
    """A decoder: the two numbers of the latent are the logarithms of width and height."""

    def forward(self, points: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        stretch = torch.cat([code, torch.zeros_like(code[:, :1])], dim=1).exp()
        return (points / stretch[:, None]).norm(dim=2) - 0.4


def ellipsoids() -> Any:
    decoder, spread = Ellipsoid(), np.random.default_rng(0).normal(0, 1, (50, 2)).astype(np.float32)
    decoder.register_parameter("device", nn.Parameter(torch.zeros(1)))

    def mesh(latent: np.ndarray, resolution: int) -> trimesh.Trimesh:
        code = torch.tensor(latent)[None]
        return extract_isosurface(lambda points: decoder(torch.tensor(points)[None], code)[0].numpy(), resolution)

    latents = {str(place): latent for place, latent in enumerate(spread)}
    return SimpleNamespace(decoder=decoder, latents=latents, mesh=mesh, config=PRESETS["small"])


def seen(mesh: trimesh.Trimesh, size: int = 128, camera: Camera = CAMERA) -> np.ndarray:
    return frame(RayCaster(TexturedMesh.from_trimesh(mesh)).render(camera, 2 * size).albedo, size)


def pose_of(mesh: trimesh.Trimesh, camera: Camera = CAMERA) -> PoseEstimate:
    numbers = (camera.azimuth_deg, camera.elevation_deg, 0.0, camera.distance / mesh.scale, 1.0)
    return PoseEstimate(*(torch.tensor([number]) for number in numbers))


def test_a_latent_moves_until_the_outlines_agree() -> None:
    model, truth = ellipsoids(), np.array([0.35, -0.3], np.float32)
    mesh = model.mesh(truth, 64)
    start = np.zeros(2, np.float32)
    found = refined(model, start, seen(mesh)[None], [pose_of(mesh)])
    # The picture tells proportions, not the size: the frame is filled by the object's box.
    assert abs((found[0] - found[1]) - (truth[0] - truth[1])) < 0.25 < truth[0] - truth[1]


def test_two_pictures_are_refined_together() -> None:
    model, truth = ellipsoids(), np.array([0.35, -0.3], np.float32)
    mesh = model.mesh(truth, 64)
    side = Camera(0.0, 20.0, 2.6)
    framed = np.stack([seen(mesh), seen(mesh, camera=side)])
    found = refined(model, np.zeros(2, np.float32), framed, [pose_of(mesh), pose_of(mesh, side)])
    assert abs((found[0] - found[1]) - (truth[0] - truth[1])) < 0.25


def test_the_encoders_latent_stays_where_outlines_do_not_fit_better(monkeypatch: pytest.MonkeyPatch) -> None:
    model, truth = ellipsoids(), np.array([0.35, -0.3], np.float32)
    mesh = model.mesh(truth, 64)
    monkeypatch.setattr("urform.inference._refine.fit_outlines", lambda *_: np.array([-0.5, 0.5], np.float32))
    np.testing.assert_array_equal(refined(model, truth, seen(mesh)[None], [pose_of(mesh)]), truth)


def test_a_shape_that_refinement_loses_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    model, mesh = ellipsoids(), trimesh.creation.icosphere(3, 0.4)
    monkeypatch.setattr("urform.inference._refine.fit_outlines", lambda *_: np.array([-9.0, -9.0], np.float32))
    start = np.zeros(2, np.float32)
    np.testing.assert_array_equal(refined(model, start, seen(mesh)[None], [pose_of(mesh)]), start)


def test_outlines_of_whole_objects_alone_are_fitted() -> None:
    rgba = np.zeros((60, 60, 4), np.uint8)
    rgba[10:50, 20:40] = 255
    assert shows_outline(CutOut(rgba, "alpha", ()))
    assert not shows_outline(CutOut(rgba, "kept", ()))
    rgba[10:, 20:40] = 255
    assert not shows_outline(CutOut(rgba, "alpha", ()))


def test_refinement_is_the_same_each_time() -> None:
    model, mesh = ellipsoids(), trimesh.creation.icosphere(3, 0.5)
    shot = Shot(seen(mesh), CAMERA)
    first, second = (fit_outlines(model, np.zeros(2, np.float32), [shot]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_model_without_cameras_cannot_refine_or_texture() -> None:
    model, picture = Model(small_weights()), np.full((40, 40, 4), 255, np.uint8)
    assert not model.refines
    with pytest.raises(ValueError, match="refinement needs a model that tells cameras"):
        model.reconstruct(picture, 16, keep_background=True, refine=True)
    with pytest.raises(ValueError, match="texture needs `color` and a model that tells cameras"):
        model.reconstruct(picture, 16, keep_background=True, texture=True)


def test_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="cut must hold at least one picture, got none"):
        Model(small_weights()).reconstruct_object([])


def test_latents_of_several_pictures_are_averaged_and_compared() -> None:
    training = [np.array([1.0, 0.0]), np.array([-1.0, 0.0])]
    answer = mean_of_latents(np.array([[0.5, 0.0], [-0.5, 0.0]]), training)
    np.testing.assert_array_equal(answer.latent, [0.0, 0.0])
    assert answer.disagreement == 0.5
    assert joined([["same", "one"], ["same"]]) == ("picture 1: one", "same")
    assert joined([["alone"]]) == ("alone",)


def test_pictures_of_one_object_make_one_mesh_and_a_bad_one_is_told(tmp_path: Path) -> None:
    for name, grey in (("a.png", 60), ("b.png", 160)):
        picture = np.full((60, 60, 4), (grey, grey, grey, 0), np.uint8)
        picture[10:50, 20:40, 3] = 255
        Image.fromarray(picture).save(tmp_path / name)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    files = [tmp_path / "bad.png", tmp_path / "a.png", tmp_path / "b.png"]
    model = Model(small_weights())
    bad, line = reconstruct_files(files, tmp_path / "out", [model], resolution=16, together=True)
    assert "error" in bad
    assert line["inputs"] == [str(path) for path in files[1:]]
    assert line["disagreement"] >= 0
    assert Path(line["mesh"]).name == "a.glb"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.glb", "a.html", "a.png"]
    json.dumps(line)


def test_a_texture_shows_more_than_the_vertices_know(tmp_path: Path) -> None:
    mesh = together([trimesh.creation.box((0.8, 0.8, 0.8)).subdivide()])
    framed = seen(mesh, 256)
    red = np.arange(256) % 16 < 8
    framed[red, :, :3], framed[~red, :, :3] = (250, 20, 20), (20, 20, 250)
    shot = Shot(framed, _placed(mesh, framed))
    painted = textured(mesh, [shot], 256)
    save_mesh(painted, tmp_path / "box.glb")
    again = load_mesh(tmp_path / "box.glb")
    assert again.materials[0].texture is not None
    shown = RayCaster(again).render(shot.camera, 256, samples=1).albedo
    inner = shown[96:160, 96:160].astype(int)
    stripes = np.abs(inner[..., :3] - framed[96:160, 96:160, :3]).max(axis=2)
    assert (stripes < 80).mean() > 0.8
    by_vertex = mesh.copy()
    by_vertex.visual = ColorVisuals(by_vertex, vertex_colors=picture_colors(mesh, [shot]))
    plain = RayCaster(TexturedMesh.from_trimesh(by_vertex)).render(shot.camera, 256, samples=1).albedo
    assert (np.abs(plain[96:160, 96:160, :3].astype(int) - framed[96:160, 96:160, :3]).max(axis=2) < 80).mean() < 0.7
    closed: Any = trimesh.load(tmp_path / "box.glb", force="mesh")
    closed.merge_vertices(merge_tex=True, merge_norm=True)
    assert closed.is_watertight


def _placed(mesh: trimesh.Trimesh, framed: np.ndarray) -> Camera:
    from urform.inference import place_camera

    return place_camera(pose_of(mesh), mesh, framed)


def test_a_texture_is_for_glb_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`texture` must go with `file_format` glb, got obj"):
        list(
            reconstruct_files([tmp_path / "a.png"], tmp_path, [Model(small_weights())], file_format="obj", texture=True)
        )


def test_the_command_takes_several_pictures_of_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        picture = np.full((60, 60, 4), (90, 90, 90, 0), np.uint8)
        picture[10:50, 20:40, 3] = 255
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    save_weights(tmp_path / "model.safetensors", small_weights())
    files, weights = [str(tmp_path / "a.png"), str(tmp_path / "b.png")], str(tmp_path / "model.safetensors")
    options = ["--together", "--weights", weights, "--out", str(tmp_path / "out"), "--resolution", "16"]
    assert main(["reconstruct", *files, *options]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["inputs"] == files
    assert all(line.startswith(f"urform: {', '.join(files)}: ") for line in said.err.splitlines())
