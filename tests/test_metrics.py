import numpy as np
import pytest
import trimesh

from urform.geometry._metrics import chamfer_deepsdf, noise_floor, sample_surface


def slow_chamfer(a, b):
    total = 0.0
    for one, other in ((a, b), (b, a)):
        total += sum(min(((p - q) ** 2).sum() for q in other) for p in one) / len(one)
    return total


def test_chamfer_of_a_set_with_itself_is_zero():
    points = np.random.default_rng(0).random((200, 3))
    assert chamfer_deepsdf(points, points) == 0


def test_chamfer_of_a_shifted_grid_is_twice_the_squared_shift():
    grid = np.stack(np.meshgrid(*[np.arange(5.0)] * 3), -1).reshape(-1, 3)
    shifted = grid + np.array([0.2, 0, 0.1])
    assert chamfer_deepsdf(grid, shifted) == pytest.approx(2 * 0.05)


def test_chamfer_counts_each_direction_once():
    assert chamfer_deepsdf(np.zeros((1, 3)), np.array([[0.0, 0, 0], [2, 0, 0]])) == pytest.approx(0 + (0 + 4) / 2)


def test_chamfer_equals_the_slow_twin_and_is_symmetric():
    rng = np.random.default_rng(1)
    a, b = rng.random((60, 3)).astype(np.float32), rng.random((45, 3)).astype(np.float32)
    assert chamfer_deepsdf(a, b) == pytest.approx(slow_chamfer(a.astype(float), b.astype(float)), rel=1e-6)
    assert chamfer_deepsdf(a, b, workers=1) == pytest.approx(chamfer_deepsdf(b, a), rel=1e-12)


def test_chamfer_names_the_side_that_is_wrong():
    with pytest.raises(ValueError, match=r"b_points must have shape \(N, 3\) with N > 0, got \(0, 3\)"):
        chamfer_deepsdf(np.zeros((4, 3)), np.zeros((0, 3)))
    with pytest.raises(ValueError, match="a_points must be finite"):
        chamfer_deepsdf(np.full((4, 3), np.nan), np.zeros((4, 3)))


def test_samples_lie_on_the_surface_and_are_uniform_over_the_area():
    box = trimesh.creation.box((4, 1, 1))
    points = sample_surface(box, 20_000, np.random.default_rng(2))
    half = np.array([2, 0.5, 0.5])
    on_side = np.isclose(np.abs(points), half, atol=1e-9)
    assert points.shape == (20_000, 3)
    assert on_side.any(axis=1).all()
    # The two ends have 2 of 18 units of area.
    assert on_side[:, 0].mean() == pytest.approx(2 / 18, abs=0.01)
    assert np.abs(points.mean(axis=0)).max() < 0.03


def test_samples_are_uniform_within_a_triangle():
    triangle = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False)
    points = sample_surface(triangle, 40_000, np.random.default_rng(3))
    assert (points[:, :2].sum(axis=1) <= 1).all()
    np.testing.assert_allclose(points.mean(axis=0), [1 / 3, 1 / 3, 0], atol=0.005)


def test_same_seed_same_samples():
    sphere = trimesh.creation.icosphere()
    first, second = (sample_surface(sphere, 50, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_faces_without_area_are_never_drawn():
    mesh = trimesh.Trimesh(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9]], [[3, 3, 3], [0, 1, 2], [3, 3, 3]], process=False
    )
    assert sample_surface(mesh, 500, np.random.default_rng(5)).max() <= 1


def test_a_mesh_without_area_is_refused():
    with pytest.raises(ValueError, match="must have an area to sample, got 1 faces"):
        sample_surface(trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False), 5, np.random.default_rng(0))


def test_noise_floor_is_what_two_samples_of_a_sphere_give():
    sphere = trimesh.creation.icosphere(subdivisions=4)
    a, b = (sample_surface(sphere, 5000, np.random.default_rng(seed)) for seed in (6, 7))
    assert chamfer_deepsdf(a, b) == pytest.approx(noise_floor(sphere.area, 5000), rel=0.05)
    with pytest.raises(ValueError, match=r"count at least 1, got 1\.0 and 0"):
        noise_floor(1.0, 0)
