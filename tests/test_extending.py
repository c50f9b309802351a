"""The page on new kinds: its Python adds one of each from outside, and each is used as the shipped ones are."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trimesh

from tests.conftest import TINY
from tests.documents import ROOT, Block, blocks
from tests.small_model import small_weights
from tests.tiny_runs import CPU, MODEL
from urform.cli import main
from urform.config import ContrastiveConfig, ShapeConfig
from urform.contrastive import METHODS, encoder
from urform.evaluation import PROTOCOLS
from urform.formats import FORMATS, READERS, load_mesh, save_mesh
from urform.geometry import SIGNS
from urform.models import BACKBONES
from urform.prepare import prepare
from urform.published import load_backbone
from urform.sources import SOURCES
from urform.synth import CATEGORIES
from urform.training import train_contrastive, train_shape
from urform.weights import FILE_NAME, WARPS, build_decoder, build_encoder, load_weights, save_weights

TABLES: dict[str, dict[str, Any]] = {
    "WARPS": WARPS,
    "BACKBONES": BACKBONES,
    "METHODS": METHODS,
    "SIGNS": SIGNS,
    "SOURCES": SOURCES,
    "READERS": READERS,
    "FORMATS": FORMATS,
    "PROTOCOLS": PROTOCOLS,
    "CATEGORIES": CATEGORIES,
}
SHIPPED = {name: tuple(table) for name, table in TABLES.items()}
PAGE = ROOT / "docs" / "extending.md"


def python_blocks() -> list[Block]:
    return [block for block in blocks(PAGE) if block.language == "python"]


@pytest.fixture(autouse=True)
def page() -> Iterator[None]:
    """All that the page registers, for the time of a test."""
    before = {name: dict(table) for name, table in TABLES.items()}
    for block in python_blocks():
        exec(block.text, {"__name__": "page"})
    yield
    for name, table in TABLES.items():
        table.clear()
        table.update(before[name])


def test_the_page_adds_one_of_each_and_names_every_table() -> None:
    grown = {name for name, table in TABLES.items() if len(table) == len(SHIPPED[name]) + 1}
    assert grown == set(TABLES)
    assert all(f".{name}`" in PAGE.read_text() for name in TABLES)


def test_each_kind_takes_ten_lines() -> None:
    code = {block.text: sum(bool(line.strip()) for line in block.text.splitlines()) for block in python_blocks()}
    assert len(code) >= len(TABLES)
    assert not [text for text, count in code.items() if count > 10]


def test_warp(data: Path, split: Path, tmp_path: Path) -> None:
    config = ShapeConfig(
        model=replace(MODEL, warp="shift"), epochs=1, shapes_per_batch=2, points_per_shape=64, pointwise_weight=0
    )
    train_shape(data, [split], tmp_path / "run", config, CPU)
    weights = load_weights(tmp_path / "run")
    assert type(weights.decoder.warp).__name__ == "ShiftWarp"
    del WARPS["shift"]
    with pytest.raises(ValueError, match="warp must be one of mlp, lstm, got 'shift'"):
        load_weights(tmp_path / "run")


def test_backbone_and_contrastive_method(data: Path, split: Path, tmp_path: Path) -> None:
    config = ContrastiveConfig(method="bare", backbone="patches", width=6, image_size=32, epochs=1, batch_size=2)
    train_contrastive(data, [split], tmp_path / "features", config, CPU)
    found = load_backbone(tmp_path / "features")
    assert found is not None
    assert (found.name, found.method, found.width) == ("patches", "bare", 6)
    shape = ShapeConfig(model=MODEL, epochs=1, shapes_per_batch=2, points_per_shape=64)
    train_shape(data, [split], tmp_path / "shape", shape, CPU)
    run, words = tmp_path / "encoder", f"--data {data} --split {split} --epochs 1 --batch-size 4 --device cpu"
    starts = f"{tmp_path}/shape {tmp_path}/features"
    assert main(f"train encoder --init {starts} --out {run} --look-every 0 {words}".split()) == 0
    assert type(load_weights(run).encoder).__name__ == "PatchesEncoder"


def test_sign_method_and_source(meshes: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(f"{meshes / 'box0.obj'}\n{meshes / 'ball.off'}\n")
    config = replace(TINY, sign="nearest")
    reports = prepare(tmp_path / "mine.txt", tmp_path / "data", config, workers=1, time_limit_s=0)
    assert [(report.instance, report.sign, report.outcome) for report in reports] == [
        ("ball", "nearest", "done"),
        ("box0", "nearest", "done"),
    ]


def test_format(tmp_path: Path) -> None:
    save_mesh(trimesh.creation.box(), tmp_path / "box.off")
    assert len(load_mesh(tmp_path / "box.off").faces) == 12
    trimesh.creation.box((1, 2, 3)).export(tmp_path / "box.dae")
    with zipfile.ZipFile(tmp_path / "box.zae", "w") as archive:
        archive.write(tmp_path / "box.dae", "box.dae")
    vertices = load_mesh(tmp_path / "box.zae").vertices
    assert (vertices.max(axis=0) - vertices.min(axis=0)).tolist() == [1, 2, 3]


def test_protocol_and_metric(data: Path, tmp_path: Path) -> None:
    save_weights(tmp_path / FILE_NAME, small_weights())
    words = f"--data {data} --split {next((data / 'splits').glob('*_test.json'))} --weights {tmp_path}"
    assert main(f"evaluate --protocol worst --resolution 16 {words} --json {tmp_path}/result.json".split()) == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["metrics"][0]["name"] == "hausdorff"
    assert 0 < result["noise_floor"] < result["rows"][0]["mean"]


def test_category(tmp_path: Path) -> None:
    assert main(f"synth ball --count 2 --out {tmp_path}/balls".split()) == 0
    mesh = trimesh.load(tmp_path / "balls" / "ball_0_00001" / "model.obj", force="mesh")
    assert mesh.extents[0] == pytest.approx(mesh.extents[1], rel=0.02)


def test_an_unknown_name_lists_what_there_is(data: Path, meshes: Path, tmp_path: Path) -> None:
    def message(name: str) -> str:
        return rf"must be one of {', '.join(TABLES[name])}, got "

    with pytest.raises(ValueError, match=message("WARPS") + "'shifft'; did you mean shift?"):
        build_decoder(replace(MODEL, warp="shifft"))
    with pytest.raises(ValueError, match=message("BACKBONES") + "'vgg'"):
        build_encoder(replace(MODEL, encoder_backbone="vgg"))
    with pytest.raises(ValueError, match=message("METHODS") + "'dino'"):
        encoder("resnet18", "dino")
    with pytest.raises(ValueError, match=message("SIGNS") + "'x'"):
        prepare(meshes, tmp_path / "data", replace(TINY, sign="x"), workers=1, time_limit_s=0)


def test_the_command_line_lists_them_too(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_weights(tmp_path / FILE_NAME, small_weights())
    split = next((data / "splits").glob("*_test.json"))
    picture = next(data.rglob("image/*.png"))
    out = f"--out {tmp_path}/out"
    for words, line in {
        "synth spoon": "category must be one of chair, lamp, plane, sofa, table, ball, got 'spoon'",
        f"evaluate --data {data} --split {split} --weights {tmp_path} --protocol x": "--protocol must be one of deep",
        f"reconstruct {picture} --weights {tmp_path} --format x": "--format must be one of glb, obj, ply, stl, off",
        f"train shape --data {data} --split {split} --warp x": "--warp must be one of mlp, lstm, shift, got 'x'",
        f"train contrastive --data {data} --split {split} --method x": "--method must be one of simclr, moco, byol,",
        f"train contrastive --data {data} --split {split} --backbone x": "--backbone must be one of resnet18, resnet34",
    }.items():
        assert main([*words.split(), *(out.split() if "evaluate" not in words else ())]) == 2, words
        assert line in capsys.readouterr().err, words


HELP = {
    ("train shape", "warp"): "WARPS",
    ("train contrastive", "method"): "METHODS",
    ("train contrastive", "backbone"): "BACKBONES",
    ("prepare", "sign"): "SIGNS",
    ("evaluate", "protocol"): "PROTOCOLS",
    ("reconstruct", "format"): "FORMATS",
    ("fit", "format"): "FORMATS",
    ("register", "format"): "FORMATS",
    ("synth", "category"): "CATEGORIES",
}


@pytest.mark.parametrize(("command", "field"), HELP)
def test_help_lists_the_shipped_kinds(command: str, field: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{command} reconstruction" if command == "evaluate" else command
    assert main([*name.split(), "--help"]) == 0
    text = capsys.readouterr().out
    missing = [kind for kind in SHIPPED[HELP[command, field]] if kind not in text]
    assert not missing, f"the help of {field} must name {', '.join(missing)}"
