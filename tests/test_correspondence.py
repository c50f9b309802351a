import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from trimesh.visual import ColorVisuals

from tests import mesh_files
from urform.cli import main
from urform.correspondence import (
    canonical_and_place,
    color_at,
    group_labels,
    label_colors,
    nearest_canonical,
    read_labels,
    transfer_colors,
    transfer_files,
    transfer_keypoints,
    transfer_labels,
)
from urform.correspondence._transfer_files import Kind
from urform.data import read_keypoints
from urform.evaluation import UNLABELLED, Known, Placed, carried_parts, keypoint_errors, label_iou, part_iou, pck
from urform.fitting import LatentFile, Scan, Subject, read_scan, resolve_subject, write_latent_file
from urform.formats import load_mesh
from urform.geometry import Normalisation, spread_points
from urform.inference import Model, load

IDENTITY = Normalisation(np.zeros(3), 1.0)
SHIFT = 3.0


class ShiftingModel(Model):
    """Its warp is known: it takes away as much of x as the latent's first number says."""

    def __init__(self) -> None:
        pass

    def canonical(self, points: np.ndarray, latent: np.ndarray) -> np.ndarray:
        return points - np.array([latent[0], 0, 0])


@pytest.fixture(scope="module")
def model() -> Model:
    return load("chair")


@pytest.fixture
def block(tmp_path: Path) -> Path:
    """A box of many faces, its lower half called leg, its upper half seat."""
    mesh = trimesh.creation.box((1, 2, 1))
    for _ in range(3):
        mesh = mesh.subdivide()
    upper = mesh.triangles_center[:, 1] > 0
    lines = ["v {} {} {}".format(*vertex) for vertex in mesh.vertices]
    for name, chosen in (("leg", ~upper), ("seat", upper)):
        lines += [f"g {name}", *("f {} {} {}".format(*face) for face in mesh.faces[chosen] + 1)]
    (tmp_path / "block.obj").write_text("\n".join(lines))
    return tmp_path / "block.obj"


def subject(scan: Scan, shift: float) -> Subject:
    """The scan, moved along x by what its latent says."""
    moved = replace(scan, vertices=scan.vertices + np.array([shift, 0, 0]))
    return Subject("moved", np.array([shift], np.float32), moved, IDENTITY)


@pytest.mark.parametrize("shift", [0.0, SHIFT])
def test_labels_of_faces_are_carried_to_the_shifted_mesh(block: Path, shift: float) -> None:
    scan = read_scan(block)
    labels = group_labels(scan, "block")
    carried = transfer_labels(ShiftingModel(), subject(scan, 0), subject(scan, shift), labels, place_weight=0)
    assert carried.labels.named(carried.labels.index) == list(scan.face_group)
    assert carried.distance.max() < 0.1
    np.testing.assert_allclose(carried.surface.vertices, scan.vertices + np.array([shift, 0, 0]))


def test_without_the_warp_a_shift_would_carry_other_labels(block: Path) -> None:
    scan = read_scan(block)
    far = replace(subject(scan, 0), scan=replace(scan, vertices=scan.vertices + np.array([0, 2.0, 0])))
    carried = transfer_labels(ShiftingModel(), subject(scan, 0), far, group_labels(scan, "block"))
    assert carried.labels.named(carried.labels.index) != list(scan.face_group)
    assert carried.distance.max() > 1.9


def test_labels_of_vertices_are_carried(block: Path, tmp_path: Path) -> None:
    scan = read_scan(block)
    side = (scan.vertices[:, 0] > 0.1).astype(int)
    np.save(tmp_path / "side.npy", side)
    source, target = subject(scan, 0), subject(scan, SHIFT)
    labels = read_labels(tmp_path / "side.npy", source.surface(ShiftingModel()), "block")
    carried = transfer_labels(ShiftingModel(), source, target, labels, place_weight=0)
    assert labels.per == "vertex"
    assert np.mean(np.array(carried.labels.named(carried.labels.index)) == side.astype(str)) > 0.98


def test_labels_of_quadrilaterals_are_carried(tmp_path: Path) -> None:
    (tmp_path / "box.obj").write_text(mesh_files.obj())
    names = ["left", "right", "low", "high", "back", "front"]
    (tmp_path / "side.txt").write_text("\n".join(names))
    source = subject(read_scan(tmp_path / "box.obj"), 0)
    labels = read_labels(tmp_path / "side.txt", source.surface(ShiftingModel()), "box")
    assert labels.named(labels.index) == np.repeat(names, 2).tolist()
    target = subject(read_scan(tmp_path / "box.obj"), SHIFT)
    carried = transfer_labels(ShiftingModel(), source, target, labels, place_weight=0)
    assert carried.labels.named(carried.labels.index) == labels.named(labels.index)
    (tmp_path / "side.txt").write_text("a\nb")
    with pytest.raises(ValueError, match=r"but box has 8 vertices and 6 faces \(12 triangles\)"):
        read_labels(tmp_path / "side.txt", source.surface(ShiftingModel()), "box")


def test_keypoints_are_carried_between_coordinates(block: Path) -> None:
    scan = read_scan(block)
    source = subject(scan, 0)
    target = replace(subject(scan, SHIFT), normalisation=Normalisation(np.array([5.0, 0, 0]), 2.0))
    # In its own coordinates the target is half as large, and 5 to the left.
    assert target.scan is not None
    own = replace(target.scan, vertices=target.normalisation.undo(target.scan.vertices))
    carried = transfer_keypoints(
        ShiftingModel(), source, replace(target, scan=own), {"corner": np.array([0.5, 1.0, 0.5])}, place_weight=0
    )
    np.testing.assert_allclose(carried.points["corner"], ((0.5 + SHIFT) / 2 - 5, 0.5, 0.25), atol=0.02)
    assert carried.distance["corner"] < 0.05


def test_colors_are_carried_by_material(tmp_path: Path) -> None:
    mesh = trimesh.creation.box((1, 2, 1))
    for _ in range(4):
        mesh = mesh.subdivide()
    right = mesh.triangles_center[:, 0] > 0
    (tmp_path / "two.mtl").write_text("newmtl white\nKd 1 1 1\nnewmtl dark\nKd 0.2 0.2 0.2\n")
    lines = ["mtllib two.mtl", *("v {} {} {}".format(*vertex) for vertex in mesh.vertices)]
    for name, chosen in (("white", right), ("dark", ~right)):
        lines += [f"usemtl {name}", *("f {} {} {}".format(*face) for face in mesh.faces[chosen] + 1)]
    (tmp_path / "two.obj").write_text("\n".join(lines))
    scan = read_scan(tmp_path / "two.obj")
    source, target = subject(scan, 0), subject(scan, SHIFT)
    carried = transfer_colors(ShiftingModel(), replace(source, scan=scan), target, place_weight=0)
    away = np.abs(scan.vertices[:, 0]) > 0.06
    expected = np.where(scan.vertices[:, 0] > 0, 1.0, 0.2)
    np.testing.assert_allclose(carried.rgb[away, 0], expected[away], atol=1e-6)


def test_the_color_of_a_point_is_its_textures(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0], pixels[0, 1], pixels[1, 0], pixels[1, 1] = (255, 0, 0), (0, 255, 0), (0, 0, 255), (51, 51, 51)
    Image.fromarray(pixels).save(tmp_path / "t.png")
    (tmp_path / "m.mtl").write_text("newmtl m\nKd 1 1 1\nmap_Kd t.png\n")
    corners = ["v 0 0 0", "v 1 0 0", "v 1 1 0", "v 0 1 0", "vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1"]
    (tmp_path / "m.obj").write_text("\n".join(["mtllib m.mtl", *corners, "usemtl m", "f 1/1 2/2 3/3", "f 1/1 3/3 4/4"]))
    mesh = load_mesh(tmp_path / "m.obj")
    points = spread_points(mesh.vertices, mesh.faces, 400, np.random.default_rng(0))
    row, column = (points.points[:, 1] < 0.5).astype(int), (points.points[:, 0] > 0.5).astype(int)
    np.testing.assert_allclose(color_at(mesh, points), pixels[row, column] / 255, atol=1e-6)


def test_spread_points_lie_where_their_weights_say_and_evenly() -> None:
    mesh = trimesh.creation.box((1, 2, 4))
    points = spread_points(mesh.vertices, mesh.faces, 20_000, np.random.default_rng(0))
    np.testing.assert_allclose(points.weights.sum(axis=1), 1)
    expected = (points.weights[:, :, None] * mesh.vertices[mesh.faces[points.face]]).sum(axis=1)
    np.testing.assert_allclose(points.points, expected, atol=1e-12)
    share = np.bincount(points.face, minlength=12) / 20_000
    np.testing.assert_allclose(share, mesh.area_faces / mesh.area, atol=0.01)


def test_places_count_by_their_weight() -> None:
    points, latent = np.random.default_rng(0).random((9, 3)), np.array([SHIFT], np.float32)
    compared = canonical_and_place(ShiftingModel(), points, latent, 0.5)
    np.testing.assert_allclose(compared[:, :3], points - np.array([SHIFT, 0, 0]))
    np.testing.assert_allclose(compared[:, 3:], points / 2)
    with pytest.raises(ValueError, match="place_weight must be at least 0, got -1"):
        canonical_and_place(ShiftingModel(), points, latent, -1)


def test_distances_are_canonical_ones_whatever_else_is_compared() -> None:
    query, among = np.array([[0, 0, 0, 1.0]]), np.array([[3, 4, 0, 1.0], [1, 0, 0, 9]])
    matches = nearest_canonical(query, among)
    assert matches.index.tolist() == [0]
    assert matches.distance.tolist() == [5]


def test_nearest_canonical_agrees_with_all_distances() -> None:
    rng = np.random.default_rng(0)
    query, among = rng.random((50, 3)), rng.random((70, 3))
    distances = np.linalg.norm(query[:, None] - among, axis=2)
    matches = nearest_canonical(query, among)
    np.testing.assert_array_equal(matches.index, distances.argmin(axis=1))
    np.testing.assert_allclose(matches.distance, distances.min(axis=1))


def known(points: np.ndarray, part: list[int], **keypoints: tuple[float, float, float]) -> Known:
    named = {name: np.array(point, float) for name, point in keypoints.items()}
    return Known(np.asarray(points, float), np.array(part), named, diagonal=2.0)


def test_keypoint_errors_are_distances_from_where_they_should_be() -> None:
    line = np.stack([np.arange(5.0), np.zeros(5), np.zeros(5)], axis=1)
    first = known(line, [0] * 5, a=(1, 0, 0), b=(2, 0, 0))
    second = known(line, [0] * 5, a=(4, 0, 0), c=(0, 0, 0))
    here = [Placed(line, first.keypoints), Placed(line, second.keypoints)]
    errors = keypoint_errors([first, second], here, [(0, 1), (1, 0)])
    np.testing.assert_allclose(errors, [[1.5, 3.0], [1.5, 3.0]])  # only `a` is in both
    turned = [here[0], Placed(line[::-1], {"a": np.array([1.0, 0, 0])})]  # places 1 at x = 3
    np.testing.assert_allclose(keypoint_errors([first, second], turned, [(0, 1)]), [[0.5, 1.0]])
    assert pck(np.array([0.01, 0.049, 0.05, 1.0])) == 0.5
    with pytest.raises(ValueError, match="no two shapes have one in common"):
        pck(np.zeros(0))


def test_part_iou_agrees_with_counting() -> None:
    rng = np.random.default_rng(0)
    predicted, target = rng.integers(0, 3, 200), rng.integers(-1, 4, 200)
    ious = []
    for part in range(4):
        both = either = 0
        for one, other in zip(predicted, target, strict=True):
            if other != UNLABELLED:
                both += one == part and other == part
                either += one == part or other == part
        if either:
            ious.append(both / either)
    assert part_iou(predicted, target) == pytest.approx(np.mean(ious))
    with pytest.raises(ValueError, match="target must have labelled points, got none"):
        part_iou(predicted, np.full(200, UNLABELLED))


def test_carried_parts_come_from_labelled_points_and_the_iou_is_the_mean_over_targets() -> None:
    line = np.stack([np.arange(4.0), np.zeros(4), np.zeros(4)], axis=1)
    shapes = [known(line, [0, UNLABELLED, 1, 1]), known(line, [0, 0, 0, 1]), known(line, [0, 0, 0, 0])]
    here = [Placed(line, {})] * 3
    assert carried_parts(shapes, here, 0, 1)[[0, 2, 3]].tolist() == [0, 1, 1]
    assert carried_parts(shapes, here, 0, 1)[1] in (0, 1)
    exact = [(1, 1), (2, 2), (2, 1)]  # (2, 1): 3 of 4 points of part 0 and none of part 1
    assert label_iou(shapes, here, exact[:2]) == 1
    assert label_iou(shapes, here, exact) == pytest.approx(((1 + 0.375) / 2 + 1) / 2)
    with pytest.raises(ValueError, match="pairs must have labelled shapes"):
        label_iou(shapes, here, [])


def test_a_shape_is_named_by_id_instance_file_or_picture(model: Model, tmp_path: Path) -> None:
    name, latent = next(iter(model.latents.items()))
    instance = name.split("/")[-1]
    for text in (name, instance):
        found = resolve_subject(model, text)
        np.testing.assert_array_equal(found.latent, latent)
        assert found.name == instance
        assert not found.surface(model, 32).is_own
    placing = Normalisation(np.array([1.0, 2, 3]), 0.5)
    write_latent_file(tmp_path / "mine.json", LatentFile("chair", latent, placing))
    found = resolve_subject(model, str(tmp_path / "mine.json"))
    np.testing.assert_allclose(found.latent, latent)
    inside = found.surface(model, 48).placed
    assert np.linalg.norm(inside, axis=1).max() <= 1
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[10:50, 20:40] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = resolve_subject(model, str(tmp_path / "a.png"))
    np.testing.assert_allclose(found.latent, model.encode(model.frame(pixels)[None])[0], atol=1e-5)


def test_a_mesh_is_fitted_and_keeps_its_own_surface(model: Model, block: Path) -> None:
    (block.parent / "thing").mkdir()
    path = block.rename(block.parent / "thing" / "model.obj")
    found = resolve_subject(model, str(path), steps=5)
    assert found.name == "thing"
    surface = found.surface(model)
    assert surface.is_own
    assert np.linalg.norm(surface.placed, axis=1).max() == pytest.approx(1 / 1.03)
    again = resolve_subject(model, str(path), steps=5)
    np.testing.assert_array_equal(found.latent, again.latent)


def test_messages_of_names(model: Model, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"chair_0_0000l: neither a file nor a training shape; expected .*; the nearest"
    ):
        resolve_subject(model, "chair_0_0000l")
    with pytest.raises(ValueError, match="the nearest name is chair_0_"):
        resolve_subject(model, "chair_0_0000l")
    with pytest.raises(FileNotFoundError, match=r"none.obj: no such file"):
        resolve_subject(model, "none.obj")
    (tmp_path / "a.doc").write_text("x")
    with pytest.raises(ValueError, match=r"a.doc: expected a training shape .*, got a file ending in '.doc'"):
        resolve_subject(model, str(tmp_path / "a.doc"))
    write_latent_file(tmp_path / "lamp.json", LatentFile("lamp", np.zeros(3, np.float32), IDENTITY))
    with pytest.raises(
        ValueError, match=r"lamp.json: a latent of 'lamp' of length 3, expected one of 'chair' of length"
    ):
        resolve_subject(model, str(tmp_path / "lamp.json"))


def test_messages_of_labels_and_keypoints(block: Path, tmp_path: Path) -> None:
    scan = read_scan(block)
    surface = subject(scan, 0).surface(ShiftingModel())
    (tmp_path / "few.txt").write_text("a\nb\n")
    (tmp_path / "odd.json").write_text('{"a": 1}')
    (tmp_path / "bad.json").write_text("[")
    np.save(tmp_path / "floats.npy", np.zeros(5))
    (tmp_path / "zip.npy").write_bytes(b"PK\x03\x04")
    (tmp_path / "latin.txt").write_bytes("Stühle".encode("latin-1"))
    (tmp_path / "LOUD.TXT").write_text("a\n")
    for name, message in (
        ("few.txt", r"few.txt: has 2 labels, but A has 386 vertices and 768 faces; expected a label for each"),
        ("odd.json", r"odd.json: not a file of labels, expected a JSON list of integers or names"),
        ("bad.json", r"bad.json: not a JSON file"),
        ("floats.npy", r"floats.npy: labels must be integers or names of shape \(N,\), got float64 \(5,\)"),
        (
            "zip.npy",
            r"zip.npy: labels must be integers or names of shape \(N,\), got a damaged file or one that is not",
        ),
        ("latin.txt", r"latin.txt: not a text in UTF-8, expected one with a label a line"),
        ("LOUD.TXT", r"LOUD.TXT: has 1 labels, but A has"),
        ("a.csv", r"a.csv: labels must be in a file ending in .txt, .npy, .json, got '.csv'"),
    ):
        with pytest.raises(ValueError, match=message):
            read_labels(tmp_path / name, surface, "A")
    with pytest.raises(FileNotFoundError, match=r"none.txt: no such file of labels"):
        read_labels(tmp_path / "none.txt", surface, "A")
    with pytest.raises(ValueError, match="is no OBJ file with groups"):
        group_labels(replace(scan, face_group=()), "A")
    for content in ("[]", "{}", '{"a": [1, 2]}', '{"a": "b"}', '{"a": [1, 2, NaN]}'):
        (tmp_path / "k.json").write_text(content)
        with pytest.raises(ValueError, match=r"k.json: not a file of keypoints, expected JSON like"):
            read_keypoints(tmp_path / "k.json")
    (tmp_path / "shape.json").write_text('{"family": "side", "keypoints": {"foot": [1, 2, 3]}}')
    assert read_keypoints(tmp_path / "shape.json")["foot"].tolist() == [1, 2, 3]


def test_label_colors_differ_and_stay_when_there_are_more() -> None:
    assert len({tuple(color) for color in label_colors(24)}) == 24
    np.testing.assert_array_equal(label_colors(24)[:4], label_colors(4))


def test_the_commands(model: Model, block: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    folder, name = block.parent, next(iter(model.latents))
    flags = f"--steps 3 --resolution 48 --out {folder}/out"
    assert main(f"fit {block} {flags} --format ply".split()) == 0
    fitted = json.loads(capsys.readouterr().out)
    for kind, more in (("labels", ""), ("keypoints", f"--keypoints {folder}/k.json"), ("colors", "")):
        (folder / "k.json").write_text('{"top": [0, 1, 0]}')
        code = main(f"transfer {kind} --from {block} --to {fitted['latent']} {name} {more} {flags}/{kind}".split())
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert code == 0
        assert [line["to"] for line in lines] == [fitted["latent"], name]
        # The latent file is of the same mesh: what is carried comes back to where it was.
        assert lines[0]["canonical_distance"] < 0.05
        assert lines[0]["canonical_distance"] <= lines[0]["largest"]
        if kind == "labels":
            assert Path(lines[0]["labels"]).read_text().split() == list(read_scan(block).face_group)
            assert sum(lines[1]["counts"].values()) == len(trimesh.load_mesh(lines[1]["mesh"], process=False).faces)
        if kind == "keypoints":
            np.testing.assert_allclose(json.loads(Path(lines[0]["keypoints"]).read_text())["top"], (0, 1, 0), atol=0.1)
        if kind == "colors":
            visual = trimesh.load_mesh(lines[0]["mesh"], process=False).visual
            assert isinstance(visual, ColorVisuals)
            assert visual.kind == "vertex"


def test_the_commands_refuse_in_one_line(block: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block.parent / "labels.txt").write_text("a\n")
    start = f"transfer labels --from {block} --out {block.parent}/out --steps 1"
    assert main(f"{start} --to {block} --labels {block.parent}/labels.txt".split()) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "labels.txt: has 1 labels, but" in said
    assert main(f"{start} --to nothing_of_the_kind {block}".split()) == 2
    outcome = capsys.readouterr()
    assert "nothing_of_the_kind: neither a file nor a training shape" in outcome.err
    assert "error" not in json.loads(outcome.out.splitlines()[1])
    np.savetxt(block.parent / "empty.xyz", np.zeros((0, 3)))
    assert main(f"fit {block.parent}/empty.xyz --out {block.parent}/out".split()) == 2
    assert "empty.xyz: has no points" in capsys.readouterr().err
    assert main(f"transfer colors --from {block} --out {block.parent}/out --to".split()) == 2
    assert "--to must name at least one shape, got none" in capsys.readouterr().err


def test_transfers_are_refused_before_any_work(
    model: Model, block: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_work(*_: object) -> None:
        raise AssertionError("expected the refusal before any work")

    monkeypatch.setattr("urform.correspondence._transfer_files.resolve_subject", no_work)
    name, latent = next(iter(model.latents.items()))
    scan, fitted, labels = tmp_path / "mine.ply", tmp_path / "fit" / "mine.json", tmp_path / "own" / "mine.txt"
    trimesh.creation.box().export(scan)
    write_latent_file(fitted, LatentFile("chair", latent, IDENTITY, scan))
    labels.parent.mkdir()
    labels.write_text("a\n")
    refused: list[tuple[Kind, Path, Path | None, str]] = [
        ("keypoints", fitted.parent, block, "fit/mine.json"),
        ("colors", tmp_path, None, "mine.ply"),  # which the latent file goes back to
        ("labels", labels.parent, labels, "own/mine.txt"),
    ]
    for kind, out, file, named in refused:
        with pytest.raises(ValueError, match=f"{named}: is an input and would be overwritten, choose another `out`"):
            next(transfer_files(model, kind, name, [str(fitted)], out, file))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"resolution": 7}, "resolution must be 8 to 512 cells, got 7"),
        ({"place_weight": -1}, "place_weight must be at least 0 and finite, got -1"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
    ]
    for options, message in cases:
        with pytest.raises(ValueError, match=message):
            next(transfer_files(model, "colors", str(block), [name], tmp_path / "out", **options))


def test_a_mesh_without_area_is_named(model: Model, tmp_path: Path) -> None:
    (tmp_path / "line.obj").write_text("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\nf 1 1 2\n")
    with pytest.raises(ValueError, match=r"line.obj: the surface has no area, expected triangles that are not deg"):
        resolve_subject(model, str(tmp_path / "line.obj"), steps=1)


def test_targets_of_one_name_are_numbered(model: Model, tmp_path: Path) -> None:
    name = next(iter(model.latents))
    (tmp_path / "k.json").write_text('{"top": [0, 0.5, 0]}')
    targets, options = [name, "nothing_at_all", name], {"file": tmp_path / "k.json", "resolution": 16}
    found = list(transfer_files(model, "keypoints", name, targets, tmp_path / "out", **options))
    instance = name.split("/")[-1]
    assert [Path(entry.get("keypoints", "")).stem for entry in found] == [instance, "", f"{instance}_2"]
