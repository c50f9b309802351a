"""Where the commands of the documents run: the files that they name, made small, and the flags that make them quick."""

import functools
import json
import shlex
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from jaxtyping import config

from tests.documents import ROOT
from tests.published import write_experiment, write_specs
from urform.cli import main
from urform.cli._command_table import command_name
from urform.evaluation import PROTOCOLS
from urform.fitting import fit

_MODEL = "--latent-size 8 --warp-width 16 --template-width 16 --template-layers 2 --encoder-width 4 --image-size 32"
_RUN = "--device cpu --look-every 0"
SMALLER = {
    "prepare": "--samples 4000 --surface-points 2000 --easy-views 3 --hard-views 3 --view-size 48 --workers 1",
    "train shape": f"--epochs 40 --points-per-shape 256 --shapes-per-batch 4 {_RUN} {_MODEL}",
    "train shape --specs": f"--epochs 40 --points-per-shape 256 --shapes-per-batch 4 {_RUN}",
    "train encoder": f"--epochs 1 --batch-size 8 --levels easy {_RUN}",
    "train pose": f"--epochs 2 --batch-size 8 {_RUN}",
    "train categories": "--views 12 --copies 0",
    "train joint": f"--epochs 1 --points-per-shape 64 --shapes-per-batch 4 {_RUN} {_MODEL}",
    "train joint --specs": f"--epochs 1 --points-per-shape 64 --shapes-per-batch 4 {_RUN}",
    "train joint --init": f"--epochs 1 --points-per-shape 64 --shapes-per-batch 4 {_RUN}",
    "train contrastive": f"--epochs 1 --batch-size 4 --width 4 --image-size 32 {_RUN}",
    "evaluate": "--resolution 16",
    "reconstruct": "--resolution 32 --force",
    "recipe": "--workers 1",
    "synth": "--count 3",
    "deform": "--copies 1",
    "fit": "--steps 5 --resolution 16 --weights runs/mug",
    "transfer labels": "--steps 5 --resolution 32",
    "transfer keypoints": "--steps 5 --resolution 32",
    "transfer colors": "--steps 5 --resolution 32",
    "register": "--steps 5 --faces 300 --resolution 32 --force",
    "morph": "--steps 2 --resolution 16",
    "mesh template": "--resolution 16",
    "mesh shapes": "--resolution 16",
    "mesh images": "--resolution 16",
    "analyze": "--resolution 16 --queries 1 --components 1 --compared 3 --objects 2 --views 6 --max-latents 8",
    "data split": "--dataset mine --category mug",
}
"""Flags that are added to a command; where it has the flag after its name, those of the longer entry."""

_DATA = {"samples": 2000, "surface_points": 500, "easy_views": 2, "hard_views": 2, "view_size": 48}
_SIZES = {"latent_size": 8, "warp_width": 16, "template_width": 16, "template_layers": 2, "encoder_width": 4}
RECIPE = {
    "category": "mug",
    "held_out": {"makers": ["mug1", "mug4"]},
    "copies": 1,
    "prepare": _DATA,
    "prepare_more": _DATA,
    "shape": {"epochs": 40, "points_per_shape": 256, "model": {**_SIZES, "image_size": 32}},
    "encoder": {"epochs": 1, "batch_size": 8},
    "pose": {"epochs": 1, "batch_size": 8},
}
"""A recipe that takes seconds."""


def make_sandbox(folder: Path) -> None:
    """The files that README and docs name, as far as no command of theirs makes them."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    for name in ("photo.jpg", "front.jpg", "side.jpg"):
        shutil.copy(ROOT / "examples" / "armchair.jpg", folder / name)
    (folder / "mug.yaml").write_text(json.dumps(RECIPE))
    for place in ("MESHES", "meshes"):
        (folder / place).mkdir()
        for index in range(6):
            trimesh.creation.box((1, 0.5 + 0.1 * index, 1)).export(folder / place / f"mug{index}.obj")


def make_workshop(folder: Path) -> None:
    """The same, and what the commands of the README have made there: data and runs of mugs, and chairs beside them."""
    make_sandbox(folder)
    (folder / "test_objects.txt").write_text("mug1\nmug4\n")
    (folder / "scans").mkdir()
    run(["prepare", "MESHES", *shlex.split("--out data --category mug --dataset mine --hold-out test_objects.txt")])
    split = ["--data", "data", "--split", "data/splits/mine_mug_train.json"]
    run(["train", "shape", *split, "--out", "runs/shape"])
    run(["train", "encoder", "--init", "runs/shape", *split, "--out", "runs/mug"])
    run(["synth", "chair", "--out", "chairs"])
    chairs = "--out data --category chair --dataset synthetic --test-fraction 0.99"
    run(["prepare", "chairs", *shlex.split(chairs)])
    for name, chair in zip(("a", "b", "c"), sorted((folder / "chairs").iterdir()), strict=True):
        for file in (*("scan", "labelled") * (name == "a"), name, f"scans/{name}"):
            shutil.copy(chair / "model.obj", folder / f"{file}.obj")
        shutil.copy(chair / "model.mtl", folder)
        shutil.copy(chair / "model.mtl", folder / "scans")
    shutil.copy(sorted((folder / "chairs").iterdir())[0] / "shape.json", folder / "keypoints.json")
    points = np.asarray(trimesh.load_mesh(folder / "scan.obj").sample(2000))
    (folder / "front_half.xyz").write_text("".join(f"{x} {y} {z}\n" for x, y, z in points[points[:, 2] > 0]))
    with zipfile.ZipFile(folder / "chairs.zip", "w") as archive:
        archive.write(folder / "a.obj", "a.obj")
    _make_published(folder)


def _make_published(folder: Path) -> None:
    """Experiments of the published system with the mugs as their shapes."""
    settings = {
        "DataSource": "../data",
        "TrainSplit": "split.json",
        "NumEpochs": 2,
        "SamplesPerScene": 64,
        "ScenesPerBatch": 4,
        "LearningRateSchedule": [{"Type": "Constant", "Value": 1e-2}] * 3,
    }
    shapes = {"mine": {"mug": ["mug0", "mug2", "mug3", "mug5"]}}
    for name in ("published_decoder", "experiment"):
        write_specs(write_experiment(folder / name), **settings)
        (folder / name / "split.json").write_text(json.dumps(shapes))
    shutil.copytree(folder / "published_decoder" / "LatentCodes", folder / "only_latents" / "LatentCodes")
    with zipfile.ZipFile(folder / "shapenet.zip", "w") as archive:
        archive.write(folder / "a.obj", "ShapeNetCore.v2/03001627/a/models/model_normalized.obj")
    secret = {"shapenet_url": "shapenet.zip", "shapenet_root": "datasets", "shapenet_folder": "ShapeNetCore.v2"}
    (folder / "secret.json").write_text(json.dumps(secret))
    settings = {"datasource": "data", "split": "data/splits/mine_mug_train.json", "framework": "simclr", "resnet": 18}
    (folder / "config.yaml").write_text(json.dumps(settings))


def score_quickly(patch: pytest.MonkeyPatch) -> None:
    """Have a recipe score with coarse meshes, short fits and few points."""
    patch.setattr("urform.recipe._scores.RESOLUTION", 24)
    patch.setattr("urform.evaluation._correspondence.fit", functools.partial(fit, steps=20))
    few = {
        name: replace(protocol, points=min(protocol.points, 2000), volume_points=min(protocol.volume_points, 2000))
        for name, protocol in PROTOCOLS.items()
    }
    patch.setattr("urform.evaluation._evaluate.PROTOCOLS", few)


def run(words: Sequence[str], fails: bool = False) -> None:
    """Run a command, made smaller; a training starts afresh where it does not resume.

    Args:
        words: the command as it stands in the document, without `urform`.
        fails: whether it must end with the exit code 2.
    """
    name = command_name(list(words))
    assert name is not None, words
    if name.startswith("train") and "--resume" not in words:
        shutil.rmtree(words[list(words).index("--out") + 1], ignore_errors=True)
    longer = next((entry for entry in SMALLER if entry.startswith(f"{name} --") and entry.split()[-1] in words), name)
    words = [*(file for word in words for file in _files(word)), *SMALLER.get(longer, "").split()]
    config.update("jaxtyping_disable", True)  # it slows commands down, and refuses the incomplete defaults of --specs
    try:
        code = main(words)
    finally:
        config.update("jaxtyping_disable", False)
    assert code == (2 if fails else 0), words


def _files(word: str) -> list[str]:
    """The files of a pattern, as a shell gives them."""
    found = sorted(map(str, Path().glob(word))) if "*" in word and not Path(word).is_absolute() else []
    return found or [word]
