"""Consoles that lack letters, names that are no UTF-8, output that nobody reads: each in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trimesh
from PIL import Image

from tests.small_model import small_weights
from urform.weights import save_weights

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that are not UTF-8")

# Runs many commands in one process; their words come as bytes, as from a shell.
MANY = """
import json, os, sys
from urform.cli import main
for words in json.loads(sys.argv[1]):
    code = main([os.fsdecode(bytes.fromhex(word)) for word in words])
    print(code, words[0], file=sys.stderr, flush=True)
    if code not in (0, 1):
        sys.exit(f"{code}: {b' '.join(map(bytes.fromhex, words))}")
"""
PLAIN = {"PYTHONIOENCODING": "", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
NAMES = {"ascii": b"\xe6\xa4\x85", "C": b"\xe6\xa4\x85", "odd": b"\xff"}
CONSOLES = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {**PLAIN, "LC_ALL": "C"},
    "odd": {"PYTHONIOENCODING": "latin-1"},
}
SMALL = "--samples 100 --surface-points 20 --easy-views 1 --hard-views 0 --view-size 32 --workers 1 --time-limit-s 0"
COMMANDS = (  # `@` is the odd name
    "reconstruct @.png --weights run@ --out out@ --resolution 8",
    f"prepare meshes@ --out data@ --test-fraction 0 {SMALL}",
    "data check data@ --out sheet@ --full",
    "data flatten data@",
    "data split data@ --name s",
    "mesh template @.ply --weights run@ --resolution 8",
    "mesh shapes --weights run@ --out shapes@ --resolution 8",
    "morph a b --weights run@ --out morph@ --steps 2 --resolution 8",
    "fit meshes@/@.obj --weights run@ --out fit@ --steps 1 --resolution 8",
    "embeddings run@ --split @.json --out @.npz",
    "export run@ --out small@",
    "analyze run@ --out page@",
    "deform meshes@ --out copies@ --copies 1",
    "data fetch @.zip --out fetched@",
    "synth chair --out chairs@ --count 1",
    "categories",
)


def environment(more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", **more}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    save_weights(folder / "run" / "model.safetensors", small_weights())
    picture = Image.new("RGBA", (40, 40))
    picture.paste((200, 30, 30, 255), (9, 9, 30, 30))
    picture.save(folder / "a.png")
    (folder / "meshes").mkdir()
    trimesh.creation.box((1, 0.8, 0.6)).export(folder / "meshes" / "a.obj")
    shutil.make_archive(str(folder / "a"), "zip", folder, "meshes")
    (folder / "a.json").write_text(json.dumps({"d": {"ball": ["a", "b"]}}))
    return folder


@pytest.mark.parametrize("console", CONSOLES)
def test_each_command_takes_names_that_the_console_lacks(console: str, whole: Path, tmp_path: Path) -> None:
    name = os.fsdecode(NAMES[console])
    for folder in ("run", "meshes"):
        shutil.copytree(whole / folder, tmp_path / f"{folder}{name}")
    (tmp_path / f"meshes{name}" / "a.obj").rename(tmp_path / f"meshes{name}" / f"{name}.obj")
    for suffix in ("png", "zip", "json"):
        shutil.copy(whole / f"a.{suffix}", tmp_path / f"{name}.{suffix}")
    words = [[os.fsencode(word.replace("@", name)).hex() for word in command.split()] for command in COMMANDS]
    done = subprocess.run(
        [sys.executable, "-c", MANY, json.dumps(words)],
        cwd=tmp_path,
        env=environment(CONSOLES[console]),
        capture_output=True,
        check=False,
    )
    said = done.stderr.decode(errors="backslashreplace")
    assert done.returncode == 0, said[-3000:]
    assert "Traceback" not in said
    assert "unexpected" not in said


HEAD = "import os, sys; from urform.cli._main import entry; sys.argv = ['urform', *sys.argv[1:]]; entry()"


@pytest.mark.parametrize(
    "words", ["--version", "--help", "categories", "reconstruct a.png a.png --weights run --out o"]
)
@pytest.mark.parametrize("buffered", ["", "1"])
def test_output_that_nobody_reads_ends_quietly(words: str, buffered: str, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "run", tmp_path / "run")
    shutil.copy(whole / "a.png", tmp_path)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", HEAD, *words.split()],
        cwd=tmp_path,
        env=environment({"PYTHONUNBUFFERED": buffered}),
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(("closing", "code"), [(">&-", 0), (">&- 2>&-", 0), ("> /dev/full", 2)])
def test_output_that_goes_nowhere(closing: str, code: int, whole: Path, tmp_path: Path) -> None:
    words = f'exec {sys.executable} -c "$CODE" reconstruct {whole}/a.png --weights {whole}/run --out {tmp_path}'
    done = subprocess.run(
        ["/bin/sh", "-c", f"{words} {closing}"], env=environment({"CODE": HEAD}), capture_output=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "a.glb").exists()
