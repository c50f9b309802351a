import numpy as np
import pytest
import trimesh

from tests.meshes import together
from urform.geometry import (
    SignedDistance,
    SurfaceQuality,
    ThickenedDistance,
    clean,
    face_normals,
    hidden_sign,
    orient,
    sample_faces,
    sample_sdf,
    sample_visible_surface,
    solid_sign,
    surface_quality,
    winding_sign,
)

POINTS = np.random.default_rng(0).uniform(-1, 1, (4000, 3))


def ball(radius: float) -> tuple[np.ndarray, np.ndarray]:
    mesh = trimesh.creation.icosphere(4, radius)
    return np.asarray(mesh.vertices), np.asarray(mesh.faces, np.int64)


@pytest.mark.parametrize("sign", [winding_sign, hidden_sign, solid_sign])
def test_ball_is_negative_inside_and_exact(sign) -> None:
    distance = SignedDistance(*ball(0.7), sign=sign)
    np.testing.assert_allclose(distance(POINTS), np.linalg.norm(POINTS, axis=1) - 0.7, atol=2e-3)


def test_box_is_exact() -> None:
    box = trimesh.creation.box((1.0, 0.6, 0.8))
    distance = SignedDistance(np.asarray(box.vertices), np.asarray(box.faces, np.int64))
    over = np.abs(POINTS) - [0.5, 0.3, 0.4]
    expected = np.linalg.norm(np.maximum(over, 0), axis=1) + np.minimum(over.max(axis=1), 0)
    np.testing.assert_allclose(distance(POINTS), expected, atol=1e-6)


def test_signs_hold_with_flipped_doubled_and_missing_faces() -> None:
    vertices, faces = ball(0.7)
    broken = faces.copy()
    broken[::3] = broken[::3, ::-1]
    broken = np.delete(np.concatenate([broken, faces[::5]]), np.arange(0, 100), axis=0)
    distance = SignedDistance(*clean(vertices, broken)[:2], sign=winding_sign)
    expected = np.linalg.norm(POINTS, axis=1) < 0.7
    assert ((distance(POINTS) < 0) != expected).mean() < 0.005


def test_closed_cavities_are_solid() -> None:
    outer, inner = trimesh.creation.icosphere(3, 0.8), trimesh.creation.icosphere(3, 0.4)
    inner.invert()
    both = together([outer, inner])
    distance = SignedDistance(np.asarray(both.vertices), np.asarray(both.faces, np.int64))
    assert (distance(POINTS[np.linalg.norm(POINTS, axis=1) < 0.39]) < 0).all()


def test_surface_samples_lie_on_the_surface_uniformly() -> None:
    vertices, faces = ball(0.5)
    points = sample_faces(vertices, faces, 20_000, np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 0.5, atol=2e-3)
    assert (points[:, 0] > 0).mean() == pytest.approx(0.5, abs=0.02)
    assert (points[:, 1] > 0.25).mean() == pytest.approx(0.25, abs=0.02)  # Archimedes


def test_samples_are_uniform_within_a_triangle() -> None:
    triangle = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    points = sample_faces(triangle, np.array([[0, 1, 2]]), 40_000, np.random.default_rng(3))
    assert (points[:, :2].sum(axis=1) <= 1).all()
    np.testing.assert_allclose(points.mean(axis=0), [1 / 3, 1 / 3, 0], atol=0.005)


def test_faces_without_area_are_never_drawn() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9]])
    faces = np.array([[3, 3, 3], [0, 1, 2], [3, 3, 3]])
    assert sample_faces(vertices, faces, 500, np.random.default_rng(5)).max() <= 1


def test_inner_walls_are_not_visible() -> None:
    outer, inner = trimesh.creation.box((1, 1, 1)), trimesh.creation.box((0.5, 0.5, 0.5))
    both = together([outer, inner])
    points, face = sample_visible_surface(
        np.asarray(both.vertices), np.asarray(both.faces, np.int64), 3000, np.random.default_rng(0)
    )
    assert len(points) == 3000
    assert (face < len(outer.faces)).all()
    np.testing.assert_allclose(np.abs(points).max(axis=1), 0.5, atol=1e-6)


def test_sdf_samples_follow_the_published_recipe() -> None:
    vertices, faces = ball(0.7)
    rng = np.random.default_rng(0)
    surface = sample_faces(vertices, faces, 5000, rng)
    samples = sample_sdf(SignedDistance(vertices, faces), surface, 10_000, 0.005, 0.0005, rng)
    both = np.concatenate([samples.pos, samples.neg])
    assert both.shape == (10_000, 4)
    assert both.dtype == np.float32
    assert (samples.pos[:, 3] > 0).all()
    assert (samples.neg[:, 3] <= 0).all()
    # Two populations: noise of 0.07 and of 0.022 around the surface, and 600 uniform ones.
    close = np.abs(both[:, 3]) < 0.022
    expected = 0.47 * 0.683 + 0.47 * 0.2457 + 0.06 * 0.028
    assert close.mean() == pytest.approx(expected, abs=0.02)


def test_a_surface_without_area_is_refused() -> None:
    with pytest.raises(ValueError, match="the surface has no area"):
        sample_faces(np.zeros((3, 3)), np.array([[0, 1, 2]]), 5, np.random.default_rng(0))


def boxes() -> tuple[np.ndarray, np.ndarray]:
    """Five overlapping boxes, each closed by itself."""
    parts = []
    for centre, extent in (
        ((0, 0, 0), (1.0, 0.2, 1.0)),
        ((0.4, -0.3, 0.4), (0.2, 0.6, 0.2)),
        ((-0.4, -0.3, -0.4), (0.2, 0.6, 0.2)),
        ((0, 0.3, -0.4), (0.9, 0.7, 0.15)),
        ((0, 0.3, -0.4), (0.15, 0.9, 0.3)),
    ):
        part = trimesh.creation.box(extent).subdivide().subdivide()
        part.apply_translation(centre)
        parts.append(part)
    mesh = together(parts)
    return np.asarray(mesh.vertices), np.asarray(mesh.faces, np.int64)


def in_boxes(points: np.ndarray) -> np.ndarray:
    vertices, _ = boxes()
    inside = np.zeros(len(points), bool)
    for corners in np.split(vertices, 5):
        inside |= ((points > corners.min(axis=0)) & (points < corners.max(axis=0))).all(axis=1)
    return inside


def broken(kind: str) -> tuple[np.ndarray, np.ndarray]:
    vertices, faces = boxes()
    rng = np.random.default_rng(0)
    if kind == "holes":
        return vertices, faces[rng.permutation(len(faces))[: int(0.98 * len(faces))]]
    if kind == "flipped part":
        faces[: len(faces) // 5] = faces[: len(faces) // 5, ::-1]
    if kind == "every third face flipped":
        faces[::3] = faces[::3, ::-1]
    if kind == "doubled":
        faces = np.concatenate([faces, faces[:, ::-1]])
    if kind == "interior wall":
        wall = np.array([[-0.4, -0.08, -0.4], [0.4, -0.08, -0.4], [0.4, 0.08, 0.4], [-0.4, 0.08, 0.4]])
        faces = np.concatenate([faces, np.array([[0, 1, 2], [0, 2, 3]]) + len(vertices)])
        vertices = np.concatenate([vertices, wall])
    return vertices, faces


@pytest.mark.parametrize(
    "kind", ["whole", "holes", "flipped part", "every third face flipped", "doubled", "interior wall"]
)
def test_signs_hold_on_overlapping_and_broken_parts(kind: str) -> None:
    surface, _ = sample_visible_surface(*boxes(), 5000, np.random.default_rng(1))
    drawn = sample_sdf(SignedDistance(*boxes()), surface, 10_000, 0.005, 0.0005, np.random.default_rng(2))
    points = np.concatenate(drawn)[:, :3].astype(np.float64)
    distance = SignedDistance(*clean(*broken(kind))[:2])
    assert ((distance(points) < 0) != in_boxes(points)).mean() < 0.005


def quality(vertices: np.ndarray, faces: np.ndarray, sign=solid_sign) -> SurfaceQuality:
    rng = np.random.default_rng(0)
    points, face = sample_visible_surface(vertices, faces, 1000, rng)
    normals = face_normals(vertices, faces)[face]
    return surface_quality(SignedDistance(vertices, faces, sign), points, normals, rng)


def open_box() -> tuple[np.ndarray, np.ndarray]:
    box = trimesh.creation.box((1, 1, 1))
    faces = np.asarray(box.faces, np.int64)
    return np.asarray(box.vertices), faces[np.asarray(box.face_normals)[:, 1] < 0.5]


def test_quality_tells_solids_from_sheets_and_from_open_boxes() -> None:
    solid, sheet, lidless = quality(*boxes()), quality(*open_box(), hidden_sign), quality(*open_box(), winding_sign)
    assert solid.lost < 0.02
    assert solid.jumps == 0
    assert sheet.lost > 0.95
    assert sheet.jumps < 0.01
    assert lidless.jumps > 0.005
    assert solid.score < min(sheet.score, lidless.score)


def test_sheets_become_slabs() -> None:
    vertices, faces = open_box()
    thick = ThickenedDistance(SignedDistance(vertices, faces, hidden_sign), vertices, faces, 0.1)
    assert thick.sheets.all()
    expected = {(0.5, 0, 0): -0.05, (0.48, 0, 0): -0.03, (0, 0, 0): 0.45, (0, -0.53, 0): -0.02, (0, 0.6, 0): 0.46}
    np.testing.assert_allclose(thick(np.array(list(expected), float)), list(expected.values()), atol=0.005)
    surface, _ = sample_visible_surface(vertices, faces, 2000, np.random.default_rng(0))
    moved, kept = thick.onto_slabs(surface, np.random.default_rng(0))
    assert len(moved) == len(kept) > 1500
    assert np.linalg.norm(moved - surface[kept], axis=1).max() < 0.051
    np.testing.assert_allclose(thick(moved), 0, atol=1e-4)
    assert np.linalg.norm(moved, axis=1).min() > 0.44


def test_solids_are_not_thickened() -> None:
    distance = SignedDistance(*ball(0.7))
    thick = ThickenedDistance(distance, *ball(0.7), 0.1)
    assert not thick.sheets.any()
    np.testing.assert_array_equal(thick(POINTS), distance(POINTS))


def test_faces_are_turned_outwards_the_same_way_each_time() -> None:
    vertices, faces = ball(0.5)
    rng = np.random.default_rng(0)
    box = trimesh.creation.box((0.2, 0.3, 0.4), trimesh.transformations.translation_matrix((0.7, 0, 0)))
    all_vertices = np.concatenate([vertices, box.vertices, box.vertices * 0.1])  # the last hides inside the ball
    parts = [faces, np.asarray(box.faces) + len(vertices), np.asarray(box.faces) + len(vertices) + 8]
    mixed = np.concatenate(parts)
    flips = rng.random(len(mixed)) < 0.4
    mixed[flips] = mixed[flips, ::-1]
    oriented = orient(all_vertices, mixed)
    assert np.array_equal(oriented, orient(all_vertices, mixed))
    assert np.array_equal(np.sort(oriented, axis=1), np.sort(mixed, axis=1))
    normals = face_normals(all_vertices, oriented)
    centres = all_vertices[oriented].mean(axis=1)
    centres[len(faces) : len(faces) + 12] -= [0.7, 0, 0]
    centres[len(faces) + 12 :] -= [0.07, 0, 0]
    assert (np.einsum("nk,nk->n", normals, centres)[: len(faces) + 12] > 0).all()
