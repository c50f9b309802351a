import itertools

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from urform.geometry import (
    PointIndex,
    chamfer_deepsdf,
    chamfer_l1,
    chamfer_squared,
    earth_movers_distance,
    f_score,
    mutual_neighbours,
    normal_consistency,
    sample_faces,
    volumetric_iou,
)


def cloud(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3))


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def slow_nearest(a, b):
    """A loop over the points of a: distance to the nearest of b, and which one that is."""
    distances, nearest = [], []
    for p in a:
        ways = [float(((p - q) ** 2).sum()) ** 0.5 for q in b]
        distances.append(min(ways))
        nearest.append(ways.index(min(ways)))
    return distances, nearest


def slow_chamfer(a, b):
    return sum(sum(d**2 for d in slow_nearest(*pair)[0]) / len(pair[0]) for pair in ((a, b), (b, a)))


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
    assert chamfer_deepsdf(a, b) == pytest.approx(chamfer_deepsdf(b, a), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    seed=st.integers(0, 10**6),
    place=st.sampled_from([0.0, 1.0, 1e6]),
    size=st.sampled_from([1e-6, 1.0, 1e6]),
    flat=st.integers(0, 3),
    doubled=st.booleans(),
)
def test_neighbours_equal_the_slow_twin_wherever_and_however_large_the_points_are(
    sizes, seed, place, size, flat, doubled
):
    a, b = cloud(sizes[0], seed), cloud(sizes[1], seed + 1)
    a[:, :flat], b[:, :flat] = 0, 0
    if doubled:
        a, b = np.repeat(a, 30, axis=0), np.repeat(b, 30, axis=0)
    a, b = (a + place) * size, (b + place) * size
    found = mutual_neighbours(a, b)
    for points, others, distance, nearest in ((a, b, found.a_distance, found.a_nearest), (b, a, *found[2:])):
        expected = np.linalg.norm(points[:, None] - others, axis=2)
        assert distance == pytest.approx(expected.min(axis=1), rel=1e-5, abs=1e-6 * size)
        assert distance == pytest.approx(np.linalg.norm(points - others[nearest], axis=1), rel=1e-12)


def test_questions_in_pieces_get_the_same_answers():
    index, queries = PointIndex(cloud(500)), cloud(300, 1)
    distance, nearest = index.nearest(queries)
    for size in (1, 7, 100):
        parts = [index.nearest(queries[start : start + size]) for start in range(0, len(queries), size)]
        assert np.array_equal(distance, np.concatenate([part[0] for part in parts]))
        assert np.array_equal(nearest, np.concatenate([part[1] for part in parts]))
    assert np.array_equal(distance, index.nearest_of(PointIndex(queries))[0])


def test_all_metrics_equal_their_slow_twins():
    a, b, a_normals, b_normals = cloud(40, 1), cloud(55, 2), unit(cloud(40, 3)), unit(cloud(55, 4))
    (to_b, in_b), (to_a, in_a) = slow_nearest(a, b), slow_nearest(b, a)
    found = mutual_neighbours(a, b)
    assert chamfer_squared(found) == pytest.approx(slow_chamfer(a, b), rel=1e-12)
    assert chamfer_l1(found) == pytest.approx(0.5 * (sum(to_b) / len(a) + sum(to_a) / len(b)), rel=1e-12)
    for threshold in (0.2, 0.5, 1.0):
        precision = sum(d < threshold for d in to_b) / len(a)
        recall = sum(d < threshold for d in to_a) / len(b)
        assert f_score(found, threshold) == pytest.approx(2 * precision * recall / (precision + recall), rel=1e-12)
    cosines = (
        [abs(a_normals[i] @ b_normals[j]) for i, j in enumerate(in_b)],
        [abs(b_normals[i] @ a_normals[j]) for i, j in enumerate(in_a)],
    )
    expected = 0.5 * sum(np.mean(each) for each in cosines)
    assert normal_consistency(found, a_normals, b_normals) == pytest.approx(expected, rel=1e-12)


def test_a_factor_on_the_points_is_one_on_the_distances():
    a, b = cloud(50), cloud(60, 1)
    scaled, direct = mutual_neighbours(a, b).scaled(2.5), mutual_neighbours(2.5 * a, 2.5 * b)
    assert chamfer_squared(scaled) == pytest.approx(chamfer_squared(direct), rel=1e-12)
    assert f_score(scaled, 0.7) == f_score(direct, 0.7)


def test_two_spheres():
    # Radii 1 and 1.1 round one centre: every distance is 0.1 up to the sampling, all normals agree.
    a, b = unit(cloud(20_000)), unit(cloud(20_000, 1))
    found = mutual_neighbours(a, 1.1 * b)
    assert chamfer_squared(found) == pytest.approx(2 * 0.01, rel=0.03)
    assert chamfer_l1(found) == pytest.approx(0.1, rel=0.02)
    assert normal_consistency(found, a, b) == pytest.approx(1, abs=1e-3)
    assert (f_score(found, 0.099), f_score(found, 0.15)) == (0, 1)
    # Two samples of one sphere: the noise floor is about area / (pi N) a side.
    assert chamfer_deepsdf(a, b) == pytest.approx(2 * 4 / 20_000, rel=0.05)
    inside = np.random.default_rng(2).uniform(-1.1, 1.1, (200_000, 3))
    shared = volumetric_iou(np.linalg.norm(inside, axis=1) < 1, np.linalg.norm(inside, axis=1) < 1.1)
    assert shared == pytest.approx(1 / 1.1**3, abs=0.005)


def test_shifted_cubes():
    # Unit cubes, one shifted by half an edge: half of each is shared.
    points = np.random.default_rng(0).uniform(-0.5, 1.5, (400_000, 3))
    one = np.all((points > 0) & (points < 1), axis=1)
    other = np.all((points > [0.5, 0, 0]) & (points < [1.5, 1, 1]), axis=1)
    assert volumetric_iou(one, other) == pytest.approx(1 / 3, abs=0.01)
    box = trimesh.creation.box((1, 1, 1))
    a = sample_faces(np.asarray(box.vertices), np.asarray(box.faces), 20_000, np.random.default_rng(1))
    # Away by three edges, each point's nearest lies on the side that faces it: 4 of the 6 faces are spread over
    # distances 2..3, one lies at 2, one at 3; in squares (2 * integral of the mean) both ways.
    expected = 2 * (4 * np.mean(np.linspace(2, 3, 10_001) ** 2) + 4 + 9) / 6
    assert chamfer_deepsdf(a, a + np.array([3.0, 0, 0])) == pytest.approx(expected, rel=0.01)


def test_earth_movers_distance_is_that_of_the_best_of_all_assignments():
    a, b = cloud(6), cloud(6, 1)
    best = min(
        np.mean([np.linalg.norm(a[i] - b[j]) for i, j in enumerate(order)])
        for order in itertools.permutations(range(6))
    )
    assert earth_movers_distance(a, b) == pytest.approx(best, rel=1e-12)
    assert earth_movers_distance(a, a[::-1]) == 0
    assert earth_movers_distance(a, a + np.array([0, 0, 0.25])) == pytest.approx(0.25)
    # Two against one: the nearest point alone is not enough, as it is for the Chamfer distance.
    assert earth_movers_distance(np.array([[0.0, 0, 0], [0, 0, 0]]), np.array([[0.0, 0, 0], [1, 0, 0]])) == 0.5


def test_scores_at_their_ends():
    a = cloud(50)
    same, far = mutual_neighbours(a, a), mutual_neighbours(a, a + 100.0)
    assert (f_score(same, 1e-9), f_score(far, 1.0)) == (1, 0)
    normals = unit(cloud(50, 1))
    assert normal_consistency(same, normals, -normals) == pytest.approx(1)
    across = unit(np.cross(normals, [0.3, 0.5, 0.8]))
    assert normal_consistency(same, normals, across) == pytest.approx(0, abs=1e-12)
    some, none = np.array([True, False]), np.array([False, False])
    assert (volumetric_iou(some, some), volumetric_iou(some, none), volumetric_iou(none, none)) == (1, 0, 1)


def test_wrong_points_are_named():
    for metric in (chamfer_deepsdf, mutual_neighbours, earth_movers_distance):
        with pytest.raises(ValueError, match=r"b_points must have shape \(N, 3\) with N > 0, got \(0, 3\)"):
            metric(np.zeros((4, 3)), np.zeros((0, 3)))
        with pytest.raises(ValueError, match="a_points must be finite"):
            metric(np.full((4, 3), np.nan), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="b_points must be as many as a_points, 4, got 3"):
        earth_movers_distance(np.zeros((4, 3)), np.zeros((3, 3)))
    found = mutual_neighbours(cloud(4), cloud(5))
    with pytest.raises(ValueError, match="threshold must be positive, got 0"):
        f_score(found, 0)
    with pytest.raises(ValueError, match=r"b_normals must have shape \(5, 3\), one a point, got \(4, 3\)"):
        normal_consistency(found, cloud(4), cloud(4))
    with pytest.raises(ValueError, match=r"one shape \(K,\) with K > 0, got \(2,\) and \(3,\)"):
        volumetric_iou(np.zeros(2, bool), np.zeros(3, bool))
