"""The whole published sequence with our commands, on data as it is met: missing, placed otherwise, NaN, doubled."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from jaxtyping import config

from tests.meshes import exported
from tests.published import encoder_codes, write_codes, write_experiment, write_specs
from tests.test_archive import make_zip
from urform.cli import main
from urform.data import DataFolder, ShapeKey
from urform.published import read_latents
from urform.weights import load_weights

CHAIRS = "03001627"
KEYS = {name: ShapeKey("ShapeNetV2", CHAIRS, name) for name in "abc"}
SMALL = "--device cpu --look-every 0"


def run(words: str, code: int = 0) -> None:
    config.update("jaxtyping_disable", True)  # the incomplete defaults of --specs
    try:
        assert main(shlex.split(words)) == code, words
    finally:
        config.update("jaxtyping_disable", False)


def write_split(path: str, *names: str) -> None:
    Path(path).write_text(json.dumps({"ShapeNetV2": {CHAIRS: list(names)}}))


def begin() -> None:
    """Initialise, samples, views."""
    boxes = {
        f"ShapeNetCore.v2/{CHAIRS}/{name}/models/model_normalized.obj": exported(
            trimesh.creation.box((1, 0.6 + 0.4 * index, 1)), "obj"
        )
        for index, name in enumerate("abc")
    }
    make_zip(Path("shapenet.zip"), boxes)
    secret = {"shapenet_url": "shapenet.zip", "shapenet_root": "datasets", "shapenet_folder": "v2"}
    Path("secret.json").write_text(json.dumps(secret))
    write_split("train.json", "b", "gone", "a", "a")
    write_split("test.json", "c", "lost")
    run("data init secret.json --out data")
    meshes = json.loads(Path("data/.datasources.json").read_text())["ShapeNetV2"]
    few = "--samples 4000 --surface-points 2000 --easy-views 3 --hard-views 3 --view-size 48 --workers 1"
    for only in ("samples", "views"):
        run(f"prepare {meshes} --out data --only {only} --split train.json test.json --hold-out test.json {few}")


def make_odd(folder: DataFolder) -> None:
    """A sample that is not a number, nested files, views on white alone, surfaces of test shapes alone."""
    path = folder.sdf_path(KEYS["a"])
    with np.load(path) as stored:
        pos, neg = stored["pos"], stored["neg"]
    pos[3, 3] = np.nan
    np.savez(path, pos=pos, neg=neg)
    nested = [folder.sdf_path(KEYS["b"]), folder.surface_path(KEYS["c"]), folder.normalisation_path(KEYS["c"])]
    for path in nested:
        path.with_suffix("").mkdir()
        path.rename(path.with_suffix("") / path.name)
    for name in "ab":
        folder.surface_path(KEYS[name]).unlink()
        folder.normalisation_path(KEYS[name]).unlink()
    for level in ("easy", "hard"):
        shutil.rmtree(folder.views_path(KEYS["b"], level, "image"))


def write_settings() -> None:
    """An experiment, and config.yaml of contrastive training."""
    write_specs(
        write_experiment(Path("experiment")),
        DataSource="../data",
        TrainSplit="../train.json",
        NumEpochs=30,
        SamplesPerScene=256,
        ScenesPerBatch=2,
        LearningRateSchedule=[{"Type": "Constant", "Value": 1e-2}] * 3,
        UsePointwiseLoss=True,
        PointwiseLossWeight=0.005,
        UseCurriculum=True,
    )
    contrastive = {"datasource": "data", "split": "train.json", "framework": "simclr", "resnet": 18, "pretrained": True}
    contrastive |= {"batch_size": 2, "epochs": 2, "lr": 0.05, "cos_lr": True, "projection_dim": 8, "save_every": 1}
    Path("config.yaml").write_text(json.dumps(contrastive))


def left_out(run_folder: str) -> tuple[dict[str, list[str]], dict[str, int]]:
    content = json.loads(Path(run_folder, "left_out.json").read_text())
    return {reason: entry["shapes"] for reason, entry in content["shapes"].items()}, content["samples"]


def test_the_published_sequence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="drawing is of the extra `analyze`")
    monkeypatch.chdir(tmp_path)
    begin()
    for place in Path("data").glob("0*/*/*/image_rgb"):
        shutil.rmtree(place)
    run("data flatten data")
    folder = DataFolder(Path("data"))
    make_odd(folder)
    write_settings()
    capsys.readouterr()
    run("data check data --split train.json", code=1)
    said = capsys.readouterr().out
    assert "3 shapes, 2 with SDF samples, 0 with surface samples, 0 with normalisation, 2 with views" in said

    gone = f"ShapeNetV2/{CHAIRS}/gone"
    run(f"train contrastive --config config.yaml --out contrastive --width 4 --image-size 32 {SMALL}")
    assert left_out("contrastive") == ({"no easy or hard views": [gone]}, {})
    few = f"--epochs 1 --image-size 32 --encoder-width 4 {SMALL}"
    run(f"train joint --specs experiment --out joint {few}")
    run(f"train joint --specs experiment --init contrastive --encoder-hidden 8 --out joint2 --epochs 1 {SMALL}")
    assert load_weights(Path("joint2")).config.encoder_hidden == 8
    run(f"train shape --specs experiment --out shape {SMALL}")
    for name in ("joint", "joint2", "shape"):
        assert left_out(name) == ({"no SDF samples": [gone]}, {str(KEYS["a"]): 1})
    assert load_weights(Path("shape")).keys == [str(KEYS["b"]), str(KEYS["a"])]

    pickle = f"{CHAIRS}_embedding.pkl"
    run(f"embeddings shape --split train.json --data data --out {pickle}")
    assert list(read_latents(Path(pickle))) == ["b", "a"]
    Path("data/SdfSamples").rename("data/hidden")  # the regression needs none
    published = f"--sdf-weight 0 --no-augment --no-flip --batch-size 4 {SMALL}"
    run(f"train encoder --init shape {pickle} --data data --split train.json --out encoder --epochs 1 {published}")
    Path("data/hidden").rename("data/SdfSamples")

    write_codes(Path("experiment"), encoder_codes("v2")[1], epoch=199)
    capsys.readouterr()
    run("import experiment --out imported")
    assert "epoch 7, latent codes of epoch 199" in capsys.readouterr().out

    run("mesh template template.ply --weights encoder --resolution 32")
    views = "--data data --split test.json --view 1 --copy-pictures"
    run(f"mesh images --weights encoder {views} --original-scale --out out")
    assert Path(f"out/ShapeNetV2/{CHAIRS}/c.png").is_file()
    run("evaluate --meshes out --data data --split test.json --original-scale --json scores.json")
    scores = json.loads(Path("scores.json").read_text())
    assert scores["shapes"] == [str(KEYS["c"])]
    assert scores["shapes_left_out"] == {"no surface samples": [f"ShapeNetV2/{CHAIRS}/lost"]}
    assert scores["rows"][0]["failures"] == 0
    run("evaluate --weights encoder --data data --split test.json --original-scale --resolution 32 --json own.json")
    own = json.loads(Path("own.json").read_text())
    assert "oracle retrieval" in own["left_out"]  # the training shapes have no surfaces
    run(f"analyze {pickle} --out analysis")
    assert "statistics.png" in json.loads(Path("analysis/analysis.json").read_text())["pictures"]
    run("analyze encoder --data data --split train.json --out analysis_of_views --resolution 16")
