import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.sandbox import score_quickly
from tests.small_model import SIZES, small_weights
from urform.cli import main
from urform.config import EncoderConfig, PoseConfig, PrepareConfig, RunConfig, ShapeConfig
from urform.data import DataFolder, read_split
from urform.evaluation import evaluate
from urform.inference import load
from urform.models import to_input
from urform.recipe import Recipe, find_recipe, make_weights, read_recipe, shipped_recipes
from urform.recipe import _make as steps
from urform.recipe._data import prepare_synthetic
from urform.recipe._places import Places
from urform.recipe._steps import Step, run_steps, seconds_of
from urform.sets import ViewSet
from urform.training import train_encoder, train_shape
from urform.training._seen import PictureViews
from urform.training._transfer import fit_last, start_from
from urform.weights import build_encoder, load_weights, save_weights

PREPARE = PrepareConfig(samples=2000, surface_points=500, easy_views=2, hard_views=2, view_size=64, albedo=False)
RECIPE = Recipe(
    category="solid",
    about="Boxes of a test.",
    held_out={"makers": ("ball", "box3")},
    copies=2,
    real_weight=2,
    prepare=PREPARE,
    prepare_more=PREPARE,
    shape=ShapeConfig(model=SIZES, epochs=2, shapes_per_batch=4, points_per_shape=64),
    encoder=EncoderConfig(epochs=2, batch_size=8, points_per_view=8),
    plain_epochs=1,
    pose=PoseConfig(epochs=1, batch_size=8),
)


def silent(line: str) -> None:
    del line


@pytest.fixture(scope="module")
def made(meshes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a small recipe makes, interrupted once."""
    out = tmp_path_factory.mktemp("recipe") / "solid"
    trained = steps.train_pose
    with pytest.MonkeyPatch.context() as patch:
        score_quickly(patch)
        patch.setattr(steps, "train_pose", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make_weights(RECIPE, [meshes], out, workers=1, say=silent)
        patch.setattr(steps, "train_pose", trained)
        said: list[str] = []
        make_weights(RECIPE, [meshes], out, workers=1, say=said.append)
    assert sum("was done" in line for line in said) == 7  # three of data, splits, three trainings
    return out


def test_a_recipe_goes_from_meshes_to_weights(made: Path) -> None:
    weights = load_weights(made / "weights")
    assert weights.category == "solid"
    assert weights.encoder is not None
    assert weights.pose is not None
    assert len(weights.keys) == 4 * 3  # four training meshes and two copies of each
    assert not any(key.endswith(("/ball", "/box3")) for key in weights.keys)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a while", b"nan", b"1e999", b"[" * 100_000])
def test_a_damaged_note_of_the_time_stops_no_recipe(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "data.started").write_bytes(content)
    (tmp_path / "split.json").write_bytes(content)
    said: list[str] = []
    run_steps([Step("data", lambda: None), Step("split", lambda: None)], tmp_path, said.append)
    assert said == ["[1/2] data ...", "[1/2] data: done in 0 s", "[2/2] split: was done in 0 s"]
    assert seconds_of(tmp_path, "data") == seconds_of(tmp_path, "split") == 0


def test_a_recipe_scores_its_test_shapes(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score_quickly(monkeypatch)
    scored = json.loads((made / "results" / "makers.json").read_text())
    assert {key.rsplit("/", 1)[1] for key in scored["shapes"]} == {"ball", "box3"}
    split = made / "data" / "splits" / "test_makers.json"
    assert len(read_split(split)) == 2
    again = evaluate(load(made / "weights"), made / "data", split, views=("fixed",), resolution=24)
    assert again["values"]["urform, fixed view"] == scored["values"]["urform, fixed view"]
    page = (made / "results" / "solid.md").read_text()
    mean = next(row["mean"] for row in scored["rows"] if row["method"] == "urform, all views")
    assert f"{mean:.2f}" in page
    assert "| fit |" in page
    assert (made / "results" / "solid" / "makers.jpg").stat().st_size > 1000


def test_the_model_card_says_what_the_weights_are_made_of(made: Path) -> None:
    card = (made / "weights" / "MODEL_CARD.md").read_text()
    for text in ("Boxes of a test.", "- 4 meshes.", "- 8 copies", "Held out: 2 of `makers`", "oracle retrieval"):
        assert text in card


def test_a_folder_of_another_recipe_is_refused(made: Path, meshes: Path) -> None:
    with pytest.raises(ValueError, match="was made with another recipe"):
        make_weights(replace(RECIPE, copies=3), [meshes], made, workers=1)


def test_a_recipe_must_fit_its_meshes(meshes: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"held_out\.makers must name meshes of .*got none"):
        make_weights(replace(RECIPE, held_out={"makers": ("kenney__*",)}), [meshes], tmp_path / "out")
    with pytest.raises(ValueError, match="synthetic must be 0: there is no generator of solid"):
        make_weights(replace(RECIPE, synthetic=5), [meshes], tmp_path / "out")
    with pytest.raises(ValueError, match="synthetic_more must be 0: there is no generator of solid"):
        make_weights(replace(RECIPE, synthetic_more=5), [meshes], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_encoder_alone_sees_further_synthetic_shapes(tmp_path: Path) -> None:
    recipe, places = replace(RECIPE, category="table", synthetic_more=2), Places(tmp_path, "table")
    prepare_synthetic(recipe, places, 1)
    further = places.split("synthetic_more", "train")
    assert [key.instance for key in read_split(further)] == ["table_100_00000", "table_100_00001"]
    assert further in steps._Stages(recipe, places, 0)._pictures()
    assert further not in steps._Stages(recipe, places, 0)._more


def test_every_shipped_recipe_can_be_read() -> None:
    assert {"car", "lamp", "plane", "sofa", "table"} <= set(shipped_recipes())
    for name in shipped_recipes():
        recipe = read_recipe(find_recipe(name))
        assert recipe.category == name
        assert recipe.held_out["makers"]


def test_the_recipe_of_the_page_can_be_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "your-own-category.md").read_text()
    path = tmp_path / "cup.yaml"
    path.write_text(page.split("```yaml\n")[1].split("```")[0])
    recipe = read_recipe(path)
    assert recipe.group_of("cup13") == "test"
    assert recipe.group_of("cup2") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1", "must hold `category:`"),
        ("category: a/b", "category must be the name of a folder"),
        ("category: cup\ncopys: 3", "did you mean copies"),
        ("category: cup\ncopies: many", "copies must be of the kind of 4"),
        ("category: cup\nshape: {epocks: 3}", "did you mean epochs"),
        ("category: cup\nshape: 3", "shape must be settings"),
        ("category: cup\nencoder: {lr: fast}", "encoder.lr must be of the kind"),
        ("category: cup\nencoder: {epochs: 0}", "epochs must be at least 1"),
        ("category: cup\nheld_out: [a]", "held_out must be groups"),
        ("category: cup\nheld_out: {'../x': [a]}", "held_out must be names of groups"),
        ("category: [", "not YAML"),
        ("category: cup\ncopies: 3\nshape: {epochs: 1, epochs: 2}", "'epochs' is there twice"),
        ("category: cup\nreal_weight: true", "real_weight must be of the kind"),
    ],
)
def test_a_wrong_recipe_is_told(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"recipe\.yaml: ") as error:
        read_recipe(path)
    assert message in str(error.value)


def test_settings_of_settings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("category: cup\nencoder: {lr: 5e-4, rates: {cosine_floor: 1}}\nshape: {model: {latent_size: 8}}\n")
    recipe = read_recipe(path)
    assert recipe.encoder.lr == 5e-4
    assert recipe.encoder.rates.cosine_floor == 1
    assert recipe.encoder.rates.cosine_warm_share == EncoderConfig().rates.cosine_warm_share
    assert recipe.shape.model.latent_size == 8


def test_the_command_shows_a_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "plane", "--show"]) == 0
    assert capsys.readouterr().out == find_recipe("plane").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [(["plane"], "--meshes and --out must be given"), (["boat"], "boat: no such recipe; expected car, ")],
)
def test_the_command_says_what_is_missing(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.fixture(scope="module")
def shape_run(data: Path, split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "shape"
    config = ShapeConfig(model=SIZES, epochs=2, shapes_per_batch=4, points_per_shape=64)
    train_shape(data, [split], run, config, RunConfig(device="cpu", look_every=0))
    return run


def test_an_encoder_starts_from_that_of_another_category(
    shape_run: Path, data: Path, split: Path, tmp_path: Path
) -> None:
    donor = tmp_path / "donor.safetensors"
    save_weights(donor, small_weights())
    config = EncoderConfig(epochs=1, batch_size=8, sdf_weight=0.0, lr=1e-9)
    run = RunConfig(device="cpu", look_every=0)
    train_encoder(shape_run, data, [split], tmp_path / "run", config, run, encoder_from=donor)
    started, given = load_weights(tmp_path / "run").encoder, small_weights().encoder
    assert started is not None
    assert given is not None
    assert torch.allclose(started.state_dict()["conv1.weight"], given.state_dict()["conv1.weight"], atol=1e-5)


def test_shapes_without_a_latent_do_not_spoil_the_start(data: Path, split: Path) -> None:
    keys = read_split(split)
    views = ViewSet(DataFolder(data), keys, SIZES.image_size, ("easy", "hard"))
    targets = torch.full((len(keys), SIZES.latent_size), 3.0)
    targets[0] = torch.nan
    donor, encoder = small_weights().encoder, build_encoder(SIZES)
    assert donor is not None
    start_from(encoder, donor, PictureViews(views, EncoderConfig()), targets, seed=0)
    with torch.no_grad():
        found = encoder.eval()(to_input(views.batch(torch.arange(len(views)))[0]))
    assert torch.allclose(found, torch.tensor(3.0), atol=1e-4)


def test_the_last_layer_is_fitted_to_the_latents() -> None:
    encoder, generator = build_encoder(SIZES), torch.Generator().manual_seed(0)
    features = torch.randn(400, encoder.fc.in_features, generator=generator).double()
    slopes = torch.randn(encoder.fc.in_features, SIZES.latent_size, generator=generator).double()
    latents = features @ slopes + 2
    with torch.no_grad():
        fit_last(encoder, features, latents)
        found = encoder.fc(features.float())
    assert (found - latents).abs().mean() < 0.02 * latents.std()


def test_there_is_one_encoder_to_start_from(shape_run: Path, data: Path, split: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must name a model with an encoder"):
        train_encoder(shape_run, data, [split], tmp_path / "run", EncoderConfig(), encoder_from=shape_run)
    both = tmp_path / "both"
    shutil.copytree(shape_run, both)
    save_weights(both / "model.safetensors", replace(load_weights(shape_run), encoder=small_weights().encoder))
    with pytest.raises(ValueError, match="`encoder_from`; omit one"):
        train_encoder(both, data, [split], tmp_path / "run", EncoderConfig(), encoder_from=both)
