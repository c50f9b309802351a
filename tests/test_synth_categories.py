"""What the generators of all categories but chairs have in common; chairs have tests of their own."""

import igl
import numpy as np
import pytest

from urform.synth import (
    LAMP_FAMILIES,
    PLANE_FAMILIES,
    SOFA_FAMILIES,
    TABLE_FAMILIES,
    make_lamp,
    make_plane,
    make_sofa,
    make_table,
    synthesize,
)

MAKERS = {"lamp": make_lamp, "plane": make_plane, "sofa": make_sofa, "table": make_table}
FAMILIES = [
    (category, family)
    for category, families in (
        ("lamp", LAMP_FAMILIES),
        ("plane", PLANE_FAMILIES),
        ("sofa", SOFA_FAMILIES),
        ("table", TABLE_FAMILIES),
    )
    for family in families
]
THICKNESS = {"lamp": 0.01, "plane": 0.005, "sofa": 0.01, "table": 0.01}
"""Of most of the surface, in diagonals; the rear edges of wings are thinner than furniture."""


@pytest.fixture(scope="module", params=MAKERS)
def objects(request):
    return [MAKERS[request.param](0, index) for index in range(10)]


@pytest.mark.parametrize("category", MAKERS)
def test_the_same_seed_and_index_give_the_same_object(category):
    one, other = (MAKERS[category](0, 4) for _ in range(2))
    np.testing.assert_array_equal(one.mesh.vertices, other.mesh.vertices)
    np.testing.assert_array_equal(one.mesh.faces, other.mesh.faces)
    np.testing.assert_array_equal(one.face_part, other.face_part)
    assert (one.family, one.materials, one.parameters) == (other.family, other.materials, other.parameters)
    assert MAKERS[category](1, 4).mesh.vertices.shape != one.mesh.vertices.shape


@pytest.mark.parametrize(("category", "family"), FAMILIES)
def test_every_family_gives_a_closed_surface_with_parts_and_keypoints_on_it(category, family):
    shape = MAKERS[category](3, 0, family)
    assert shape.family == family
    assert shape.mesh.is_watertight
    assert shape.mesh.body_count == 1
    assert shape.mesh.bounds[0, 1] == 0
    assert 60 <= len(shape.mesh.faces) <= 12_000
    assert len(shape.part_names) > 1
    assert set(shape.face_part) <= set(range(len(shape.part_names)))
    assert set(shape.face_material) <= set(range(len(shape.materials)))
    points = np.stack(list(shape.keypoints.values()))
    distance = np.sqrt(igl.point_mesh_squared_distance(points, shape.mesh.vertices, shape.mesh.faces)[0])
    assert distance.max() < 0.06 * np.linalg.norm(shape.mesh.extents), dict(zip(shape.keypoints, distance, strict=True))
    assert thick_share(shape.mesh, THICKNESS[category]) > 0.7


@pytest.mark.parametrize("family", PLANE_FAMILIES)
def test_planes_fly_towards_plus_z_and_are_alike_at_both_sides(family):
    shape = make_plane(3, 1, family)
    points = shape.keypoints
    assert points["nose"][2] > points["tail"][2]
    assert points["wing_tip_left"][0] > 0.9 * shape.mesh.bounds[1, 0]
    np.testing.assert_allclose(points["wing_tip_left"], points["wing_tip_right"] * (-1, 1, 1))
    fins = [point for name, point in points.items() if name.startswith("fin_top")]
    assert all(point[2] < points["wing_root_front_left"][2] for point in fins)
    assert {"fuselage", "wing"} <= set(shape.part_names)


def thick_share(mesh, thickness):
    """Share of the surface below which the solid is so many diagonals thick: half way in, no surface is nearer."""
    depth = thickness / 2 * np.linalg.norm(mesh.extents)
    inside = mesh.triangles_center - mesh.face_normals * depth
    distance = np.sqrt(igl.point_mesh_squared_distance(inside, mesh.vertices, mesh.faces)[0])
    return mesh.area_faces[distance > 0.9 * depth].sum() / mesh.area


def test_no_two_objects_of_a_series_are_alike(objects):
    sizes = np.stack([[*shape.mesh.extents, np.cbrt(shape.mesh.volume)] for shape in objects])
    distance = np.linalg.norm(sizes[:, None] - sizes[None], axis=-1)
    assert distance[~np.eye(len(objects), dtype=bool)].min() > 0.005


def test_a_series_has_several_families(objects):
    assert len({shape.family for shape in objects}) >= 4


@pytest.mark.parametrize("category", MAKERS)
def test_an_unknown_family_is_named_with_the_known_ones(category):
    with pytest.raises(ValueError, match=r"family must be one of .*got 'throne'"):
        MAKERS[category](0, 0, "throne")


@pytest.mark.parametrize("category", MAKERS)
def test_synthesize_writes_what_chairs_have_too(category, tmp_path):
    folder = synthesize(category, 1, 2, tmp_path)[0]
    assert folder.name == f"{category}_2_00000"
    assert {path.name for path in folder.iterdir()} == {"model.obj", "model.mtl", "shape.json"}
