from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from trimesh.visual import ColorVisuals

from tests.meshes import together
from tests.small_model import SIZES, small_weights
from urform.config import PoseConfig, RunConfig, ShapeConfig
from urform.data import DataFolder, read_eyes, read_split
from urform.files import read_rgba
from urform.formats import load_mesh
from urform.geometry import TexturedMesh
from urform.inference import Model, Shot, overlap, picture_colors, place_camera
from urform.losses import pose_loss
from urform.models import Familiarity, PoseEstimate, PoseNetwork, bin_centres, decode_pose, load_trunk, mirrored_pose
from urform.pictures import frame
from urform.render import Camera, RayCaster
from urform.training import train_pose, train_shape
from urform.training._pose import turn
from urform.weights import load_weights, save_weights


@pytest.fixture(scope="module")
def shape_run(data: Path, split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "shape"
    config = ShapeConfig(model=SIZES, epochs=1, shapes_per_batch=3, points_per_shape=64)
    train_shape(data, [split], run, config, RunConfig(device="cpu", look_every=0))
    return run


def output_of(azimuth_deg: float, elevation: float = 0.3, roll: float = 0.1, log_distance: float = 0.2) -> torch.Tensor:
    logits = 40 * torch.cos(bin_centres() - np.radians(azimuth_deg))
    return torch.cat([logits, torch.tensor([elevation, roll, log_distance])])[None]


def chair() -> trimesh.Trimesh:
    """A seat, a back at z = -0.4, four legs: nothing looks alike from two sides but left and right."""
    parts = [((0.8, 0.08, 0.8), (0, 0, 0)), ((0.8, 0.8, 0.08), (0, 0.4, -0.36))]
    parts += [((0.08, 0.5, 0.08), (x, -0.25, z)) for x in (-0.36, 0.36) for z in (-0.36, 0.36)]
    meshes = [trimesh.creation.box(size, trimesh.transformations.translation_matrix(at)) for size, at in parts]
    return together([mesh.subdivide().subdivide().subdivide() for mesh in meshes])


def photograph(mesh: trimesh.Trimesh, camera: Camera, size: int = 256) -> np.ndarray:
    return frame(RayCaster(TexturedMesh.from_trimesh(mesh)).render(camera, size).albedo, size)


def estimate_of(camera: Camera, mesh: trimesh.Trimesh) -> PoseEstimate:
    numbers = (camera.azimuth_deg, camera.elevation_deg, camera.roll_deg, camera.distance / mesh.scale, 1.0)
    return PoseEstimate(*(torch.tensor([number]) for number in numbers))


@pytest.mark.parametrize("azimuth_deg", [0.0, 4.9, 93.0, 271.5, 359.0])
def test_a_camera_is_read_from_bins_and_numbers(azimuth_deg: float) -> None:
    pose = decode_pose(output_of(azimuth_deg))
    assert abs((pose.azimuth_deg.item() - azimuth_deg + 180) % 360 - 180) < 0.5
    assert pose.elevation_deg.item() == pytest.approx(np.degrees(0.3), abs=1e-3)
    assert pose.distance.item() == pytest.approx(np.exp(0.2), abs=1e-3)
    assert pose.confidence.item() > 0.95


def test_what_looks_alike_from_two_sides_is_not_sure() -> None:
    logits = 40 * torch.cos(2 * (bin_centres() - 1.0))
    pose = decode_pose(torch.cat([logits, torch.zeros(3)])[None])
    assert pose.confidence.item() == pytest.approx(0.5, abs=0.05)


def test_a_mirror_image_is_seen_from_the_other_side() -> None:
    output = output_of(30.0)
    assert decode_pose(mirrored_pose(output)).azimuth_deg.item() == pytest.approx(150.0, abs=0.5)
    assert decode_pose(mirrored_pose(output)).roll_deg.item() == pytest.approx(-np.degrees(0.1), abs=1e-3)
    assert torch.equal(mirrored_pose(mirrored_pose(output)), output)


def test_the_loss_is_least_at_the_truth() -> None:
    others = torch.tensor([[0.3, 0.1, 0.2]])
    losses = [
        pose_loss(output_of(azimuth), torch.tensor([np.radians(40.0)]).float(), others, bin_centres()).item()
        for azimuth in (40.0, 60.0, 220.0)
    ]
    assert losses[0] < losses[1] < losses[2]


def test_the_trunk_is_the_network_of_the_package() -> None:
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra efficientnet is not installed")
    from urform.models import EfficientNetLite0

    whole = EfficientNetLite0()
    whole.load_imagenet("efficientnet-lite0")
    found: list[torch.Tensor] = []
    whole.eval().network._blocks[10].register_forward_hook(lambda *passed: found.append(passed[-1]))
    pictures = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole.features(pictures)
        mine = load_trunk()(pictures)
    expected = torch.nn.functional.adaptive_avg_pool2d(found[0], 4)
    assert (mine - expected).abs().max() < 0.01 * expected.abs().max()  # 16-bit weights


def test_the_trunk_wants_its_own_size() -> None:
    with pytest.raises(ValueError, match=r"must have shape \(B, 3, 128, 128\)"):
        load_trunk()(torch.zeros(1, 3, 64, 64))


@pytest.mark.parametrize("degrees", [-12.0, 12.0])
def test_a_picture_is_turned_counter_clockwise(degrees: float) -> None:
    bar = np.zeros((128, 128, 4), np.uint8)
    bar[58:70, 10:118] = 255
    rows, columns = np.nonzero(turn(bar, degrees)[..., 3] > 127)
    slope = np.polyfit(columns, -rows, 1)[0]
    assert np.degrees(np.arctan(slope)) == pytest.approx(degrees, abs=1.0)


@pytest.mark.parametrize("roll_deg", [0.0, 10.0])
def test_the_camera_is_placed_so_that_mesh_and_picture_lie_upon_each_other(roll_deg: float) -> None:
    mesh, camera = chair(), Camera(60.0, 25.0, 2.6, roll_deg=roll_deg)
    framed = photograph(mesh, camera)
    placed = place_camera(estimate_of(camera, mesh), mesh, framed)
    assert overlap(placed, mesh, framed) > 0.93
    wrong = place_camera(estimate_of(replace(camera, azimuth_deg=150.0), mesh), mesh, framed)
    assert overlap(wrong, mesh, framed) < 0.8


def test_colors_come_from_the_picture_and_from_the_mirror_image() -> None:
    mesh, camera = chair(), Camera(60.0, 25.0, 2.6)
    truth = np.where(mesh.vertices[:, 1:2] > 0.05, [200, 30, 30], [30, 30, 200]).astype(np.uint8)  # back and rest
    painted = mesh.copy()
    painted.visual = ColorVisuals(painted, vertex_colors=truth)
    framed = photograph(painted, camera, 512)
    colors = picture_colors(mesh, [Shot(framed, place_camera(estimate_of(camera, mesh), mesh, framed))])
    assert colors.shape == (len(mesh.vertices), 3)
    wrong = np.abs(colors.astype(int) - truth).max(axis=1) > 60
    assert wrong.mean() < 0.05


def test_fine_meshes_get_colors_too() -> None:
    mesh = trimesh.creation.icosphere(6, 0.5)
    framed = np.full((64, 64, 4), (10, 200, 90, 255), np.uint8)
    assert len(mesh.vertices) > 40_000  # more than a picture of OpenCV may have rows
    assert (picture_colors(mesh, [Shot(framed, Camera(60.0, 25.0, 2.6))]) == (10, 200, 90)).all()


def test_one_pixel_gives_its_color_to_all() -> None:
    mesh = trimesh.creation.icosphere(1, 0.5)
    framed = np.zeros((64, 64, 4), np.uint8)
    framed[30:37, 30:37] = (10, 200, 90, 255)
    colors = picture_colors(mesh, [Shot(framed, Camera(0.0, 0.0, 2.6, focal_mm=8.0))])
    assert (colors == (10, 200, 90)).all()


def test_a_mesh_that_is_nowhere_seen_is_grey() -> None:
    mesh = chair()
    nothing = np.zeros((64, 64, 4), np.uint8)
    assert (picture_colors(mesh, [Shot(nothing, Camera(60.0, 25.0, 2.6))]) == 180).all()


def test_cameras_of_views_are_read(data: Path, split: Path) -> None:
    folder, key = DataFolder(data), read_split(split)[0]
    eyes = folder.eyes(key)
    assert len(eyes) == len(folder.view_files(key)) > 0
    elevation = np.degrees(np.arcsin(eyes[:, 1] / np.linalg.norm(eyes, axis=1)))
    easy = len(folder.view_files(key, ("easy",)))
    assert ((elevation[:easy] > 19.9) & (elevation[:easy] < 30.1)).all()


def test_damaged_cameras_are_named(tmp_path: Path) -> None:
    (tmp_path / "00.png").touch()
    (tmp_path / "rendering_metadata.txt").write_text("[1, 2],\n")
    with pytest.raises(ValueError, match=r"rendering_metadata\.txt: damaged, expected a line for each view"):
        read_eyes(tmp_path)


def test_it_learns_resumes_and_tells(data: Path, split: Path, shape_run: Path, tmp_path: Path) -> None:
    config = PoseConfig(epochs=20, batch_size=8, copies=1)
    run, parts = tmp_path / "run", tmp_path / "parts"
    train_pose(shape_run, data, [split], run, config, RunConfig(look_every=0))
    train_pose(shape_run, data, [split], parts, config, RunConfig(look_every=0, stop_after=3))
    train_pose(shape_run, data, [split], parts, config, RunConfig(look_every=0, resume=True))
    assert (run / "model.safetensors").read_bytes() == (parts / "model.safetensors").read_bytes()
    losses = [
        float(line.split('"loss": ')[1].split(",")[0]) for line in (run / "metrics.jsonl").read_text().splitlines()
    ]
    assert losses[-1] < 0.8 * losses[0]
    weights = load_weights(run)
    before = load_weights(shape_run)
    assert weights.pose is not None
    assert torch.equal(weights.latents, before.latents)
    folder, key = DataFolder(data), read_split(split)[0]
    view = read_rgba(folder.view_files(key)[0])
    pose = Model(weights).pose(frame(view, 128)[None])
    assert 0 < pose.confidence.item() <= 1


def test_what_is_unlike_the_views_is_strange() -> None:
    generator = torch.Generator().manual_seed(0)
    views = torch.randn(2000, 112, 4, 4, generator=generator) * torch.linspace(0.5, 2, 112)[:, None, None]
    familiarity = Familiarity()
    familiarity.learn(views[:1500], views[1500:])
    assert (familiarity(views[1500:]) > 1).float().mean().item() == pytest.approx(0.05, abs=0.01)
    assert (familiarity(views[1500:] + 1) > 1.4).all()


def test_a_model_without_it_says_so() -> None:
    with pytest.raises(ValueError, match="urform train pose"):
        Model(small_weights()).pose(np.zeros((1, 128, 128, 4), np.uint8))


def test_a_picture_gives_a_colored_mesh_and_its_camera(tmp_path: Path) -> None:
    small = small_weights()
    torch.manual_seed(0)
    weights = replace(small, pose=PoseNetwork(), familiarity=Familiarity())
    save_weights(tmp_path / "m.safetensors", weights, half=True)
    model = Model(load_weights(tmp_path / "m.safetensors"))
    picture = np.zeros((80, 80, 4), np.uint8)
    picture[10:70, 15:65] = (200, 40, 30, 255)
    with pytest.raises(ValueError, match=r"does not look like a ball: strangeness .* `force`"):
        model.reconstruct(picture, resolution=32)  # a familiarity that learned nothing knows nothing
    result = model.reconstruct(picture, resolution=32, force=True, refine=False)
    assert result.camera is not None
    assert result.overlap is not None
    assert result.overlap > 0.3  # a network that learned nothing names any direction
    assert isinstance(result.mesh.visual, ColorVisuals)
    np.testing.assert_allclose(np.median(result.mesh.visual.vertex_colors[:, :3], axis=0), (200, 40, 30), atol=3)
    grey = model.reconstruct(picture, resolution=32, color=False, force=True)
    assert grey.mesh.visual is not None
    assert not grey.mesh.visual.defined
    result.save(tmp_path / "mesh.glb")
    np.testing.assert_allclose(
        load_mesh(tmp_path / "mesh.glb").corner_rgb.mean(axis=(0, 1)) * 255, (200, 40, 30), atol=9
    )
