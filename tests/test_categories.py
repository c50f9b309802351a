"""Which category a picture shows: the classifier, its file, its training, and the models that it chooses from."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.small_model import small_weights
from urform import load, load_models
from urform.cli import main
from urform.config import CategoriesConfig
from urform.data import ShapeKey, write_split
from urform.inference import NONE, Choice, Model, Shelf, StrangeError, reconstruct_files
from urform.inference import _shelf as shelf_module
from urform.models import CategoryClassifier, Familiarity, PoseNetwork
from urform.pictures import CutOut
from urform.render import render_shaded
from urform.training import train_categories
from urform.training._categories import LabelledFeatures, learned_classifier, measured
from urform.weights import (
    ClassifierWeights,
    category_table,
    read_classifier,
    save_classifier,
    save_scores,
    shipped_categories,
    shipped_facts,
)
from urform.weights._categories import HEADER
from urform.weights._facts import SCORES_FILE, CategoryFacts

NAMES = ("ball", "box", "cone")


def clusters(count: int, seed: int, centres: int = 3) -> LabelledFeatures:
    """Features of some categories, each around a place of its own."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count * centres) % centres
    middle = torch.randn(8, 112, 1, 1, generator=torch.Generator().manual_seed(9)) * 2
    return LabelledFeatures(middle[labels] + torch.randn(len(labels), 112, 4, 4, generator=generator), labels)


def classifier(*favoured: str, names: tuple[str, ...] = NAMES) -> ClassifierWeights:
    """One that takes every picture for the favoured categories, half of it each."""
    network = CategoryClassifier(len(names)).requires_grad_(False).eval()
    last = network.layers[-1]
    assert isinstance(last, torch.nn.Linear)
    last.weight.zero_()
    last.bias.copy_(torch.tensor([5.0 if name in favoured else -5.0 for name in names]))
    network.none.copy_(torch.tensor([1.0, 1000.0]))
    return ClassifierWeights(names, network)


def model(category: str, strange: float = 0.0) -> Model:
    """A small model; every picture is as strange to it as said."""
    familiarity = Familiarity()
    familiarity.whitening.zero_()
    if strange:
        familiarity.mean.fill_(1e6)
        familiarity.whitening.copy_(torch.eye(112) * strange / (1e6 * 112**0.5))
    torch.manual_seed(0)
    weights = replace(small_weights(), category=category, pose=PoseNetwork().eval(), familiarity=familiarity)
    return Model(weights)


def square(method: str = "alpha") -> CutOut:
    rgba = np.zeros((96, 96, 4), np.uint8)
    rgba[20:76, 20:76] = (180, 60, 20, 255)
    return CutOut(rgba, method)


def test_categories_are_told_apart_and_what_is_unknown_is_none_of_them() -> None:
    training, held_out = clusters(60, 0), clusters(30, 1)
    network = learned_classifier(training, held_out, CategoriesConfig())
    result = measured(NAMES, network, held_out, held_out)
    assert result["accuracy"] == 1.0
    assert result["confusion"] == [[30, 0, 0], [0, 30, 0], [0, 0, 30]]
    assert max(result["called_none"].values()) < 0.1
    chances = network(held_out.features)
    torch.testing.assert_close(chances.sum(dim=1), torch.ones(90))
    fourth = clusters(30, 2, 4)
    assert (network(fourth.of(3))[:, -1] > 0.5).float().mean() > 0.9


def test_a_category_with_few_views_counts_as_much_as_one_with_many() -> None:
    training = clusters(200, 0)
    few = torch.cat([torch.arange(20), torch.arange(0, 600, 3)[7:]])
    rare = LabelledFeatures(training.features[few], training.labels[few])
    shifted = replace_means(rare, 0.1)
    network = learned_classifier(shifted, replace_means(clusters(30, 1), 0.1), CategoriesConfig())
    assert measured(NAMES, network, *[replace_means(clusters(50, 3), 0.1)] * 2)["accuracy"] > 0.9


def replace_means(given: LabelledFeatures, scale: float) -> LabelledFeatures:
    """The same with the categories nearer to each other."""
    middle = torch.randn(8, 112, 1, 1, generator=torch.Generator().manual_seed(9)) * 2
    return LabelledFeatures(given.features - (1 - scale) * middle[given.labels], given.labels)


def test_a_sure_classifier_that_errs_is_made_less_sure() -> None:
    held_out = clusters(60, 1)
    wrong = held_out.labels.clone()
    wrong[::4] = (wrong[::4] + 1) % 3
    sure = learned_classifier(clusters(60, 0), held_out, CategoriesConfig())
    unsure = learned_classifier(clusters(60, 0), LabelledFeatures(held_out.features, wrong), CategoriesConfig())
    assert unsure.temperature > 2 * sure.temperature


def test_one_category_alone_can_be_learned() -> None:
    one = clusters(40, 0, 1)
    network = learned_classifier(one, clusters(40, 1, 1), CategoriesConfig())
    assert (network(one.features)[:, 0] > 0.5).float().mean() > 0.8


def test_the_file_of_a_classifier(tmp_path: Path) -> None:
    held_out = clusters(30, 1)
    network = learned_classifier(clusters(60, 0), held_out, CategoriesConfig())
    save_classifier(tmp_path / "c.safetensors", ClassifierWeights(NAMES, network))
    assert (tmp_path / "c.safetensors").stat().st_size < 400_000
    again = read_classifier(tmp_path / "c.safetensors")
    assert again is not None
    assert again.names == NAMES
    torch.testing.assert_close(again.network(held_out.features), network(held_out.features), atol=0.02, rtol=0)


def spoiled(path: Path, header: str = HEADER, names: object = NAMES, **changes: torch.Tensor) -> Path:
    state = {name: value.half() for name, value in CategoryClassifier(3).state_dict().items()} | changes
    save_file(state, path, {header: json.dumps({"categories": names})})
    return path


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no tensors": (lambda path: path.write_bytes(b"{" * 100), "damaged or not a safetensors file"),
    "other file": (lambda path: spoiled(path, "urform"), "not a classifier of categories"),
    "no names": (lambda path: spoiled(path, names=[]), "its header must list 1 to 256 categories"),
    "names twice": (lambda path: spoiled(path, names=["a", "a", "b"]), "its header must list"),
    "paths": (lambda path: spoiled(path, names=["a", "../b", "c"]), "its header must list"),
    "nested": (lambda path: spoiled(path, names=[["a"]]), "its header must list"),
    "a million": (lambda path: spoiled(path, names=[str(name) for name in range(1000)]), "its header must list"),
    "more names": (lambda path: spoiled(path, names=["a", "b", "c", "d"]), "its tensors are not those of 4 categories"),
    "nan": (lambda path: spoiled(path, temperature=torch.full((1,), torch.nan)), "expected finite numbers"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_bad_file_of_a_classifier_is_one_line(case: str, tmp_path: Path) -> None:
    make, message = HOSTILE[case]
    path = tmp_path / "c.safetensors"
    make(path)
    with pytest.raises(ValueError, match=message) as raised:
        read_classifier(path)
    assert len(str(raised.value).splitlines()) == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="`urform train categories` writes it"):
        read_classifier(tmp_path / "none.safetensors")


def test_the_shelf_loads_only_the_model_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load_small(name: str) -> Model:
        loaded.append(name)
        return model(name)

    monkeypatch.setattr(shelf_module, "load", load_small)
    shelf = Shelf(shipped=NAMES, classifier=classifier("box"))
    result = shelf.reconstruct_object(square(), 16)
    again = shelf.reconstruct_object(square(), 16)
    assert loaded == ["box"]
    assert result.category == again.category == "box"
    assert result.category_probabilities is not None
    assert list(result.category_probabilities) == [*NAMES, NONE]
    assert result.category_probabilities["box"] > 0.99
    assert sum(result.category_probabilities.values()) == pytest.approx(1.0, abs=1e-5)
    assert shelf.reconstruct_object(square(), 16, category="cone").category_probabilities is None
    assert loaded == ["box", "cone"]


def test_a_category_without_a_model_is_none_of_them() -> None:
    shelf = Shelf([model("ball"), model("cone")], classifier=classifier("box"))
    choice = shelf.choose(square())
    assert choice.probabilities[NONE] > 0.99
    assert choice.doubts()[0].startswith("the picture may show none of the categories, ball, cone")


def test_models_that_the_classifier_does_not_know_are_compared_by_their_latents() -> None:
    far = Model(replace(small_weights(), category="spoon", latents=small_weights().latents + 100))
    shelf = Shelf([far, model("ball")], classifier=classifier("ball"))
    choice = shelf.choose(square())
    assert choice.model.category == "ball"
    assert choice.probabilities == {}
    assert shelf.reconstruct_object(square(), 16).category_probabilities is None


def test_two_models_of_one_category_are_compared_by_their_latents() -> None:
    far = Model(replace(small_weights(), latents=small_weights().latents + 100))
    near = model("ball")
    assert Shelf([far, near], classifier=classifier("ball")).choose(square()) == Choice(near)


def test_what_is_strange_to_the_nearest_category_is_refused_unless_forced() -> None:
    shelf = Shelf([model("ball", strange=3.0), model("box")], classifier=classifier("ball", names=("ball", "box")))
    said = (
        r"looks like none of the categories ball, box; the nearest is ball \(strangeness 3\.0, expected at most 1\.4\)"
    )
    with pytest.raises(ValueError, match=f"{said}; `category` names one, `force`"):
        shelf.reconstruct_object(square(), 16)
    assert shelf.reconstruct_object(square(), 16, force=True).category == "ball"
    assert shelf.reconstruct_object(square(), 16, category="box").category == "box"
    with pytest.raises(StrangeError, match=r"does not look like a ball: strangeness 3\.0"):
        shelf.reconstruct_object(square(), 16, category="ball")
    with pytest.raises(ValueError, match="category must be one of ball, box, got 'spoon'"):
        shelf.reconstruct_object(square(), 16, category="spoon")


def test_two_likely_categories_are_told() -> None:
    both = Shelf([model("ball"), model("box")], classifier=classifier("ball", "box", names=("ball", "box")))
    said = both.reconstruct_object(square(), 16).warnings
    assert "the picture may also show a box: if so, name it as the category" in said
    assert Choice(model("ball"), {"ball": 0.7, "box": 0.25, NONE: 0.05}).doubts() == ()
    assert both.reconstruct_object(square("kept"), 16).warnings == ()


def test_the_json_line_says_category_and_probabilities(tmp_path: Path) -> None:
    Image.fromarray(square().rgba).save(tmp_path / "a.png")
    models = Shelf([model("ball"), model("box")], classifier=classifier("box", names=("ball", "box")))
    (line,) = reconstruct_files([tmp_path / "a.png"], tmp_path / "out", models, resolution=16)
    assert line["category"] == "box"
    assert line["category_probabilities"]["box"] > 0.99
    json.dumps(line)
    (line,) = reconstruct_files([tmp_path / "a.png"], tmp_path / "out", [model("ball")], resolution=16)
    assert line["category"] == "ball"
    assert "category_probabilities" not in line


def test_the_models_to_choose_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_models("chairs").categories == ("chair",)
    assert load_models().categories == tuple(shipped_categories())
    with pytest.raises(ValueError, match=r"category must be a shipped one \(.*chair.*\) or auto, got 'spoon'"):
        load_models("spoon")
    monkeypatch.setattr(shelf_module, "shipped_categories", lambda: ["chair", "sofa"])
    assert load_models().categories == ("chair", "sofa")
    monkeypatch.setattr("urform.inference._model.shipped_categories", lambda: ["chair", "sofa"])
    with pytest.raises(ValueError, match=r"one of chair, sofa; `urform\.load_models"):
        load()
    monkeypatch.setattr(shelf_module, "shipped_categories", list)
    with pytest.raises(FileNotFoundError, match="no weights are shipped"):
        load_models()


DRAWN: dict[str, Callable[[np.ndarray, int], object]] = {
    "ball": lambda canvas, size: cv2.circle(canvas, (48, 48), size, (200, 60, 30, 255), -1),
    "box": lambda canvas, size: cv2.rectangle(canvas, (48 - size, 60), (48 + size, 70), (30, 60, 200, 255), -1),
}


def write_data(root: Path, category: str, seed: int) -> None:
    """A data folder with views of one category, drawn."""
    rng = np.random.default_rng(seed)
    keys = [ShapeKey("d", category, f"{category}{number}") for number in range(8)]
    for key in keys:
        folder = root / category / key.instance / "easy" / "image"
        folder.mkdir(parents=True)
        for view in range(3):
            canvas = np.zeros((96, 96, 4), np.uint8)
            DRAWN[category](canvas, int(rng.integers(15, 40)))
            Image.fromarray(canvas).save(folder / f"{view}.png")
    write_split(root / "splits" / f"d_{category}_train.json", keys[:5])
    write_split(root / "splits" / f"d_{category}_test.json", keys[5:])
    (root / "splits" / f"e_{category}_train.json").write_text("{}\n")


def test_training_from_data_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, category in enumerate(DRAWN):
        write_data(tmp_path / category, category, seed)
    folders = [str(tmp_path / category) for category in DRAWN]
    out, found = tmp_path / "c.safetensors", tmp_path / "found.json"
    words = ["train", "categories", "--data", *folders, "--out", str(out), "--json", str(found)]
    assert main(words) == 0
    assert "right: 100.0% of all held-out views" in capsys.readouterr().out
    result = json.loads(found.read_text())
    assert result["confusion"] == [[9, 0], [0, 9]]
    assert result["training_views"] == {"ball": 15, "box": 15}
    weights = read_classifier(out)
    assert weights is not None
    shelf = Shelf([model("ball"), model("box")], classifier=weights)
    canvas = np.zeros((96, 96, 4), np.uint8)
    DRAWN["box"](canvas, 33)
    choice = shelf.choose(CutOut(canvas, "alpha"))
    assert choice.model.category == "box"
    assert choice.probabilities["box"] > 0.5
    before = out.read_bytes()
    assert main(words) == 0
    assert out.read_bytes() == before


def test_held_out_shapes_are_never_learned_from(tmp_path: Path) -> None:
    write_data(tmp_path / "ball", "ball", 0)
    everything = [ShapeKey("d", "ball", f"ball{number}") for number in range(8)]
    write_split(tmp_path / "ball" / "splits" / "d_ball_train.json", everything)
    result = train_categories([tmp_path / "ball"], tmp_path / "c.safetensors", CategoriesConfig(copies=0))
    assert result["training_views"] == {"ball": 15}


def test_data_that_cannot_be_learned_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "categories", "--data", str(tmp_path), "--out", str(tmp_path / "c")]) == 2
    assert "expected split files *_train.json and *_test.json" in capsys.readouterr().err
    write_data(tmp_path / "ball", "ball", 0)
    (tmp_path / "ball" / "splits" / "d_ball_test.json").write_text("{}")
    assert main(["train", "categories", "--data", str(tmp_path / "ball"), "--out", str(tmp_path / "c")]) == 2
    assert "no views of ball to measure" in capsys.readouterr().err
    write_split(tmp_path / "ball" / "splits" / "d_ball_train.json", [ShapeKey("d", "ball", "ball7")])
    write_split(tmp_path / "ball" / "splits" / "d_ball_test.json", [ShapeKey("d", "ball", "ball7")])
    assert main(["train", "categories", "--data", str(tmp_path / "ball"), "--out", str(tmp_path / "c")]) == 2
    assert "no views to learn from" in capsys.readouterr().err
    assert main(["train", "categories", "--data", str(tmp_path), "--out", "c", "--views", "0"]) == 2
    assert "--views must be at least 1" in capsys.readouterr().err


def test_the_shipped_categories_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["categories"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (makers,) = [line for line in lines if line.startswith("chair") and "makers  " in line and "known" not in line]
    assert "2.39 / 1.79" in makers
    assert "1584" in makers
    assert main(["categories", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["category"] for each in listed] == shipped_categories()
    chair = next(each for each in listed if each["category"] == "chair")
    assert chair["scores"]["makers"]["rows"]["oracle"] == {"mean": 1.56, "median": 0.94, "failures": 0}
    assert 5 < chair["mebibytes"] < 10


def test_what_is_shipped_tells_a_chair_from_a_car() -> None:
    models, car = load_models(), load("car")
    photograph = Path(__file__).parents[1] / "examples" / "armchair.jpg"
    found = models.reconstruct(photograph, 16)
    assert found.category == "chair"
    assert found.category_probabilities is not None
    assert set(found.category_probabilities) == {*shipped_categories(), NONE}
    (latent,) = [car.latents[key] for key in car.latents if key.endswith("/kaykit__car_police")]
    (view,) = render_shaded(car.mesh(latent, 64), ((120.0, 10.0),), 192)
    chosen = models.choose(CutOut(view, "alpha"))
    assert chosen.model.category == "car"
    assert chosen.probabilities["car"] > 0.5


def test_a_category_without_scores_has_dashes() -> None:
    (_, line, _) = category_table([CategoryFacts("mug", 3.2, None)]).splitlines()
    assert line.split() == ["mug", "3.2", *["-"] * 9]


def test_scores_are_written_beside_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"method": method, "metric": metric, "mean": 1.5, "std": 0.1, "median": 1.25, "failures": 2}
        for method in ("urform, fixed view", "fit", "something else")
        for metric in ("chamfer", "f_score")
    ]
    save_scores(tmp_path / "mug", {"makers": (7, rows)})
    (tmp_path / "mug" / "model.safetensors").write_bytes(b"0" * 2**20)
    monkeypatch.setattr("urform.weights._shipped._SHIPPED", tmp_path)
    (facts,) = shipped_facts()
    kept = {"mean": 1.5, "median": 1.25, "failures": 2}
    assert facts == CategoryFacts("mug", 1.0, None, {"makers": {"shapes": 7, "rows": {"fixed": kept, "fit": kept}}})
    (tmp_path / "mug" / SCORES_FILE).write_text('{"makers": 3}')
    with pytest.raises(ValueError, match=r"scores\.json: damaged, expected groups"):
        shipped_facts()
    (tmp_path / "mug" / SCORES_FILE).write_text("[" * 9)
    with pytest.raises(ValueError, match=r"scores\.json: damaged, expected a JSON object"):
        shipped_facts()
