import json

import igl
import numpy as np
import pytest
import trimesh

from urform.geometry import Material, TexturedMesh
from urform.render import LEVELS, Camera, Light, RayCaster, ViewLevel, render_views
from urform.render._crowds import MOST_AT_PLACE, MOST_AT_VERTEX, at_most_at_one_place, corner_normals


def quad(texture: np.ndarray | None = None, rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> TexturedMesh:
    """A square of side 1 in the plane z = 0, facing the front."""
    corners = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uv = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])[faces]
    return TexturedMesh(corners, faces, uv, np.ones((2, 3, 3)), np.zeros(2, int), (Material(rgb, texture),))


def test_camera_stands_where_published() -> None:
    camera = Camera(azimuth_deg=30, elevation_deg=20, distance=1.75)
    a, e = np.radians(30), np.radians(20)
    expected = 1.75 * np.array([np.cos(e) * np.cos(a), np.sin(e), np.cos(e) * np.sin(a)])
    np.testing.assert_allclose(camera.position, expected)


def test_rays_go_where_points_project() -> None:
    camera = Camera(70, 25, 2.0, shift=(0.1, -0.1, 0.05))
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (20, 3))
    directions = camera.directions(camera.project(points))
    towards = points - camera.eye
    np.testing.assert_allclose(directions, towards / np.linalg.norm(towards, axis=1, keepdims=True), atol=1e-9)


def test_a_square_covers_what_the_focal_length_says() -> None:
    frame = RayCaster(quad()).render(Camera(90, 0, 2.0), 128)
    side = np.sqrt((frame.color[..., 3] / 255).sum())
    assert side / 128 == pytest.approx(35 / 32 / 2, abs=0.01)


def test_texture_is_upright_and_not_mirrored() -> None:
    texture = np.zeros((2, 2, 3), np.uint8)
    texture[0, 0] = [255, 0, 0]  # the picture's upper left
    texture[1, 1] = [0, 0, 255]
    albedo = RayCaster(quad(texture.repeat(8, 0).repeat(8, 1))).render(Camera(90, 0, 2.0), 64).albedo
    assert albedo[20, 20, :3].tolist() == [255, 0, 0]
    assert albedo[43, 43, :3].tolist() == [0, 0, 255]
    assert albedo[20, 43, :3].tolist() == [0, 0, 0]


def test_both_sides_of_a_face_are_lit_and_albedo_is_not() -> None:
    caster = RayCaster(quad(rgb=(0.5, 0.25, 1.0)))
    for azimuth in (90, 270):
        frame = caster.render(Camera(azimuth, 0, 2.0), 32, Light((0, 0, 1), 0.4))
        assert frame.albedo[16, 16].tolist() == [128, 64, 255, 255]
        np.testing.assert_allclose(frame.color[16, 16], [128, 64, 255, 255], atol=1)
        assert frame.color[0, 0].tolist() == [0, 0, 0, 0]


def test_more_samples_soften_the_border() -> None:
    caster = RayCaster(TexturedMesh.from_trimesh(trimesh.creation.icosphere(3, 0.4)))
    hard, soft = (caster.render(Camera(0, 0, 2.0), 48, samples=samples).color[..., 3] for samples in (1, 4))
    assert set(np.unique(hard)) == {0, 255}
    assert len(np.unique(soft)) > 2
    with pytest.raises(ValueError, match="samples must be a square number"):
        caster.render(Camera(0, 0, 2.0), 48, samples=3)


def test_depth_and_normals_are_those_of_the_surface() -> None:
    caster = RayCaster(TexturedMesh.from_trimesh(trimesh.creation.icosphere(5, 0.4)))
    frame = caster.render(Camera(90, 0, 2.0), 65, geometry=True)
    assert frame.depth is not None
    assert frame.normals is not None
    assert frame.depth[32, 32] == pytest.approx(1.6, abs=2e-3)
    np.testing.assert_allclose(frame.normals[32, 32], [0, 0, 1], atol=0.05)
    assert frame.depth[0, 0] == 0
    seen = frame.depth > 0
    np.testing.assert_array_equal(seen, frame.color[..., 3] > 0)
    np.testing.assert_allclose(np.linalg.norm(frame.normals[seen], axis=1), 1, atol=1e-5)
    right, up = frame.normals[32, 44], frame.normals[20, 32]
    assert right[0] > 0.3
    assert up[1] > 0.3
    assert caster.render(Camera(90, 0, 2.0), 32).depth is None


@pytest.mark.parametrize("level", ["easy", "hard"])
def test_published_views_stay_inside_the_picture(level: str) -> None:
    mesh = TexturedMesh.from_trimesh(trimesh.creation.box((3, 6, 2)))
    views = list(render_views(mesh, LEVELS[level], 6, 48, 1, np.random.default_rng(0)))
    for index, view in enumerate(views):
        numbers = [float(number) for number in view.metadata.strip("[],").split(",")]
        azimuth, elevation, _, distance = numbers[:4]
        assert abs(azimuth - (index + 1) * 60) <= 5
        assert LEVELS[level].elevation_deg[0] <= elevation <= LEVELS[level].elevation_deg[1]
        assert 0.6 <= distance <= 1.1
        assert (np.abs(numbers[7:]).max() > 0) == (level == "hard")
        alpha = view.frame.color[..., 3]
        assert alpha.any()
        if level == "hard":
            border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
            assert not border.any()


def test_views_are_the_same_for_the_same_seed() -> None:
    mesh = TexturedMesh.from_trimesh(trimesh.creation.box())
    first, second = (list(render_views(mesh, LEVELS["hard"], 2, 32, 1, np.random.default_rng(5))) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.frame.color, other.frame.color)


def test_other_cameras() -> None:
    mesh = TexturedMesh.from_trimesh(trimesh.creation.box())
    level = ViewLevel((80, 89), (0.9, 0.9), shift=0.01, focal_mm=50, sensor_mm=36)
    (view,) = render_views(mesh, level, 1, 32, 1, np.random.default_rng(0))
    _, elevation, _, distance, focal, sensor, *_ = json.loads(view.metadata.rstrip(","))
    assert 80 <= elevation <= 89
    assert (distance, focal, sensor) == (0.9, 50, 36)


def test_ordinary_meshes_have_the_normals_of_igl() -> None:
    ball = trimesh.creation.uv_sphere(count=(32, 64))
    vertices, faces = np.asarray(ball.vertices), np.asarray(ball.faces)
    expected = np.asarray(igl.per_corner_normals(vertices, faces.astype(np.int64), 40.0)).reshape(-1, 3, 3)
    np.testing.assert_array_equal(corner_normals(vertices, faces, 40.0), np.nan_to_num(expected))
    assert len(at_most_at_one_place(vertices, faces)) == len(faces)


def test_crowds_of_faces_take_no_longer_than_their_number() -> None:
    """A cone whose 30,000 faces meet at its tip, and 200,000 faces at one place: minutes where each looks at each."""
    angles = np.linspace(0, 2 * np.pi, 30_000, endpoint=False)
    rim = np.stack([np.cos(angles), np.zeros_like(angles), np.sin(angles)], axis=1)
    vertices = np.concatenate([[[0.0, 1.0, 0.0]], rim]) / 4
    number = np.arange(len(rim))
    faces = np.stack([np.zeros_like(number), (number + 1) % len(rim) + 1, number + 1], axis=1)
    normals = corner_normals(vertices, faces, 40.0)
    assert len(faces) > MOST_AT_VERTEX
    np.testing.assert_allclose(normals[:, 0], normals[:, 1], atol=0.1)  # the tip looks to each side as the rim does
    crowd = np.concatenate([faces, np.tile(faces[:1, [1, 2, 0]], (200_000, 1))])
    kept = at_most_at_one_place(vertices, crowd)
    assert kept.tolist() == list(range(len(faces) + MOST_AT_PLACE - 1))
    mesh = TexturedMesh(
        vertices=vertices,
        faces=crowd,
        corner_uv=np.zeros((len(crowd), 3, 2)),
        corner_rgb=np.ones((len(crowd), 3, 3)),
        face_material=np.zeros(len(crowd), np.int64),
        materials=(Material(),),
    )
    frame = RayCaster(mesh).render(Camera(30.0, 20.0, 1.9, 35.0, 32.0), 32)
    assert frame.color[..., 3].max() == 255
