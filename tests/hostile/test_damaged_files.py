"""Every reader, each kind of damage: an answer or one line, never a traceback, and nothing written elsewhere."""

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from tests.hostile.damage import EVERY, damage
from tests.meshes import exported
from tests.published import write_experiment
from tests.small_model import small_weights
from urform.cli import main
from urform.inference import preview
from urform.pictures._salient import salient
from urform.published import write_latents
from urform.weights import FILE_NAME, Weights, load_weights, save_weights


def picture(kind: str) -> bytes:
    content = io.BytesIO()
    image = Image.new("RGB", (48, 48), "white")
    image.paste((200, 30, 30), (12, 12, 36, 36))
    image.save(content, kind)
    return content.getvalue()


def mesh(kind: str) -> bytes:
    return exported(trimesh.creation.box(), kind)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one whole file of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    save_weights(folder / "run" / "model.safetensors", small_weights())
    (folder / "run" / "config.json").write_text(json.dumps({"settings": {"stage": "shape"}}))
    write_experiment(folder / "experiment")
    for suffix in (".pkl", ".npz"):
        write_latents(folder / f"latents{suffix}", {name: np.ones(4, np.float32) for name in "ab"})
    for kind in ("png", "jpeg", "webp", "bmp", "gif", "tiff", "jpeg2000", "avif", "dds", "ppm", "eps"):
        (folder / f"picture.{kind}").write_bytes(picture(kind))
    (folder / "picture.jpg").write_bytes(picture("eps"))
    (folder / "view.png").write_bytes(picture("png"))
    for kind in ("obj", "ply", "stl", "off", "glb"):
        (folder / f"scan.{kind}").write_bytes(mesh(kind))
    (folder / "scans").mkdir()
    for name in "ab":
        shutil.copy(folder / "scan.glb", folder / "scans" / f"{name}.glb")
    (folder / "secret.json").write_text(json.dumps({"shapenet_url": "archive.zip", "shapenet_root": "kept"}))
    (folder / "scan.xyz").write_text("0 0 0 0 0 1\n1 0 0 0 0 1\n0 1 0 0 0 1\n")
    np.save(folder / "scan.npy", np.eye(3))
    (folder / "split.json").write_text(json.dumps({"d": {"ball": ["a", "b"]}}))
    (folder / "names.txt").write_text("a\n")
    (folder / "families.csv").write_text("instance,family\na,one\nb,two\n")
    (folder / "list.csv").write_text("path,instance\nscan.obj,a\n")
    (folder / "points.json").write_text('{"seat": [0, 0, 0]}')
    (folder / "labels.txt").write_text("leg\n" * 8)
    (folder / "flags.yaml").write_text("samples: 500\ntest-fraction: 0\n")
    content = {"format": "urform latent 1", "category": "ball", "scan": None, "offset": [0, 0, 0], "scale": 1.0}
    (folder / "latent.json").write_text(json.dumps({**content, "latent": [0.1] * 4}))
    torch.save({"epoch": 1, "model_state_dict": {"a": torch.ones(2)}}, folder / "checkpoint.pt")
    torch.save(torch.ones(2), folder / "imagenet.pth")
    shutil.make_archive(str(folder / "archive"), "zip", folder, "run")
    shutil.make_archive(str(folder / "archive"), "gztar", folder, "run")
    rows = np.concatenate([np.random.default_rng(0).uniform(-0.5, 0.5, (50, 3)), np.full((50, 1), 0.1)], axis=1)
    for name in "ab":
        for place in ("SdfSamples", "NormalizationParameters", "SurfaceSamples", "Keypoints", "Reports"):
            (folder / "data" / place / "d" / "ball").mkdir(parents=True, exist_ok=True)
        np.savez(folder / f"data/SdfSamples/d/ball/{name}.npz", pos=np.float32(rows), neg=-np.float32(rows))
        np.savez(folder / f"data/NormalizationParameters/d/ball/{name}.npz", offset=np.zeros(3), scale=np.array(1.0))
        trimesh.PointCloud(rows[:, :3]).export(folder / f"data/SurfaceSamples/d/ball/{name}.ply")
        (folder / f"data/Keypoints/d/ball/{name}.json").write_text('{"seat": [0, 0, 0]}')
        (folder / f"data/Reports/d/ball/{name}.json").write_text('{"sign": "solid"}')
        views = folder / "data" / "ball" / name / "easy" / "image"
        views.mkdir(parents=True)
        Image.new("RGBA", (40, 40), "red").save(views / "00.png")
    (folder / "data" / "splits").mkdir()
    shutil.copy(folder / "split.json", folder / "data/splits/d_ball_train.json")
    return folder


SMALL = "--samples 100 --surface-points 20 --easy-views 0 --hard-views 0 --workers 1 --time-limit-s 0"
EVALUATE = "--data data --split split.json --weights run --resolution 8"
TRAIN = "--data data --split split.json --out out --device cpu --epochs 1 --look-every 0"
PICTURES = ("png", "jpeg", "jpg", "webp", "bmp", "gif", "tiff", "jpeg2000", "avif", "dds", "ppm", "eps")
TO_SCAN = "transfer colors --from a --to {file} --weights run --out out --steps 1 --resolution 8"
READERS = {  # the file that is damaged: the command that reads it
    **{f"scan.{kind}": TO_SCAN for kind in ("ply", "stl", "off", "glb", "xyz", "npy")},
    "scan.obj": f"prepare list.csv --out out {SMALL}",
    "list.csv": f"prepare {{file}} --out out {SMALL}",
    "names.txt": f"prepare list.csv --out out --hold-out {{file}} {SMALL}",
    "flags.yaml": f"prepare list.csv --out out --config {{file}} {SMALL}",
    "run/model.safetensors": "mesh shapes --weights run --out out --resolution 8",
    "run/config.json": f"train shape {TRAIN.replace('--out out', '--out run')} --resume",
    "split.json": "embeddings run --split {file} --out out/latents.npz",
    "latents.pkl": "mesh shapes --weights run --latents {file} --split split.json --out out --resolution 8",
    "latents.npz": "analyze {file} --out out",
    "latent.json": "morph {file} a --weights run --out out --steps 2 --resolution 8",
    "points.json": "transfer keypoints --from a --to b --keypoints {file} --weights run --out out --resolution 8",
    "labels.txt": TO_SCAN.replace("colors --from a", "labels --labels labels.txt --from scan.obj").format(file="b"),
    "families.csv": "data split data --families {file} --name x",
    "experiment/specs.json": "import experiment --out out",
    "experiment/split.json": "import experiment --out out",
    "experiment/ModelParameters/latest.pth": "import experiment --out out",
    "experiment/LatentCodes/latest.pth": "import experiment --out out",
    "checkpoint.pt": f"train contrastive {TRAIN} --init {{file}}",
    "imagenet.pth": f"train contrastive {TRAIN} --imagenet {{file}} --width 64",
    "archive.zip": "data fetch {file} --out out",
    "archive.tar.gz": "data fetch {file} --out out",
    "data/SdfSamples/d/ball/a.npz": "data check data",
    "data/SurfaceSamples/d/ball/a.ply": f"evaluate {EVALUATE}",
    "data/NormalizationParameters/d/ball/a.npz": "mesh shapes --weights run --original-scale data --out out --ids 0 1",
    "data/Keypoints/d/ball/a.json": "evaluate correspondence --data data --split split.json --weights run",
    "data/ball/a/easy/image/00.png": "data flatten data",
    "data/splits/d_ball_train.json": "data check data",
}

SOME = (*EVERY[::3], "pipe")
MORE = (  # further commands that read the same files
    ("scans/a.glb", f"prepare scans --out out {SMALL}"),
    ("scan.ply", "fit {file} --weights run --out out --steps 1 --resolution 8"),
    ("scan.off", "register {file} --weights run --out out --steps 1 --resolution 8 --faces 100"),
    ("scan.obj", "deform list.csv --out out --copies 1"),
    ("list.csv", "deform {file} --out out --copies 1"),
    ("names.txt", "deform list.csv --out out --copies 1 --hold-out {file}"),
    ("names.txt", f"train pose {TRAIN} --init run --exclude {{file}}"),
    ("names.txt", "data split data --test-list {file} --name x"),
    ("run/model.safetensors", "reconstruct view.png --weights run --out out --resolution 8 --box 5,5,40,40"),
    ("run/model.safetensors", f"train pose {TRAIN} --init run"),
    ("run/model.safetensors", "export run --out out"),
    ("scans/a.glb", "evaluate --data data --split split.json --meshes scans --protocol deepsdf"),
    ("split.json", "evaluate --data data --split {file} --meshes scans"),
    ("data/ball/a/easy/image/00.png", f"train pose {TRAIN} --init run"),
    ("flags.yaml", f"train contrastive {TRAIN} --config {{file}}"),
    ("secret.json", "data init {file} --out out"),
    ("view.png", "reconstruct {file} --weights run --out out --resolution 8 --point 20,20"),
)


def state(folder: Path, skipped: tuple[str, ...] = ()) -> dict[str, tuple[int, int]]:
    """Every file below a folder, by its size and time."""
    states = {}
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not (Path(root) == folder and name in skipped)]
        for name in files:
            status = Path(root, name).lstat()
            states[str(Path(root, name))] = (status.st_size, status.st_mtime_ns)
    return states


def complaint(words: str, folder: Path, capsys: pytest.CaptureFixture[str], most: int = 2) -> str:
    """What is wrong with how a command ends: it must answer, or say in a line what is wrong, and write nowhere else."""
    before = state(folder, ("out", "run", "data"))
    try:
        code = main(words.split())
    except BaseException as error:
        return f"raised {error!r}"
    captured = capsys.readouterr()
    lines = [line for line in captured.err.replace("\r", "\n").splitlines() if line.startswith("urform: ")]
    if code not in (0, 1, 2) or "Traceback" in captured.err + captured.out:
        return f"code {code}: {captured.err}"
    if any(line.startswith("urform: unexpected") for line in lines) or any(len(line) > 1000 for line in lines):
        return f"not foreseen: {lines}"
    if len(lines) > most or (code == 2 and not lines):
        return f"code {code} with {len(lines)} lines: {lines}"
    if state(folder, ("out", "run", "data")) != before:
        return "something was written outside of --out"
    return ""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same networks are not built again for each of a thousand commands, and pictures of results are small."""

    def load(path: Path) -> Weights:
        file = path / FILE_NAME if path.is_dir() else path
        content = file.read_bytes() if file.is_file() else None
        if content is None or content not in _WEIGHTS:
            found = load_weights(path)
            _WEIGHTS[content or file.read_bytes()] = found
            return found
        return _WEIGHTS[content]

    def seen(rgb: np.ndarray) -> np.ndarray:
        key = (rgb.shape, rgb.tobytes())
        if key not in _SEEN:
            _SEEN[key] = salient(rgb)
        return _SEEN[key]

    monkeypatch.setattr("urform.inference._model.load_weights", load)
    monkeypatch.setattr("urform.pictures._background.salient", seen)
    monkeypatch.setattr(
        "urform.inference._reconstruct.preview", lambda image, mesh, camera: preview(image, mesh, camera, 24)
    )


_WEIGHTS: dict[bytes, Weights] = {}
_SEEN: dict[tuple[tuple[int, ...], bytes], np.ndarray] = {}


@pytest.fixture
def place(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(whole, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.filterwarnings("ignore")  # of libraries, about files that are damaged
def test_a_damaged_file_is_one_line(name: str, whole: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, complaints = (whole / name).read_bytes(), {}
    for way in EVERY:
        damage(place / name, content, way)
        if found := complaint(READERS[name].format(file=name), place, capsys):
            complaints[way] = found
        shutil.rmtree(place / "out", ignore_errors=True)
    assert not complaints, READERS[name] + "".join(f"\n{way}: {found}" for way, found in complaints.items())


@pytest.mark.parametrize(("name", "command"), MORE)
@pytest.mark.filterwarnings("ignore")
def test_what_other_commands_make_of_it(
    name: str, command: str, whole: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, complaints = (whole / name).read_bytes(), {}
    for way in SOME:
        damage(place / name, content, way)
        if found := complaint(command.format(file=name), place, capsys, most=len(EVERY)):
            complaints[way] = found
        shutil.rmtree(place / "out", ignore_errors=True)
    assert not complaints, command + "".join(f"\n{way}: {found}" for way, found in complaints.items())


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.filterwarnings("ignore")
def test_damaged_pictures_do_not_end_a_batch(
    kind: str, whole: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (whole / f"picture.{kind}").read_bytes()
    files = [f"{way.replace(' ', '_')}.{kind}" for way in EVERY]
    for way, file in zip(EVERY, files, strict=True):
        damage(place / file, content, way)
    words = f"reconstruct {' '.join(files)} view.png --weights run --out out --resolution 8"
    assert complaint(words, place, capsys, most=2 * len(EVERY)) == ""
    assert (place / "out" / "view.glb").exists()
