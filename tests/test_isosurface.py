import functools
import logging
from typing import Any

import igl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label, map_coordinates
from skimage.measure import marching_cubes

from urform.geometry._isosurface import extract_isosurface

CLAMP = 0.1


def sphere(radius, centre=(0, 0, 0)):
    return lambda p: np.linalg.norm(p - np.float32(centre), axis=1) - np.float32(radius)


def box(half, centre=(0, 0, 0)):
    def sdf(p):
        q = np.abs(p - np.float32(centre)) - np.float32(half)
        return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0)

    return sdf


def torus(major, minor):
    return lambda p: np.hypot(np.hypot(p[:, 0], p[:, 2]) - major, p[:, 1]) - minor


def union(*parts):
    return lambda p: np.minimum.reduce([part(p) for part in parts])


def clamped(sdf, slope=1.0):
    return lambda p: np.clip(slope * sdf(p), -CLAMP, CLAMP).astype(np.float32)


# Sizes that are no multiples of any spacing used here: vertices on lattice points have several right answers.
CHAIR = clamped(
    union(
        box((0.353, 0.031, 0.347)),
        box((0.353, 0.411, 0.0213), (0, 0.4, -0.331)),
        *[box((0.0211, 0.397, 0.0197), (x, -0.4, z)) for x in (-0.327, 0.327) for z in (-0.319, 0.319)],
    )
)


def lattice(resolution, bound=1.0):
    axis = np.linspace(-bound, bound, resolution + 1).astype(np.float32)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)


def dense_twin(sdf, resolution):
    """Vertices and faces from the dense lattice, with nothing clever."""
    values = sdf(lattice(resolution)).reshape([resolution + 1] * 3).astype(np.float32)
    vertices, faces, _, _ = marching_cubes(values, 0.0, allow_degenerate=False)
    return vertices * 2.0 / resolution - 1, faces


def sorted_rows(vertices):
    rounded = np.round(vertices, 3)
    return vertices[np.lexsort(rounded.T)]


@pytest.mark.parametrize("resolution", [8, 11, 16, 23, 31, 32, 45, 47, 64, 90, 100, 127])
def test_sphere_has_its_radius_at_any_resolution(resolution):
    # Not clamped: cells longer than the clamping distance cannot place their vertices exactly.
    mesh = extract_isosurface(sphere(0.61, (0.1, -0.2, 0.05)), resolution)
    radii = np.linalg.norm(mesh.vertices - [0.1, -0.2, 0.05], axis=1)
    cell = 2 / resolution
    np.testing.assert_allclose(radii, 0.61, atol=0.3 * cell**2 + 0.002)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.61**3, rel=1.7 * cell**2 + 0.001)


def test_volumes_of_box_and_torus():
    mesh = extract_isosurface(clamped(box((0.53, 0.21, 0.37))), 64)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(8 * 0.53 * 0.21 * 0.37, rel=0.01)
    mesh = extract_isosurface(clamped(torus(0.6, 0.17)), 64)
    assert mesh.is_watertight
    assert mesh.euler_number == 0
    assert mesh.volume == pytest.approx(2 * np.pi**2 * 0.6 * 0.17**2, rel=0.01)


def test_axes_keep_their_order_and_faces_look_outwards():
    mesh = extract_isosurface(clamped(box((0.1, 0.2, 0.4), (0.5, -0.3, 0.2))), 50)
    np.testing.assert_allclose(mesh.bounds, [[0.4, -0.5, -0.2], [0.6, -0.1, 0.6]], atol=0.005)
    assert mesh.volume > 0
    assert mesh.is_winding_consistent


@pytest.mark.parametrize("resolution", [16, 41, 64, 96, 101])
@pytest.mark.parametrize("slope", [0.5, 1.0, 1.25])
def test_equals_the_dense_lattice(resolution, slope):
    field = clamped(CHAIR, slope)
    mesh = extract_isosurface(field, resolution, min_component_share=0.0, tolerance=0.0)
    vertices, faces = dense_twin(field, resolution)
    assert mesh.faces.shape == faces.shape
    np.testing.assert_allclose(sorted_rows(mesh.vertices), sorted_rows(vertices), atol=2e-3 * 2 / resolution)
    assert mesh.is_watertight


@pytest.mark.parametrize("radius", [0.95, 0.3])
def test_a_ball_saves_evaluations_and_what_sticks_out_is_followed(radius):
    plain, inside = (
        extract_isosurface(CHAIR, 64, radius=r, min_component_share=0.0, tolerance=0.0) for r in (None, radius)
    )
    np.testing.assert_array_equal(plain.faces, inside.faces)
    np.testing.assert_allclose(plain.vertices, inside.vertices, atol=1e-6)
    assert inside.metadata["evaluations"] < plain.metadata["evaluations"]


def test_evaluates_a_small_share_of_the_lattice_and_counts():
    asked = []

    def sdf(p):
        assert p.dtype == np.float32
        assert np.abs(p).max() <= 1
        asked.append(len(p))
        return CHAIR(p)

    mesh = extract_isosurface(sdf, 128, batch_points=5000)
    assert mesh.metadata["evaluations"] == sum(asked) < 129**3 / 30
    assert max(asked) <= 5000
    assert mesh.is_watertight


def test_a_plate_thinner_than_the_coarse_spacing_stays_whole():
    mesh = extract_isosurface(clamped(box((0.61, 0.0213, 0.43))), 64)
    assert mesh.is_watertight
    assert mesh.body_count == 1
    np.testing.assert_allclose(mesh.extents, [1.22, 0.0426, 0.86], atol=0.005)


def bumpy(p):
    """A sphere with bumps of many sizes, the smallest two cells of 128 wide."""
    waves = sum(np.prod(np.sin(k * np.pi * p + k), axis=1) / (12 * k) for k in (3, 7, 16, 31))
    return (np.linalg.norm(p, axis=1) - 0.55 + waves).astype(np.float32)


@pytest.mark.parametrize("field", [CHAIR, bumpy], ids=["chair", "bumpy"])
def test_tolerance_saves_evaluations_and_is_kept(field):
    exact, near = (extract_isosurface(field, 128, min_component_share=0.0, tolerance=t) for t in (0.0, 0.1))
    assert near.metadata["evaluations"] < 0.99 * exact.metadata["evaluations"]
    assert near.is_watertight
    surfaces = [(np.asarray(mesh.vertices), np.asarray(mesh.faces)) for mesh in (exact, near)]
    for one, other in (surfaces, surfaces[::-1]):
        squared, *_ = igl.point_mesh_squared_distance(one[0], *other)
        assert np.sqrt(np.max(np.asarray(squared))) < 0.1 * 2 / 128


def boxes(rng, count, halves, cell, turned=True):
    """Boxes of half sizes among `halves` (in cells) and up to 1.8 times larger, anywhere; far from one, 1."""

    def part(p, centre, half, turn):
        offset, values = p - np.float32(centre), np.ones(len(p), np.float32)
        near = (np.abs(offset) < np.linalg.norm(half) + 2 * CLAMP).all(axis=1)  # a slope of 0.5 is clamped at twice it
        values[near] = box(half)(offset[near] @ turn)
        return values

    parts = []
    for centre in rng.uniform(-0.9, 0.9, (count, 3)):
        half = np.array(halves[rng.integers(len(halves))]) * rng.uniform(1, 1.8) * cell
        axes = rng.standard_normal((3, 3)) if turned else np.eye(3)[rng.permutation(3)]
        turn = np.linalg.qr(axes)[0].astype(np.float32)
        parts.append(functools.partial(part, centre=centre, half=half, turn=turn))
    return parts


def missed(field, resolution, mesh):
    """How many points the components have that no vertex is beside, and how many components have eight or more."""
    found: Any = label(field(lattice(resolution)).reshape([resolution + 1] * 3) < 0)
    inside, count = found
    steps = np.array(list(np.ndindex(3, 3, 3))) - 1
    corners = np.rint((np.asarray(mesh.vertices) + 1) * resolution / 2).astype(int)[:, None] + steps
    found = inside[tuple(np.clip(corners, 0, resolution).reshape(-1, 3).T)]
    sizes = np.bincount(inside.ravel(), minlength=count + 1)
    left = ~np.isin(np.arange(count + 1), found)
    left[0] = False
    return sizes[left], np.count_nonzero(sizes[1:] >= 8)


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.25])
def test_components_of_eight_points_are_found(slope):
    parts = boxes(np.random.default_rng(3), 50, [(1.3, 1.3, 1.3), (0.8, 0.8, 5), (0.75, 3, 3)], 2 / 64)
    field = clamped(union(sphere(0.3), *parts), slope)
    lost, count = missed(field, 64, extract_isosurface(field, 64, min_component_share=0.0))
    assert count > 20
    assert lost.max(initial=0) < 8


@pytest.mark.parametrize("turned", [False, True])
def test_thin_plates_that_are_not_dropped_are_found_where_only_one_cell_in_seven_is_looked_at(turned):
    plates = boxes(np.random.default_rng(5), 25, [(0.75, 3.5, 3.5)], 2 / 96, turned)  # 4 % of the ball's area
    field = clamped(union(sphere(0.3), *plates))
    mesh, thorough = (extract_isosurface(field, 96, min_component_share=share) for share in (0.02, 0.0))
    lost, count = missed(field, 96, mesh)
    assert count > 20
    assert len(lost) == 0
    assert mesh.metadata["evaluations"] < 0.97 * thorough.metadata["evaluations"]


def test_where_the_inside_reaches_the_wall_the_mesh_is_closed_on_it():
    mesh = extract_isosurface(clamped(box((0.3, 2.0, 0.4))), 40)
    assert mesh.is_watertight
    np.testing.assert_array_equal(mesh.bounds[:, 1], [-1, 1])
    assert mesh.volume == pytest.approx(0.6 * 2 * 0.8, rel=0.015)


@pytest.mark.parametrize("resolution", [32, 40, 51, 64, 77, 96, 100, 128, 150, 192])
@pytest.mark.parametrize("shape", ["sphere", "torus", "box", "plate"])
def test_vertices_lie_on_analytic_surfaces(shape, resolution):
    cell = 2 / resolution
    sdf = {
        "sphere": sphere(0.61, (0.1, -0.2, 0.05)),
        "torus": torus(0.6, 0.17),
        "box": box((0.53, 0.21, 0.37)),
        "plate": box((0.5, 0.75 * cell, 0.4), (0.013, 0.3 * cell, 0.007)),  # 1.5 cells thin, between lattice planes
    }[shape]
    mesh = extract_isosurface(clamped(sdf), resolution)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.body_count == 1
    assert mesh.euler_number == (0 if shape == "torus" else 2)
    # Across a flat side and along a smooth surface the error goes with the cell's square; at an edge a vertex lies
    # within what linear interpolation cuts off.
    error = np.abs(sdf(np.asarray(mesh.vertices, np.float32)))
    assert np.median(error) < (0.05 * cell if shape == "plate" else 0.5 * cell**2 + 1e-4 * cell)
    assert error.max() < (0.4 if shape in ("box", "plate") else 0.1) * cell


def test_a_small_component_far_from_the_rest_is_found():
    cell = 2 / 256
    field = clamped(union(sphere(0.4, (-0.4, -0.4, -0.4)), sphere(4 * cell, (0.51, 0.47, 0.55))))
    mesh = extract_isosurface(field, 256, min_component_share=0.0)
    assert mesh.body_count == 2


def test_a_solid_that_fills_the_walls_is_closed_on_them():
    mesh = extract_isosurface(lambda p: -sphere(0.5)(p), 24, min_component_share=0.0)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(8 - 4 / 3 * np.pi * 0.5**3, rel=0.01)


def test_a_ball_inside_the_shape_is_not_taken_at_its_word():
    for radius in (0.3, 0.01):
        mesh = extract_isosurface(sphere(0.9), 61, radius=radius)
        assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.9**3, rel=0.01)


def test_bound_scales_the_cube():
    mesh = extract_isosurface(clamped(sphere(0.3)), 32, bound=0.5)
    assert mesh.extents == pytest.approx(0.6, abs=0.005)


def test_small_components_are_dropped_and_counted(caplog):
    field = clamped(union(sphere(0.5), sphere(0.045, (0.8, 0.8, 0.8)), sphere(0.2, (-0.7, -0.7, -0.7))))
    with caplog.at_level(logging.INFO, "urform"):
        mesh = extract_isosurface(field, 64)
    assert mesh.body_count == 2
    assert mesh.metadata["dropped_components"] == 1
    assert "dropped 1 components below 1 %" in caplog.text
    assert extract_isosurface(field, 64, min_component_share=0.0).body_count == 3


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), resolution=st.integers(8, 24), whole=st.booleans())
def test_noise_is_watertight(seed, resolution, whole):
    noise = np.random.default_rng(seed).standard_normal((resolution + 1,) * 3)
    # Whole numbers put a tenth and more of the values exactly at zero.
    noise = np.round(2 * noise) if whole else noise
    mesh = extract_isosurface(
        lambda p: map_coordinates(noise, (p.T + 1) / 2 * resolution, order=1), resolution, min_component_share=0.0
    )
    assert mesh.is_watertight
    assert mesh.is_winding_consistent


@pytest.mark.parametrize("seed", [28, 292])
def test_edges_that_four_faces_share_are_parted(seed):
    rng = np.random.default_rng(seed)
    resolution = int(rng.integers(8, 40))
    noise = rng.standard_normal((resolution + 1,) * 3)
    field = lambda p: map_coordinates(noise, (p.T + 1) / 2 * resolution, order=1)  # noqa: E731
    assert extract_isosurface(field, resolution, coarse=resolution, min_component_share=0.0).is_watertight


def test_messages():
    with pytest.raises(ValueError, match=r"no zero crossing in the cube .* outside everywhere \(values 0\.1 to 0\.1\)"):
        extract_isosurface(clamped(sphere(0.1, (5, 5, 5))), 32)
    with pytest.raises(ValueError, match=r"no zero crossing in the cube .* inside everywhere"):
        extract_isosurface(clamped(sphere(5)), 32)
    with pytest.raises(ValueError, match=r"the field must be finite, got [0-9]+ NaN"):
        extract_isosurface(lambda p: np.where(p[:, 0] > 0.5, np.nan, sphere(0.4)(p)), 32)
    for resolution in (7, 513):
        with pytest.raises(ValueError, match=f"resolution must be 8 to 512 cells, got {resolution}"):
            extract_isosurface(sphere(0.5), resolution)
    with pytest.raises(ValueError, match=r"sdf must return shape \(\d+,\), got \(\d+, 1\)"):
        extract_isosurface(lambda p: sphere(0.5)(p)[:, None], 32)
    cases: list[tuple[str, Any]] = [
        ("bound", 0.0),
        ("coarse", 0),
        ("safety", 0.0),
        ("radius", 0.0),
        ("batch_points", 0),
        ("tolerance", -1.0),
    ]
    for name, value in cases:
        with pytest.raises(ValueError, match=f"{name} must"):
            extract_isosurface(sphere(0.5), 32, **{name: value})
    with pytest.raises(ValueError, match=r"min_component_share must be 0 to 1, got 2\.0"):
        extract_isosurface(sphere(0.5), 32, min_component_share=2.0)
