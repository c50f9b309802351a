import json
import shutil

import igl
import numpy as np
import pytest
import trimesh

from urform.synth import CHAIR_FAMILIES, make_chair, save_shape, synthesize


@pytest.fixture(scope="module")
def chairs():
    return [make_chair(0, index) for index in range(24)]


def test_the_same_seed_and_index_give_the_same_chair(chairs):
    again = make_chair(0, 3)
    np.testing.assert_array_equal(again.mesh.vertices, chairs[3].mesh.vertices)
    np.testing.assert_array_equal(again.mesh.faces, chairs[3].mesh.faces)
    np.testing.assert_array_equal(again.face_part, chairs[3].face_part)
    assert again.materials == chairs[3].materials
    assert again.parameters == chairs[3].parameters


def test_series_below_a_hundred_keep_their_chairs(chairs):
    drawn = ["lounge", "office", "side", "office", "office", "thin_pad", "thin_pad", "side", "bar_stool", "tub"]
    assert [chair.family for chair in chairs[:10]] == drawn
    assert {chair.family for chair in chairs} <= set(CHAIR_FAMILIES[:17])


def test_series_from_a_hundred_on_have_all_families():
    assert [make_chair(100, index).family for index in (3, 8)] == ["settle", "wrapped_stool"]


def test_another_seed_gives_another_chair(chairs):
    assert make_chair(1, 3).mesh.vertices.shape != chairs[3].mesh.vertices.shape


def test_chairs_are_one_closed_surface_on_the_floor(chairs):
    for chair in chairs:
        assert chair.mesh.is_watertight
        assert chair.mesh.body_count == 1
        assert chair.mesh.volume > 0.002
        assert chair.mesh.bounds[0, 1] == 0
        assert 300 <= len(chair.mesh.faces) <= 12_000
        assert 0.4 < np.linalg.norm(chair.mesh.extents) < 2.2


def test_every_face_has_a_part_and_a_material(chairs):
    for chair in chairs:
        assert len(chair.face_part) == len(chair.face_material) == len(chair.mesh.faces)
        assert 0 <= chair.face_part.min() <= chair.face_part.max() < len(chair.part_names)
        assert 0 <= chair.face_material.min() <= chair.face_material.max() < len(chair.materials)
        assert all(0 <= value <= 1 for material in chair.materials for value in material.rgb)


def test_a_tall_back_rises_behind_the_seat(chairs):
    backs = [c.keypoints for c in chairs if {"back_top_left", "seat_front_left"} <= c.keypoints.keys()]
    assert len(backs) > 5
    for points in backs:
        assert points["back_top_left"][2] < points["seat_front_left"][2]
        assert points["back_top_left"][1] > points["seat_front_left"][1]
        assert points["back_top_left"][0] == -points["back_top_right"][0] > 0


def test_keypoints_lie_near_the_surface(chairs):
    for chair in chairs:
        points = np.stack(list(chair.keypoints.values()))
        distance = np.sqrt(igl.point_mesh_squared_distance(points, chair.mesh.vertices, chair.mesh.faces)[0])
        assert distance.max() < 0.12, (chair.family, dict(zip(chair.keypoints, distance.round(2), strict=True)))


def test_no_two_chairs_are_alike(chairs):
    sizes = np.stack([[*chair.mesh.extents, np.cbrt(chair.mesh.volume)] for chair in chairs])
    distance = np.linalg.norm(sizes[:, None] - sizes[None], axis=-1)
    assert distance[~np.eye(len(chairs), dtype=bool)].min() > 0.005


@pytest.mark.parametrize("family", CHAIR_FAMILIES)
def test_every_family_can_be_drawn(family):
    chair = make_chair(3, 0, family)
    assert chair.family == family
    assert chair.mesh.is_watertight


def test_an_unknown_family_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"family must be one of side, captain.*got 'throne'"):
        make_chair(0, 0, "throne")


def test_a_saved_chair_reads_back_watertight(chairs, tmp_path):
    chair = chairs[0]
    save_shape(chair, tmp_path / "chair")
    mesh = trimesh.load_mesh(tmp_path / "chair/model.obj", process=False)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(chair.mesh.volume, rel=1e-5)
    text = (tmp_path / "chair/model.obj").read_text()
    materials = (tmp_path / "chair/model.mtl").read_text()
    assert {line.split()[1] for line in text.splitlines() if line.startswith("g ")} <= set(chair.part_names)
    assert all(f"newmtl {m.name}\n" in materials for m in chair.materials)
    description = json.loads((tmp_path / "chair/shape.json").read_text())
    assert description["family"] == chair.family
    assert description["keypoints"].keys() == chair.keypoints.keys()


def test_synthesize_keeps_what_is_complete(tmp_path):
    first = synthesize("chair", 2, 0, tmp_path)
    (first[0] / "model.obj").write_text("kept")
    shutil.rmtree(first[1])
    first[1].mkdir()
    folders = synthesize("chair", 3, 0, tmp_path)
    assert [folder.name for folder in folders] == ["chair_0_00000", "chair_0_00001", "chair_0_00002"]
    assert (folders[0] / "model.obj").read_text() == "kept"
    assert all((folder / "shape.json").exists() for folder in folders)
    assert len(list(tmp_path.iterdir())) == 3


def test_synthesize_deletes_nothing_of_others(tmp_path):
    (tmp_path / "chair_0_00000").mkdir()
    (tmp_path / "chair_0_00000" / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="chair_0_00000: is there and holds no synthetic object"):
        synthesize("chair", 2, 0, tmp_path)
    assert (tmp_path / "chair_0_00000" / "thesis.txt").read_text() == "years of work"


def test_an_unknown_category_is_named_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"category must be one of chair, .*got 'teapot'"):
        synthesize("teapot", 1, 0, tmp_path)
