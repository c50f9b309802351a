import csv
import inspect
import io
import json
import shutil
from dataclasses import replace
from typing import get_args, get_type_hints

import numpy as np
import pytest
import trimesh

import urform.inference
from tests.published import encoder_codes, write_codes, write_experiment
from urform.cli import main
from urform.cli._commands import Evaluate
from urform.config import ShapeChoice
from urform.data import DataFolder, ShapeKey, write_split
from urform.evaluation import PROTOCOLS, Evaluation, evaluate, format_csv, format_table
from urform.evaluation._evaluate import VIEWS
from urform.evaluation._retrieval import TrainingShapes
from urform.formats import load_mesh
from urform.geometry import Normalisation, NoSurfaceError, chamfer_deepsdf, clean
from urform.inference import Model

BALL, BOX = ShapeKey("tiny", "solid", "ball"), ShapeKey("tiny", "solid", "box3")
RADIUS = 1 / 1.03  # of the true ball, in normalised space
TRAINING = ("tiny/solid/box0", "tiny/solid/box1", "tiny/solid/lamp")


class Balls(Model):
    """Sees a ball of one radius in every picture; the template is another ball."""

    def __init__(self, radius=0.9, training=TRAINING):
        self.radius = radius
        self.latents = {name: np.full(2, number, np.float32) for number, name in enumerate(training)}

    @property
    def has_encoder(self):
        return True

    @property
    def tells_camera(self):
        return False

    def frame(self, rgba):
        return rgba

    def encode(self, framed):
        return np.full((1, 2), self.radius, np.float32)

    def mesh(self, latent, resolution=128, faces=None, normals=False, dense=False):
        return trimesh.creation.icosphere(4, float(latent[0]))

    def template_mesh(self, resolution=128):
        return trimesh.creation.icosphere(4, 0.5)


class Refining(Balls):
    """Sees a ball that is too small, and mends it."""

    @property
    def refines(self):
        return True

    def refine(self, latent, framed):
        assert framed.shape == (1, 128, 128, 4)
        return latent + 0.3


class Seer(Balls):
    """Sees in every picture what is true of a shape."""

    def __init__(self, mesh):
        super().__init__()
        self._mesh = mesh

    def mesh(self, latent, resolution=128, faces=None, normals=False, dense=False):
        return self._mesh


class ByView(Balls):
    """Sees a ball whose radius depends on the picture."""

    def encode(self, framed):
        return np.full((1, 2), 0.4 + 0.5 * float(framed[..., 3].mean()) / 255, np.float32)


class Blind(Balls):
    """Sees nothing."""

    def mesh(self, latent, resolution=128, faces=None, normals=False, dense=False):
        raise NoSurfaceError("the field has no zero")


def run(model, data, keys=(BALL,), **options):
    return Evaluation(model, DataFolder(data), list(keys), **options).run()


def values(result, method="urform, fixed view"):
    return {name: column[0] for name, column in result["values"][method].items()}


@pytest.fixture
def copy(data, tmp_path):
    """The tiny data folder, to be damaged."""
    return shutil.copytree(data, tmp_path / "copy")


def limit(monkeypatch, most):
    """The protocols with at most so many points."""
    small = {
        name: replace(protocol, points=min(protocol.points, most), volume_points=min(protocol.volume_points, most))
        for name, protocol in PROTOCOLS.items()
    }
    monkeypatch.setattr("urform.evaluation._evaluate.PROTOCOLS", small)


@pytest.fixture
def many_points(monkeypatch):
    """Two fifths of the largest protocol's points, where values must be near those of surfaces."""
    limit(monkeypatch, 40_000)


@pytest.fixture
def fewer_points(monkeypatch):
    """Less work, where exact values do not matter."""
    limit(monkeypatch, 3000)


def test_a_smaller_ball_has_the_values_that_two_spheres_have(data, many_points):
    gap, ratio = RADIUS - 0.6, 0.6 / RADIUS  # the true ball is a coarse one: its faces lie 1 % further in
    options = {"views": ("fixed",)}
    deepsdf = values(run(Balls(0.6), data, **options))["chamfer"]
    assert deepsdf == pytest.approx(1000 * 2 * (gap / (2 * RADIUS * 3**0.5)) ** 2, rel=0.08)
    onet = values(run(Balls(0.6), data, protocol="onet", **options))
    assert onet["chamfer_l1"] == pytest.approx(10 * gap / (2 * RADIUS), rel=0.04)
    assert onet["iou"] == pytest.approx(ratio**3, rel=0.05)
    assert onet["normal_consistency"] == pytest.approx(1, abs=0.01)
    meshrcnn = values(run(Balls(0.6), data, protocol="meshrcnn", **options))
    assert meshrcnn["chamfer"] == pytest.approx(2 * (10 * gap / (2 * RADIUS)) ** 2, rel=0.08)
    assert meshrcnn["f1_0.5"] == 0
    nearer = values(run(Balls(0.9), data, protocol="meshrcnn", **options))
    assert (nearer["f1_0.1"], nearer["f1_0.5"]) == (0, 1)  # the spheres are 0.3 apart
    disn = values(run(Balls(0.6), data, protocol="disn"), "urform, all views")
    # Vertices lie on the spheres; those of the coarse one are many times further apart than the fine one's.
    assert disn["chamfer"] == pytest.approx(1000 * 2 * (gap / RADIUS) ** 2, rel=0.05)
    assert values(run(Balls(0.9), data, protocol="what3d", **options))["f_score"] == 0
    assert values(run(Balls(0.99 * RADIUS), data, protocol="what3d", **options))["f_score"] > 0.9


def test_the_truth_scores_as_well_as_its_own_noise(data, meshes, many_points):
    file = load_mesh(meshes / "box3.glb")
    vertices, faces, _ = clean(Normalisation.of(file.vertices).apply(file.vertices), file.faces)
    model = Seer(trimesh.Trimesh(vertices, faces, process=False))
    for name, protocol in PROTOCOLS.items():
        result = run(model, data, [BOX], protocol=name, views=("fixed",))
        for metric in result["metrics"]:
            found, floor = values(result)[metric["name"]], metric["noise_floor"]
            if metric["higher_is_better"]:
                assert found == pytest.approx(floor, abs=0.02)
                assert floor > 0.5  # points of a surface lie about as far apart as meshrcnn's first threshold
            else:
                # Only 2,000 true points are stored, so that the 30,000 found ones come closer.
                assert 0 <= found <= 1.25 * floor
        assert [metric["name"] for metric in result["metrics"]] == [metric.name for metric in protocol.metrics]
        assert values(result, "mean template") != values(result)


def test_a_shape_has_the_same_values_whatever_it_is_evaluated_with(data, fewer_points):
    for protocol in ("deepsdf", "onet", "deepsdf-emd"):
        both = run(Balls(), data, [BALL, BOX], protocol=protocol)
        turned = run(Balls(), data, [BOX, BALL], protocol=protocol)
        alone = [run(Balls(), data, [key], protocol=protocol) for key in (BALL, BOX)]
        for method, columns in both["values"].items():
            for metric, column in columns.items():
                assert column == turned["values"][method][metric][::-1]
                assert column == [each["values"][method][metric][0] for each in alone]


def test_rows_are_statistics_of_the_values(data, fewer_points):
    result = run(Balls(), data, [BALL, BOX], protocol="meshrcnn")
    assert len(result["rows"]) == 6 * 5
    for row in result["rows"]:
        column = result["values"][row["method"]][row["metric"]]
        assert row["mean"] == pytest.approx(sum(column) / 2)
        assert row["median"] == pytest.approx(sum(column) / 2)
        assert row["std"] == pytest.approx(abs(column[0] - column[1]) / 2)


def test_all_views_are_the_mean_of_each(copy, fewer_points):
    files = DataFolder(copy).view_files(BALL)
    assert len(files) == 4
    whole = run(ByView(), copy, views=("all", "fixed", "random"))
    pictures = [(file, file.read_bytes()) for file in files]
    each = []
    for _, content in pictures:
        for file, _ in pictures:
            file.write_bytes(content)  # now all views are this one
        each.append(run(ByView(), copy, views=("fixed",)))
    for method in ("urform", "retrieval by latent"):
        expected = [values(result, f"{method}, fixed view")["chamfer"] for result in each]
        assert values(whole, f"{method}, all views")["chamfer"] == pytest.approx(np.mean(expected), rel=1e-12)
    expected = [values(result)["chamfer"] for result in each]
    assert len(set(expected)) == 4
    assert values(whole)["chamfer"] == expected[0]
    assert values(whole, "urform, random view")["chamfer"] in expected


def test_failures_are_counted_named_and_stay_in_the_mean(data, fewer_points):
    result = run(Blind(), data, [BALL, BOX])
    rows = {row["method"]: row for row in result["rows"]}
    assert rows["urform, fixed view"]["failures"] == 2
    assert rows["mean template"]["failures"] == rows["oracle retrieval"]["failures"] == 0
    assert result["failed"]["urform, random view"] == {str(key): "the field has no zero" for key in (BALL, BOX)}
    # The distance from every point to the centre, and from the centre to the nearest point: the radius both times.
    assert values(result)["chamfer"] == pytest.approx(1000 * 2 / 12, rel=0.02)
    for name, expected in (("what3d", {"f_score": 0}), ("onet", {"chamfer_l1": 5, "normal_consistency": 0, "iou": 0})):
        assert values(run(Blind(), data, protocol=name)) == pytest.approx(expected, rel=0.02)
    emd = values(run(Blind(), data, protocol="deepsdf-emd"))["emd"]
    assert emd == pytest.approx(1 / 12**0.5, rel=0.02)
    lines = list(csv.DictReader(io.StringIO(format_csv(result))))
    assert len(lines) == 2 * 6
    failed = {(line["shape"], line["method"]) for line in lines if line["failure"]}
    assert failed == {(str(key), f"urform, {view} view") for key in (BALL, BOX) for view in ("fixed", "random")}
    table = format_table(result)
    assert "noise floor" in table
    assert "unit bounding-box diagonal" in table
    assert next(line for line in table.splitlines() if line.startswith("urform, fixed")).split()[-1] == "2"


def test_a_damaged_view_is_a_failure_and_the_rest_goes_on(copy, fewer_points):
    DataFolder(copy).view_files(BALL)[0].write_bytes(b"no picture")
    result = run(Balls(), copy, [BALL, BOX], views=("fixed", "all"))
    for method in ("urform, fixed view", "retrieval by latent, fixed view"):
        assert list(result["failed"][method]) == [str(BALL)]
        assert "not an RGBA picture" in result["failed"][method][str(BALL)]
    assert result["failed"]["urform, all views"][str(BALL)].startswith("1 of 4 views: ")
    good = run(Balls(), copy, [BOX])
    assert result["values"]["urform, fixed view"]["chamfer"][1] == values(good)["chamfer"]


def test_original_scale_is_the_scale_of_the_mesh(data, fewer_points):
    diagonal = np.linalg.norm(np.ptp(DataFolder(data).surface(BALL), axis=0))
    assert diagonal == pytest.approx(6 * 3**0.5, rel=0.01)  # of the box around a ball of radius 3
    unit, original = (run(Balls(), data, original_scale=flag) for flag in (False, True))
    assert values(original)["chamfer"] == pytest.approx(values(unit)["chamfer"] * diagonal**2, rel=1e-6)
    assert original["unit"] == "original mesh units"
    with pytest.raises(ValueError, match="`original_scale` does not go with `protocol` onet"):
        run(Balls(), data, protocol="onet", original_scale=True)


def test_the_oracle_finds_what_a_search_of_all_shapes_finds(tmp_path):
    rng = np.random.default_rng(0)
    data, names = DataFolder(tmp_path), [f"a/b/{number}" for number in range(90)]
    for name in names:
        key = ShapeKey.parse(name)
        for path in (data.surface_path(key), data.normalisation_path(key)):
            path.parent.mkdir(parents=True, exist_ok=True)
        points = rng.normal(size=(700, 3))
        points *= rng.uniform(0.3, 1, 3) / np.linalg.norm(points, axis=1, keepdims=True)
        trimesh.PointCloud(points).export(data.surface_path(key))
        np.savez(data.normalisation_path(key), offset=np.zeros(3), scale=np.array(1.0))
    keys = [ShapeKey.parse(name) for name in names]
    shapes = TrainingShapes(Balls(training=names), data, keys)
    for _ in range(5):
        points = rng.normal(size=(900, 3))
        points *= rng.uniform(0.3, 1, 3) / np.linalg.norm(points, axis=1, keepdims=True)
        assert shapes.oracle(points) == min(keys, key=lambda key: chamfer_deepsdf(data.surface(key), points))


def test_retrieval_answers_with_the_nearest_latent(data):
    result = run(Balls(0.9), data, [BOX], views=("fixed",))  # nearest to the latent 1, of box1
    target, unit = DataFolder(data).surface(BOX), DataFolder(data).normalisation(BOX)
    other = ShapeKey.parse(TRAINING[1])
    found = DataFolder(data).normalisation(other).apply(DataFolder(data).surface(other))
    expected = chamfer_deepsdf(found, unit.apply(target)) / np.square(np.ptp(unit.apply(target), axis=0)).sum()
    assert values(result, "retrieval by latent, fixed view")["chamfer"] == pytest.approx(1000 * expected, rel=1e-6)


def test_what_is_missing_is_named(copy, meshes):
    with pytest.raises(ValueError, match=r"protocol must be one of deepsdf, .*, got 'psnr'"):
        run(Balls(), copy, protocol="psnr")
    with pytest.raises(ValueError, match="views must be of fixed, random, all, got 'best'"):
        run(Balls(), copy, views=("best",))
    with pytest.raises(ValueError, match="resolution must be 8 to 512 cells, got 7"):
        Evaluation(Balls(RADIUS), DataFolder(copy), [BALL], resolution=7)
    places = copy / ".datasources.json"
    (copy / "elsewhere").mkdir()
    trimesh.creation.box().export(copy / "elsewhere" / "other.ply")
    places.write_text(json.dumps({"tiny": str(copy / "elsewhere")}))
    with pytest.raises(FileNotFoundError, match=f"{copy}/elsewhere.*tiny/solid/ball"):
        run(Balls(), copy, protocol="onet")
    run(Balls(), copy, protocol="deepsdf")  # which needs no mesh
    places.write_text(json.dumps({"others": "there"}))
    with pytest.raises(FileNotFoundError, match=r"datasources.json: names no folder for the mesh of tiny/solid/ball"):
        run(Balls(), copy, protocol="meshrcnn")
    other = copy / "meshes"
    shutil.copytree(meshes, other)
    trimesh.creation.icosphere(2, 5.0).export(other / "ball.off")
    places.write_text(json.dumps({"tiny": str(other)}))
    with pytest.raises(ValueError, match=r"ball.off: is not the mesh that tiny/solid/ball was prepared from"):
        run(Balls(), copy, protocol="what3d")
    shutil.rmtree(copy / "solid" / "ball")
    with pytest.raises(FileNotFoundError, match="no views of 1 of 2 shapes, first: tiny/solid/ball"):
        run(Balls(), copy, [BALL, BOX])


EMPTY = b"\n".join(
    [b"ply", b"format binary_little_endian 1.0", b"element vertex 0"]
    + [b"property float " + axis for axis in (b"x", b"y", b"z")]
    + [b"end_header", b""]
)


@pytest.mark.parametrize(
    "content", [EMPTY, b"", EMPTY.replace(b"vertex 0", b"vertex 2") + np.full(6, np.nan, "<f4").tobytes()]
)
def test_zero_points_are_one_line_and_code_2(copy, content, monkeypatch, capsys):
    monkeypatch.setattr(urform.inference, "load", lambda name: Balls())
    DataFolder(copy).surface_path(BALL).write_bytes(content)
    code = main(["evaluate", "--data", str(copy), "--split", str(copy / "splits" / "tiny_solid_test.json")])
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("urform:")]
    assert code == 2
    assert len(lines) == 1
    assert "ball.ply" in lines[0]
    assert "surface points" in lines[0]


@pytest.mark.parametrize("protocol", ["deepsdf", "onet"])
@pytest.mark.parametrize("training", [("tiny/solid/none",), ()])
def test_baselines_without_training_shapes_are_left_out_by_name(data, fewer_points, protocol, training):
    result = run(Balls(training=training), data, protocol=protocol, views=("fixed",))
    whole = run(Balls(), data, protocol=protocol, views=("fixed",))
    kept = ["urform, fixed view", "mean template"]
    assert result["values"] == {method: whole["values"][method] for method in kept}
    assert whole["left_out"] == {}
    reason = f"{data} has none of the 1 training shapes" if training else "the model does not name its training shapes"
    left_out = ["retrieval by latent, fixed view", "oracle retrieval"]
    assert result["left_out"] == dict.fromkeys(left_out, reason)
    lines = format_table(result).splitlines()
    assert sum(line.endswith(" left out") for line in lines) == 2 * len(result["metrics"])
    assert lines[-1] == f"left out, as {reason}: {'; '.join(left_out)}"
    assert "left out" not in format_table(whole)
    assert len(format_csv(result).splitlines()) == 3


def test_an_imported_end_to_end_model_is_evaluated(data, fewer_points, tmp_path, capsys):
    experiment = write_experiment(tmp_path / "experiment")
    _, codes = encoder_codes("v2")
    write_codes(experiment, codes)
    assert main(["import", str(experiment), "--out", str(tmp_path / "run")]) == 0
    words = ["evaluate", "--data", str(data), "--split", str(data / "splits" / "tiny_solid_test.json")]
    words += ["--weights", str(tmp_path / "run"), "--resolution", "16", "--json", str(tmp_path / "out.json")]
    assert main(words) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert list(result["values"]) == ["urform, fixed view", "urform, random view", "mean template"]
    assert "does not name its training shapes: retrieval by latent, fixed view;" in capsys.readouterr().out


def test_the_command_writes_json_csv_and_sheet(data, fewer_points, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(urform.inference, "load", lambda name: Balls())
    files = {name: tmp_path / f"out.{name}" for name in ("json", "csv", "png")}
    words = ["evaluate", "--data", str(data), "--split", str(data / "splits" / "tiny_solid_test.json")]
    words += ["--protocol", "meshrcnn", "--views", "all", "fixed", "--json", str(files["json"])]
    assert main([*words, "--csv", str(files["csv"]), "--sheet", str(files["png"])]) == 0
    table, result = capsys.readouterr().out, json.loads(files["json"].read_text())
    assert all(
        text in table for text in ("F1 at 0.3", "normal consistency", "longest box edge 10", "urform, all views")
    )
    lines = list(csv.DictReader(io.StringIO(files["csv"].read_text())))
    for line in lines:
        column = result["values"][line["method"]]["f1_0.5"]
        assert float(line["f1_0.5"]) == column[result["shapes"].index(line["shape"])]
    assert files["png"].read_bytes().startswith(b"\x89PNG")


def test_the_flags_offer_what_there_is():
    hints = get_type_hints(Evaluate)
    assert all(name in inspect.getsource(Evaluate) for name in PROTOCOLS)
    assert get_args(get_args(hints["views"])[0]) == VIEWS


def test_the_sheet_has_the_worst_first(copy, fewer_points, monkeypatch):
    drawn = []

    def draw(rows, title):
        drawn.append(rows)
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr("urform.evaluation._evaluate.draw_sheet", draw)
    for protocol in ("deepsdf", "what3d"):
        evaluation = Evaluation(Balls(RADIUS), DataFolder(copy), [BALL, BOX], protocol)
        evaluation.sheet(evaluation.run())
        assert [row.name for row in drawn.pop()] == ["box3", "ball"]
        evaluation.sheet(evaluation.run(), rows=1)
        assert [row.name for row in drawn.pop()] == ["box3"]


def test_the_sheet_shows_input_mesh_and_truth(copy, fewer_points):
    model, folder = Balls(RADIUS), DataFolder(copy)
    evaluation = Evaluation(model, folder, [BALL])
    result = evaluation.run()
    with_mesh = evaluation.sheet(result)
    found, true = with_mesh[60:220, 210:390].astype(int), with_mesh[60:220, 410:590].astype(int)
    assert (found < 250).any()
    assert np.abs(found - true).mean() < 8  # a ball beside a coarser one
    (copy / ".datasources.json").unlink()
    by_points = Evaluation(model, folder, [BALL]).sheet(result)
    assert (by_points[60:220, 410:590] < 250).any()
    assert not np.array_equal(by_points, with_mesh)
    blind = Evaluation(Blind(), folder, [BALL])
    folder.view_files(BALL)[0].write_bytes(b"")
    empty = blind.sheet(result)
    assert empty.shape == with_mesh.shape
    assert (empty[60:100, :400] == 255).all()


def test_evaluate_names_shapes_that_are_not_prepared(data, fewer_points, tmp_path):
    write_split(tmp_path / "split.json", [BALL, ShapeKey("tiny", "solid", "nobody")])
    with pytest.raises(
        FileNotFoundError, match=r"1 of 2 shapes of the split have no surface samples, first: tiny/solid/nobody"
    ):
        evaluate(Balls(), data, tmp_path / "split.json", choice=ShapeChoice(strict=True))
    result = evaluate(Balls(), data, tmp_path / "split.json")
    assert result["shapes"] == [str(BALL)]
    assert result["shapes_left_out"] == {"no surface samples": ["tiny/solid/nobody"]}
    assert format_table(result).endswith("1 of 2 shapes left out, no surface samples: tiny/solid/nobody")


def test_refined_shapes_are_scored_beside_those_of_the_encoder_alone(data, fewer_points):
    result = run(Refining(RADIUS - 0.3), data, [BALL], views=("fixed",))
    alone, refined = (values(result, f"{name}, fixed view")["chamfer"] for name in ("encoder alone", "urform"))
    assert refined < 1 < alone
    methods = run(Refining(RADIUS - 0.3), data, [BALL], views=("fixed",), refine=False)["values"]
    assert not any(method.startswith("encoder alone") for method in methods)
