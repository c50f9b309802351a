"""Inputs that are made to do harm, one by one: to write elsewhere, to take the memory, to end a batch."""

import contextlib
import io
import json
import os
import struct
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import trimesh
from PIL import EpsImagePlugin, Image

from tests.mesh_files import textured_3mf, textured_dae, textured_gltf, textured_obj, textured_ply
from tests.meshes import exported
from tests.published import WARP, write_checkpoint, write_experiment, write_specs
from tests.small_model import small_weights
from urform.cli import main
from urform.cli._commands import Synth
from urform.data import DataFolder, ShapeKey
from urform.files import _expansion, read_rgba
from urform.formats import load_mesh
from urform.inference import preview
from urform.pictures import read_image
from urform.sources import fetch
from urform.weights import load_weights, save_weights
from urform.weights._file import HEADER


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "urform.inference._reconstruct.preview", lambda image, mesh, camera: preview(image, mesh, camera, 24)
    )
    save_weights(tmp_path / "run" / "model.safetensors", small_weights())
    (tmp_path / "split.json").write_text(json.dumps({"d": {"ball": ["a", "b"]}}))
    return tmp_path


def refused(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(words.split()) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("urform: ")]
    assert len(said) == 1, said
    assert message in said[0]


def with_header(path: Path, **changes: object) -> None:
    """The small model, with other things in its header."""
    with safetensors.safe_open("run/model.safetensors", "pt") as file:
        header = json.loads(file.metadata()[HEADER])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
    for name, value in changes.items():
        (header if name in header else header["model"])[name] = value
    safetensors.torch.save_file(tensors, path, {HEADER: json.dumps(header)})


KEYS = ["../../x", "/etc/x", "d/../x", "d/ball/..", "d/ball/a\0", "d/ball/" + "n" * 300, "d/ball/a/b", "a", "", 3, None]
SIZES = {
    "latent_size": (10**9, -1, "4", None, 5, 1e300, [4]),
    "template_width": (10**9, 65_536),
    "template_layers": (10**9, 500),
    "template_dims": ([10**6] * 3, ["a"], [65_536] * 4),
    "warp_steps": (10**9, 1000),
    "encoder_width": (10**9, 4096),
    "warp": (7, [], "none"),
    "no_such_size": (1,),
}


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_names_in_weights_are_no_paths(key: object, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_header(place / "bad.safetensors", keys=["d/ball/a", key])
    before = sorted(place.rglob("*"))
    for command in ("mesh shapes", "export bad.safetensors", "analyze bad.safetensors", "embeddings bad.safetensors"):
        flags = {"mesh shapes": "--weights bad.safetensors", "embeddings bad.safetensors": "--split split.json"}
        out = "out.npz" if command.startswith("embeddings") else "out"
        refused(f"{command} {flags.get(command, '')} --out {out}", "bad.safetensors: does not fit", capsys)
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("name", SIZES)
def test_sizes_in_weights_take_no_memory(name: str, place: Path) -> None:
    for value in SIZES[name]:
        with_header(place / "bad.safetensors", **{name: value})
        with pytest.raises(ValueError, match="does not fit this version of urform"):
            load_weights(place / "bad.safetensors")


def test_latents_in_weights_are_finite(place: Path) -> None:
    weights = small_weights()
    save_weights(place / "bad.safetensors", replace(weights, latents=weights.latents * torch.nan))
    with pytest.raises(ValueError, match="latents must be finite"):
        load_weights(place / "bad.safetensors")


@pytest.mark.parametrize("length", [2**40, 2**63, 10**8, 8])
def test_a_header_that_asks_for_gigabytes(length: int, place: Path) -> None:
    claim = {"latents": {"dtype": "F32", "shape": [2**32, 4], "data_offsets": [0, 2**36]}}
    for header in (json.dumps(claim).encode(), b"{" * 1000, b"[]", b'{"__metadata__": 3}'):
        (place / "bad.safetensors").write_bytes(struct.pack("<Q", length) + header)
        with pytest.raises(ValueError, match=r"bad\.safetensors: damaged or not a safetensors file"):
            load_weights(place / "bad.safetensors")


def test_experiments_that_ask_for_gigabytes(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_experiment(place / "experiment")
    rows = torch.zeros(1, 1).expand(4_000_000_000, 6)
    write_checkpoint(folder / "LatentCodes" / "latest.pth", epoch=7, latent_codes=rows)
    refused("import experiment --out out", "latest.pth: damaged, or not a file of torch.save", capsys)
    for length, warp in ((10**9, WARP), (60_000, {"hidden_size": 60_000, "steps": 8})):
        write_specs(folder, warp, CodeLength=length)
        refused("import experiment --out out", "specs.json: ", capsys)


def test_arrays_of_zeros_and_pictures_of_words(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_expansion, "RATIO_SLACK", 0)
    data, key = DataFolder(place), ShapeKey("d", "ball", "a")
    data.sdf_path(key).parent.mkdir(parents=True)
    np.savez_compressed(data.sdf_path(key), pos=np.zeros((10**6, 4)), neg=np.zeros((10**6, 4)))
    with pytest.raises(ValueError, match=r"a\.npz: damaged"):
        data.sdf_samples(key)
    (place / "huge.png").write_bytes(png_header(40_000, 40_000))
    with pytest.raises(ValueError, match="expected at most 100 million"):
        read_image(place / "huge.png")
    with pytest.raises(ValueError, match="not an RGBA picture"):
        read_rgba(place / "huge.png")


@pytest.fixture
def ghost(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there as soon as Ghostscript was started, and EPS files under the names of pictures."""
    program = place / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {place}/started\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # Pillow looks for it once
    for name in ("skin.eps", "skin.png", "picture.jpg"):
        Image.new("RGB", (9, 9)).save(place / name, "EPS")
    with contextlib.suppress(OSError), Image.open(place / "skin.png") as image:
        image.load()
    (place / "started").unlink()  # the trap works
    return place / "started"


def test_no_other_program_is_started(place: Path, ghost: Path) -> None:
    with pytest.raises(ValueError, match="is not a picture that can be read"):
        read_image(place / "picture.jpg")
    assert not ghost.exists()


@pytest.mark.parametrize("name", ["skin.eps", "skin.png"])
@pytest.mark.parametrize("suffix", ["obj", "ply", "dae", "3mf", "gltf"])
def test_no_texture_starts_another_program(name: str, suffix: str, place: Path, ghost: Path) -> None:
    write = {"obj": textured_obj, "ply": textured_ply, "dae": textured_dae, "3mf": textured_3mf, "gltf": textured_gltf}
    write[suffix](place / f"a.{suffix}", name)
    mesh = load_mesh(place / f"a.{suffix}")
    assert len(mesh.faces) == 1
    assert mesh.notes == (f"texture {name} cannot be read",)
    if suffix == "ply":
        data, key = DataFolder(place), ShapeKey("d", "ball", "a")
        data.surface_path(key).parent.mkdir(parents=True)
        (place / "a.ply").rename(data.surface_path(key))
        (place / name).rename(data.surface_path(key).with_name(name))
        assert len(data.surface(key)) == 3
    assert not ghost.exists()


def test_a_name_that_is_no_utf8_ends_no_batch(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(b"\xff")
    picture = Image.new("RGB", (40, 40), "white")
    picture.paste("red", (9, 9, 30, 30))
    (place / "meshes").mkdir()
    for name in (odd, "good"):
        picture.save(f"{name}.png")
        (place / "meshes" / f"{name}.obj").write_bytes(exported(trimesh.creation.box(), "obj"))
    (place / "meshes" / f"{odd}2.obj").write_text("")
    words = [f"{odd}.png", "good.png", "--weights", "run", "--out", "out", "--resolution", "16"]
    assert main(["reconstruct", *words]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(line["mesh"]).exists() for line in lines] == [True, True]
    small = "--samples 100 --surface-points 9 --easy-views 0 --hard-views 0 --workers 1 --time-limit-s 0"
    assert main(f"prepare meshes --out data {small} --test-fraction 0".split()) == 0
    assert "2 done (train)" in capsys.readouterr().out
    assert (place / "data/SdfSamples/shapes/object/_.npz").exists()
    assert "\\udcff" in (place / "data/Reports/shapes/object/report.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_console_that_lacks_letters_ends_no_batch(
    encoding: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["椅子", "café", "🪑"]
    console = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", console)
    assert main(["reconstruct", *(f"{name}.png" for name in names), "--weights", "run", "--out", "out"]) == 2
    console.flush()
    lines = console.buffer.getvalue().decode(encoding).splitlines()  # pyright: ignore[reportAttributeAccessIssue]
    assert [json.loads(line)["input"] for line in lines] == [f"{name}.png" for name in names]


@pytest.mark.parametrize("name", ["-a.png", "--out.png", "-", "--", "a b\n.png", "'\";$(x).png", "n" * 240 + ".png"])
def test_names_that_look_like_something_else(name: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A picture, a mesh and a folder, each called so; every one is read, or refused in one line."""
    picture = Image.new("RGB", (40, 40), "white")
    picture.paste("red", (9, 9, 30, 30))
    picture.save(place / "good.png")
    (place / name).write_bytes((place / "good.png").read_bytes())
    capsys.readouterr()
    code = main(["reconstruct", "--weights", "run", "--out", "out", "--resolution", "8", "--", name, "good.png"])
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["input"] == name
    assert ("error" in first) == (len(name) > 200) == (code == 2)  # longer names leave no room for an ending
    assert second["mesh"] == "out/good.glb"
    (place / name).unlink()
    (place / name).mkdir()
    (place / name / "a.obj").write_bytes(exported(trimesh.creation.box(), "obj"))
    small = "--samples 100 --surface-points 9 --easy-views 0 --hard-views 0 --workers 1 --time-limit-s 0"
    assert main(["prepare", "--out", "data", *small.split(), "--test-fraction", "0", "--", name]) == 0
    assert main(["deform", "--out", "copies", "--copies", "1", "--", name]) == 0
    assert (place / "copies" / "a_0_0" / "model.glb").exists()


NUMBERS = {  # flags that no one means: what the line says of them
    "synth chair --out out --count -1": "--count must be 0 to",
    "synth chair --out out --count 1000000000000": "--count must be 0 to",
    "synth chair --out out --seed -1": "--seed must be 0 or more",
    "deform meshes --out out --copies 0": "copies must be at least 1",
    "deform meshes --out out --seed -1": "--seed must be 0 or more",
    "prepare meshes --out out --workers -1": "--workers must be 0 or more",
    "prepare meshes --out out --time-limit-s -1": "--time-limit-s must be 0 or more",
    "prepare meshes --out out --memory-gb nan": "--memory-gb must be 0 or more",
    "prepare meshes --out out --category ..": "--category must be a name",
    "prepare meshes --out out --view-size 100000": "--view-size must be 16 to 2048",
    "reconstruct a.png --weights run --out out --format stl --size 1e300": "--size must be 0.001 to 1,000,000",
    "reconstruct a.png --weights run --out out --format stl --size 1e-300": "--size must be 0.001 to 1,000,000",
    "data flatten . --out out --workers -1": "--workers must be 0 or more",
    "data fetch meshes/a.obj --out out --max-gb -1": "--max-gb must be positive",
    "data fetch meshes/a.obj --out out --max-gb nan": "--max-gb must be positive",
    "data split . --test-fraction 2": "--dataset and --category must mean one of",
    "morph a b --weights run --out out --steps 1000000000": "--steps must be at most 1000",
    "morph a b --weights run --out out --resolution 100000": "resolution",
    "mesh shapes --weights run --out out --resolution -1": "resolution",
    "mesh shapes --weights run --out out --ids 0 1000000000": "--ids must be two rising numbers",
    "mesh shapes --weights run --out out --uncertainty -1": "--uncertainty must be 0",
    "mesh template out.ply --weights run --checkpoint -1": "no snapshot of epoch -1",
    "train shape --data . --split split.json --out out --latent-size 1000000000": "--latent-size must be at most",
    "train shape --data . --split split.json --out out --template-layers 1000000": "--template-layers must be at most",
    "fit meshes/a.obj --weights run --out out --steps 0": "--steps must be at least 1",
    "register meshes/a.obj --weights run --out out --faces 1": "--faces must be at least 100",
    "register meshes/a.obj --weights run --out out --modes 99": "--modes must be less than",
    "transfer colors --from a --to b --weights run --out out --place-weight nan": "--place-weight must be at least 0",
    "analyze run --out out --max-latents -1": "--max-latents must be at least 5",
    "evaluate --data . --split split.json --weights run --seed -1": "no surface samples",
}


@pytest.mark.parametrize("words", NUMBERS)
def test_numbers_that_no_one_means(words: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "meshes").mkdir()
    trimesh.creation.box().export(place / "meshes" / "a.obj")
    refused(words, NUMBERS[words], capsys)


def test_what_nobody_foresaw_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(self: Synth) -> int:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(Synth, "run", run)
    assert main(["synth", "chair", "--out", "out"]) == 1
    assert capsys.readouterr().err == "urform: unexpected RuntimeError: first second; --debug shows more\n"
    with pytest.raises(RuntimeError):
        main(["synth", "chair", "--out", "out", "--debug"])


def test_a_missing_host_fails_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="check the URL"):
        fetch("http://nowhere.invalid/a.zip", tmp_path, wait_s=1000)
