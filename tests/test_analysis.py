import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib", reason="drawing is of the extra: pip install 'urform[analyze]'")
pytest.importorskip("sklearn", reason="t-SNE is of the extra: pip install 'urform[analyze]'")

import urform
from urform.analysis import (
    analyze,
    draw_features,
    effective_rank,
    feature_statistics,
    latent_statistics,
    morph_latents,
    nearest_neighbours,
    outliers,
    principal_directions,
)
from urform.analysis._figures import Panel, sheet_png, shortened_name
from urform.analysis._projection import project
from urform.analysis._statistics import correlations
from urform.cli import main
from urform.config import AnalysisConfig
from urform.data import ShapeKey, write_split
from urform.files import encode_png
from urform.inference import draw_mesh, trimmed
from urform.published import write_latents
from urform.weights import load_weights, save_weights

SMALL = "--resolution 16 --queries 1 --components 1 --compared 6 --max-latents 24 --objects 3 --views 3"
PICTURES = {
    "template.png",
    "latents_tsne.png",
    "outliers.png",
    "statistics.png",
    "morphs.png",
    "neighbours.png",
    "warp_difference.png",
}
RNG = np.random.default_rng(0)


def run(text: str) -> int:
    return main(text.split())


@pytest.fixture(scope="module")
def model() -> urform.Model:
    return urform.load("chair")


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Views of three colored boxes, and their split."""
    folder = tmp_path_factory.mktemp("views")
    keys = [ShapeKey("d", "box", f"box{index}") for index in range(3)]
    for index, key in enumerate(keys):
        for view in range(3):
            picture = np.zeros((48, 48, 4), np.uint8)
            picture[8 : 20 + 8 * index, 10 : 22 + 4 * view] = (*np.eye(3, dtype=np.uint8)[index] * 200, 255)
            place = folder / "box" / key.instance / "easy" / "image" / f"{view:02d}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(encode_png(picture))
    write_split(folder / "split.json", keys)
    return folder


def rotated(spread: list[float], count: int = 4000) -> np.ndarray:
    """Normal latents around (3, 0, ...) with a given spread along hidden directions."""
    rotation = np.linalg.qr(RNG.normal(size=(len(spread), len(spread))))[0]
    latents = RNG.normal(size=(count, len(spread))) * spread @ rotation
    return (latents + 3 * np.eye(len(spread))[0]).astype(np.float32)


def test_effective_rank_of_known_latents() -> None:
    assert effective_rank(rotated([1.0] * 6)) == pytest.approx(6, rel=0.01)
    assert effective_rank(rotated([2.0, 0, 0, 0])) == pytest.approx(1, abs=1e-3)
    assert effective_rank(rotated([1.0, 1.0, 0, 0])) == pytest.approx(2, rel=0.01)
    assert effective_rank(np.ones((5, 4), np.float32)) == 0.0
    shares = np.array([0.8, 0.2])
    assert effective_rank(rotated([2.0, 1.0])) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=0.02)


def test_statistics_of_known_latents() -> None:
    latents = np.array([[3, 4], [-3, -4], [6, 8], [-6, -8]], np.float32)
    found = latent_statistics(latents)
    assert (found.count, found.size, found.components_90) == (4, 2, 1)
    assert (found.norm_mean, found.norm_std, found.mean_norm) == (7.5, 2.5, 0.0)
    with pytest.raises(ValueError, match="latents must be at least one, got none"):
        latent_statistics(np.zeros((0, 3), np.float32))


def test_principal_directions_are_those_of_the_covariance() -> None:
    latents = rotated([3.0, 2.0, 1.0])
    found = principal_directions(latents)
    values, vectors = np.linalg.eigh(np.cov(latents.T, bias=True))
    np.testing.assert_allclose(found.std**2, values[::-1], rtol=1e-4)
    np.testing.assert_allclose(np.abs((found.directions * vectors.T[::-1]).sum(axis=1)), 1, rtol=1e-4)
    assert found.shares.sum() == pytest.approx(1)
    assert all(row[np.abs(row).argmax()] > 0 for row in found.directions)


def test_a_planted_outlier_is_named_first() -> None:
    latents = RNG.normal(size=(60, 8)).astype(np.float32)
    latents[17] += 40
    rows, scores = outliers(latents, neighbours=5, count=3)
    assert rows[0] == 17
    assert len(rows) == 3
    assert scores.argmax() == 17
    assert (np.diff(scores[rows]) <= 0).all()


def test_neighbours_come_nearest_first_and_without_the_query() -> None:
    latents = np.array([[0], [1], [3], [7], [-0.5]], np.float32)
    rows, distances = nearest_neighbours(latents, [0, 3], 3)
    np.testing.assert_array_equal(rows, [[4, 1, 2], [2, 1, 0]])
    np.testing.assert_array_equal(distances, [[0.5, 1, 3], [4, 6, 7]])
    assert nearest_neighbours(latents, [1], 99)[0].shape == (1, 4)
    twins = np.zeros((3, 2), np.float32)  # equal latents are neighbours; a shape is never its own
    np.testing.assert_array_equal(nearest_neighbours(twins, [1], 2)[0], [[0, 2]])
    with pytest.raises(ValueError, match="at least 2 latents"):
        nearest_neighbours(latents[:1], [0], 1)


def test_similarity_within_and_between_objects() -> None:
    # Two views of a along x, two of b along y, one of c between them: cosines 1, 0 and 1/sqrt(2).
    features = np.array([[2, 0], [5, 0], [0, 1], [0, 3], [1, 1]], np.float32)
    found = feature_statistics(features, ["a", "a", "b", "b", "c"])
    assert (found.objects, found.views, found.nearest_same) == (3, 5, 0.8)
    assert found.within_mean == pytest.approx(1)
    assert found.within_std == pytest.approx(0, abs=1e-7)
    between = [0] * 4 + [0.5**0.5] * 4
    assert found.between_mean == pytest.approx(np.mean(between))
    assert found.between_std == pytest.approx(np.std(between))


def test_the_slow_twin_of_similarity() -> None:
    features = RNG.normal(size=(12, 5)).astype(np.float32)
    objects = [f"o{index % 3}" for index in range(12)]
    unit = [row / np.linalg.norm(row) for row in features]
    pairs = [(i, j) for i in range(12) for j in range(i)]
    within = [unit[i] @ unit[j] for i, j in pairs if objects[i] == objects[j]]
    between = [unit[i] @ unit[j] for i, j in pairs if objects[i] != objects[j]]
    nearest = [max((j for j in range(12) if j != i), key=lambda j: unit[i] @ unit[j]) for i in range(12)]
    found = feature_statistics(features, objects)
    assert found.within_mean == pytest.approx(np.mean(within), abs=1e-6)
    assert found.between_std == pytest.approx(np.std(between), abs=1e-6)
    assert found.nearest_same == np.mean([objects[i] == objects[j] for i, j in enumerate(nearest)])


@pytest.mark.parametrize("name", ["$a_b$", "猫", "x" * 90])
def test_features_of_any_encoder_are_drawn(tmp_path: Path, name: str) -> None:
    features = np.repeat(np.eye(4, 6), 5, axis=0) + 0.01 * RNG.normal(size=(20, 6))
    objects = [f"{name}{index // 5}" for index in range(20)]
    found = draw_features(features.astype(np.float32), objects, tmp_path / "out", name="trial")
    assert found.nearest_same == 1
    assert found == feature_statistics(features.astype(np.float32), objects)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["trial_similarity.png", "trial_tsne.png"]
    for path in (tmp_path / "out").iterdir():
        assert np.ptp(np.asarray(Image.open(path).convert("L"))) > 100


@pytest.mark.parametrize(
    ("objects", "spoiled", "message"),
    [
        (["a"] * 3 + ["b"] * 2, False, "objects must name one object a row of features, got 5 for 6 rows"),
        (["a"] * 6, False, "objects must be at least 2, one of them with 2 views, got 1 with at most 6 views"),
        (list("abcdef"), False, "got 6 with at most 1 views"),
        (["a"] * 3 + ["b"] * 3, True, "features must be finite, got 1 rows that are not"),
    ],
)
def test_features_that_cannot_be_compared(tmp_path: Path, objects: list[str], spoiled: bool, message: str) -> None:
    features = RNG.normal(size=(6, 3)).astype(np.float32)
    if spoiled:
        features[2, 1] = np.nan
    with pytest.raises(ValueError, match=message):
        draw_features(features, objects, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_projection_keeps_neighbours_and_is_repeatable() -> None:
    points = np.concatenate([RNG.normal(size=(15, 7)), 50 + RNG.normal(size=(15, 7))]).astype(np.float32)
    places = project(points, seed=3)
    np.testing.assert_array_equal(places, project(points, seed=3))
    rows, _ = nearest_neighbours(places, range(30), 3)
    assert ((rows < 15) == (np.arange(30) < 15)[:, None]).all()
    assert project(points[:5, :1]).shape == (5, 2)
    for few in (points[:4], np.ones((9, 3), np.float32)):
        with pytest.raises(ValueError, match=r"at least 5 points that differ, got (4|9 equal ones)"):
            project(few)


def test_correlations_of_known_pairs() -> None:
    x = np.arange(1.0, 9)
    assert correlations(x, -2 * x) == {"pearson": pytest.approx(-1), "spearman": pytest.approx(-1)}
    assert correlations(x, x**5)["spearman"] == pytest.approx(1)
    assert correlations(x, np.ones(8)) == {"pearson": None, "spearman": None}


def test_the_middle_of_a_morph_is_the_mean(model: urform.Model) -> None:
    latents = np.stack(list(model.latents.values()))
    principal = principal_directions(latents)
    morphs = morph_latents(principal, 3)
    assert morphs.shape == (3, 5, latents.shape[1])
    np.testing.assert_array_equal(morphs[:, 2], np.broadcast_to(latents.mean(axis=0, dtype=np.float64), (3, 128)))
    ends = np.linalg.norm(morphs[:, 4] - morphs[:, 0], axis=1)
    np.testing.assert_allclose(
        ends, 4 * ((latents - latents.mean(axis=0)) @ principal.directions[:3].T).std(axis=0), rtol=1e-4
    )
    middle = model.mesh(morphs[1, 2].astype(np.float32), 24)
    mean = model.mesh(latents.mean(axis=0, dtype=np.float64).astype(np.float32), 24)
    np.testing.assert_array_equal(middle.vertices, mean.vertices)


def test_meshes_are_drawn_in_one_scale_and_in_their_colors() -> None:
    import trimesh

    large, small = trimesh.creation.icosphere(radius=0.9), trimesh.creation.icosphere(radius=0.45)
    pictures = [draw_mesh(large), draw_mesh(small), draw_mesh(large, np.tile([1.0, 0, 0], (len(large.vertices), 1)))]
    one, half, red = (picture for picture in trimmed(pictures) if picture is not None)
    assert one.shape == half.shape == red.shape
    assert one.shape[0] < pictures[0].shape[0]
    widths = [int((picture < 250).any(axis=(0, 2)).sum()) for picture in (one, half)]
    assert 0.4 < widths[1] / widths[0] < 0.55  # what is farther away is seen a little larger
    middle = red[red.shape[0] // 2, red.shape[1] // 2]
    assert middle[0] > 150
    assert (middle[1:] == 0).all()
    assert trimmed([None, None]) == [None, None]


def test_a_shape_without_surface_leaves_its_place_empty() -> None:
    picture = np.full((20, 20, 3), 90, np.uint8)
    content = sheet_png([[Panel(picture, "there"), Panel(None, "not")], [Panel(picture)]], ["one", "two"], True)
    assert Image.open(io.BytesIO(content)).size[0] > 300
    assert shortened_name("d/c/" + "x" * 40) == "x" * 14 + "…" + "x" * 14


def test_the_command_on_the_shipped_chair(views: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"analyze chair --data {views} --split {views}/split.json {SMALL} --out {tmp_path}"
    assert run(f"{command}/one") == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "index.html: 9 pictures" in said.out
    assert "24 latents of length 128" in said.out
    pictures = PICTURES | {"views_tsne.png", "views_similarity.png"}
    assert {path.name for path in (tmp_path / "one").iterdir()} == pictures | {"index.html", "analysis.json"}
    page = (tmp_path / "one" / "index.html").read_text()
    assert page.count("data:image/png;base64,") == 9
    assert not re.search(r"https?:|src=\"(?!data:)|href=|import ", page)
    assert "Left out" not in page
    result = json.loads((tmp_path / "one" / "analysis.json").read_text())
    assert (result["analysed"], result["latents"], result["left_out"]) == (24, 1584, {})
    assert result["numbers"]["views_similarity"]["views"] == 9
    assert len(result["numbers"]["neighbours"]["queries"][0]["neighbours"]) == 5
    assert result["numbers"]["warp_difference"]["pairs"] == 15
    assert result["numbers"]["warp_difference"]["distance"]["spearman"] > 0

    assert run(f"{command}/two") == 0
    for name in ("analysis.json", *pictures):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_a_file_of_latents_says_what_it_cannot_show(
    views: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mug_embedding.pkl"
    write_latents(path, {f"<b>{index}</b>": RNG.normal(size=6) for index in range(12)})
    assert run(f"analyze {path} --out {tmp_path}/out --data {views} --split {views}/split.json") == 0
    assert f"left out, morphs: needs the networks of a model, and {path} holds latents alone" in capsys.readouterr().out
    result = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert result["pictures"] == ["latents_tsne.png", "statistics.png"]
    assert len(result["left_out"]) == 6
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Left out" in page
    assert "<b>" not in page


def test_what_a_model_lacks_is_left_out(views: Path, tmp_path: Path) -> None:
    weights = load_weights(Path(urform.__file__).parent / "weights" / "chair")
    bare = type(weights)(weights.category, weights.config, weights.decoder, None, weights.keys[:5], weights.latents[:5])
    save_weights(tmp_path / "bare.safetensors", bare)
    options = AnalysisConfig(resolution=12, queries=1, components=1, compared=3)
    result = analyze(tmp_path / "bare.safetensors", tmp_path / "out", views, views / "split.json", options)
    assert set(result["pictures"]) == PICTURES
    assert list(result["left_out"]) == ["views of the same object"]
    assert "has no image encoder yet" in result["left_out"]["views of the same object"]


BAD = {
    "one of two": ("chair --data {views}", "--data is given without --split"),
    "no data": ("chair --data {out}/none --split {views}/split.json", "none: no such data folder"),
    "no split": ("chair --data {views} --split {out}/none.json", "none.json: no such split file"),
    "no views": (
        "chair --data {views} --split {out}/other.json --strict",
        "1 of 2 shapes of the split have no views, first: d/box/nobody",
    ),
    "one shape": ("chair --data {views} --split {out}/single.json", "has 1 shape, expected at least 2"),
    "no weights": ("{out}/none", "none: neither a shipped category"),
    "no latents": ("{out}/none.npz", "none.npz: no such file"),
    "not finite": ("{out}/nan.npz", "nan.npz: 's3' must be finite"),
    "too few": ("{out}/few.npz", "few.npz: nothing to draw: "),
    "resolution": ("chair --resolution 4", "--resolution must be 8 to 512, got 4"),
    "max latents": ("chair --max-latents 2", "--max-latents must be at least 5, got 2"),
    "projection": ("chair --projection pca", "--projection"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_code_2(
    case: str, views: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_split(tmp_path / "other.json", [ShapeKey("d", "box", "nobody"), ShapeKey("d", "box", "box0")])
    write_split(tmp_path / "single.json", [ShapeKey("d", "box", "box0")])
    write_latents(
        tmp_path / "nan.npz", {f"s{index}": np.full(4, np.nan if index == 3 else 1.0 * index) for index in range(8)}
    )
    write_latents(tmp_path / "few.npz", {"s": np.ones(4)})
    command, message = BAD[case]
    assert run(f"analyze {command.format(views=views, out=tmp_path)} --out {tmp_path}/result") == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("urform: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "result").exists()


@pytest.mark.parametrize(
    ("missing", "flags", "message"),
    [
        ("umap", "--projection umap", "--projection umap needs umap-learn: pip install umap-learn"),
        ("matplotlib", "", "analysis needs matplotlib: pip install 'urform[analyze]'"),
        ("sklearn", "", "analysis needs sklearn: pip install 'urform[analyze]'"),
    ],
)
def test_a_missing_package_is_named(
    missing: str,
    flags: str,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert run(f"analyze chair --out {tmp_path}/out {flags}") == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
