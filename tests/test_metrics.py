import numpy as np
import pytest

from urform.geometry import chamfer_deepsdf


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
