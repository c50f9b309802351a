"""Every command and every Python block of the pages runs; pages read well; commands of results at least parse."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.documents import PAGES, RESULTS, ROOT, blocks, broken_links, command_lines, length, sentences
from tests.sandbox import make_workshop, run, score_quickly
from tests.test_sources import make_library
from urform.cli._command_table import COMMANDS, command_name
from urform.cli._parser import parse
from urform.inference import load

NOT_RUN = {
    "urform prepare /shared/meshes": "needs a Ray cluster; tests/test_cluster.py runs one",
    "urform prepare s3://bucket/meshes": "needs an object store; tests/test_cluster.py runs one in memory",
    "urform evaluate correspondence": "takes a quarter of a minute; tests/test_evaluate_correspondence.py runs it",
    "urform recipe cup.yaml": "takes minutes; tests/test_recipe.py runs a smaller one",
    "urform reconstruct work/data": "needs what the recipe makes",
    "urform serve": "serves until it is stopped; tests/test_serve.py runs it",
    "curl": "needs a server; tests/test_serve.py asks one",
    "docker": "needs Docker",
    "torchrun": "starts processes; tests/test_power.py runs two",
    "tensorboard": "serves until it is stopped",
    "pip install": "needs the network",
    "make ": "sets up an environment; .ci/run runs them",
    ".venv/bin/python -m pytest": "runs the tests",
    "python benchmarks/": "needs the data of the results",
}
"""Beginnings of commands that are only parsed, and why."""

CUPS = (8, 9, 11, 12, 13, 15)  # of the first sixteen; cup13 and cup15 are test cups
PARSED_ALONE = {"curl", "docker", "make ", ".venv/bin/python", "pip install", "tensorboard"}
OTHER_PAGES = [ROOT / "CONTRIBUTING.md"]
REFERENCE = ROOT / "docs" / "reference" / "index.md"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workshop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_workshop(folder)
    return folder


@pytest.fixture
def place(workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(workshop, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    score_quickly(monkeypatch)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_run(page: Path, place: Path) -> None:
    lines = command_lines(page)
    for number, line in enumerate(lines):
        program = line.split(" ")[0]
        if any(line.startswith(beginning) for beginning in NOT_RUN):
            check_words(line)
        elif program == "urform":
            following = lines[number + 1 :]
            run(shlex.split(line)[1:], fails=bool(following) and following[0].startswith("urform: "))
        elif line.startswith("python examples/make_cups.py"):
            make_cups(line.split()[1:])
        else:
            assert not is_command(line), f"{page.name}: no test knows how to run: {line}"


def make_cups(words: list[str]) -> None:
    """Run the script as the reader does; keep some of its cups."""
    subprocess.run([sys.executable, *words, str(max(CUPS) + 1)], check=True)
    for index in set(range(max(CUPS))) - set(CUPS):
        shutil.rmtree(Path(words[-1]) / f"cup{index:02d}")


def check_words(line: str) -> None:
    """That the flags of a command that is not run are accepted."""
    words = shlex.split(line)
    while re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    if words[0] == "torchrun":
        words = words[words.index("urform") :]
    if words[0] == "urform":
        parse(words[1:])
    elif words[0] == "python":
        check_script(ROOT / words[1], words[2:])
    else:
        assert any(line.startswith(beginning) for beginning in PARSED_ALONE), line


def check_script(script: Path, words: list[str]) -> None:
    """That a benchmark exists and adds the flags and steps that a command gives it."""
    code = script.read_text()
    texts = {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)}
    flags = [word for word in words if word.startswith("--")]
    unknown = [flag for flag in flags if flag not in texts]
    assert not unknown, f"{script.name} has no {', '.join(unknown)}"
    if "add_parser" in code or "choices=" in code:
        assert words[0] in texts, f"{script.name} has no {words[0]}"


def is_command(line: str) -> bool:
    """Whether a line of a block is a command and not the output of one."""
    return bool(re.match(r"(?:[A-Z_]+=\S+ )?(python|pip|make|torchrun|tensorboard|ray|\.venv\S*|bash|git) ", line))


def test_the_published_sequence_parses() -> None:
    page = next(page for page in PAGES if page.stem == "from-the-published-system")
    lines = [line for block in blocks(page) if block.language == "console" for line in block.text.splitlines()]
    assert len(lines) == 16
    for line in lines:
        words = [word for word in shlex.split(line.removeprefix("$ "))[1:] if word not in ("config.yaml", "--config")]
        if "--specs" in words:  # its settings come from a file that is not here
            words[words.index("--specs") : words.index("--specs") + 2] = ["--data", "data", "--split", "train.json"]
        elif words[:2] == ["train", "contrastive"]:
            words += ["--data", "data", "--split", "train.json"]
        parse(words)


@pytest.mark.parametrize("page", [*RESULTS, *OTHER_PAGES], ids=lambda page: page.stem)
def test_commands_of_results_parse(page: Path) -> None:
    variables: dict[str, str] = {}
    found = 0
    for line in command_lines(page):
        if match := re.fullmatch(r'([A-Z])="(.*)"', line):
            variables[match[1]] = match[2]
            continue
        for name, value in variables.items():
            line = line.replace(f"${name} ", f"{value} ")
        if line.startswith("urform ") or is_command(line):
            found += 1
            check_words(line)
    assert found


PYTHON_NAMES = {
    "analysis": {"features": np.random.default_rng(0).normal(size=(8, 5)), "objects": ["a"] * 4 + ["b"] * 4},
    "contrastive": {"images": torch.rand(4, 3, 32, 32), "other_views": torch.rand(4, 3, 32, 32)},
}
"""What a block of Python takes from its reader."""


@pytest.mark.parametrize("page", [*PAGES, REFERENCE], ids=lambda page: page.stem)
def test_the_python_runs(page: Path, workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = [block.text for block in blocks(page) if block.language == "python" and page.stem != "extending"]
    if not code:
        pytest.skip("the page has no Python, or tests/test_extending.py runs it")
    shutil.copytree(workshop, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    if page.stem in ("correspondence", "registration"):
        use_mugs(tmp_path, monkeypatch)
    if page.stem == "data":
        make_library(tmp_path / "KatorLegaz.sh3f")
    if page.stem == "import":
        run(shlex.split("embeddings only_latents --split published_decoder/split.json --out 03001627_embedding.pkl"))
    for text in code:
        text = text.replace("faces=8000, steps=400", "faces=300, steps=5")
        exec(text, dict(PYTHON_NAMES.get(page.stem, {})))


def use_mugs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small shapes and a small model in the place of chairs, whose fits would take a minute."""
    model = load(folder / "runs" / "mug")
    monkeypatch.setattr("urform.inference.load", lambda name: model)
    for index, name in enumerate("abc"):
        lines = (folder / "MESHES" / f"mug{2 * index}.obj").read_text().splitlines()
        faces = [line for line in lines if line.startswith("f ")]
        groups = ["g top", *faces[:6], "g rest", *faces[6:]]
        (folder / f"{name}.obj").write_text("\n".join([line for line in lines if line.startswith("v ")] + groups))


PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES, *RESULTS]


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.stem)
def test_sentences_are_short(page: Path) -> None:
    found = [(length(sentence), sentence) for sentence in sentences(page.read_text())]
    words = [count for count, _ in found if count]
    assert max(found)[0] <= 25, max(found)
    assert sum(words) / len(words) < 15


OTHERS = r"colour normaliz neighbor behavior optimiser summariz initializ(?!e\.py) recogniz analys(?:e|ing)\b gray"
OTHER_SPELLING = re.compile(rf"\b\w*(?:{'|'.join(OTHERS.split())})\w*", re.IGNORECASE)


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.stem)
def test_one_spelling(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", page.read_text())
    found = [word for word in OTHER_SPELLING.findall(text) if word != "NormalizationParameters"]
    assert not found, f"CONTRIBUTING says how words are spelled: {found}"


@pytest.mark.parametrize("page", [*PROSE, REFERENCE], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    assert not broken_links(page)


def test_citations_in_the_code_lead_to_pages() -> None:
    cited = {
        name
        for file in (ROOT / "src").rglob("*.py")
        for name in re.findall(r"docs/[\w/-]+\.md", file.read_text(encoding="utf-8"))
    }
    assert not [name for name in sorted(cited) if not (ROOT / name).exists()]


def test_the_site_has_every_page() -> None:
    listed = [line.strip() for block in blocks(ROOT / "docs" / "index.md") for line in block.text.splitlines()]
    missing = [page.stem for page in PAGES if page.stem != "index" and page.stem not in listed]
    assert not missing, f"docs/index.md must list {', '.join(missing)} in its table and in a toctree"


def test_all_commands_are_documented() -> None:
    shown = {
        command_name(shlex.split(line)[1:])
        for page in [ROOT / "README.md", *PAGES, *RESULTS]
        for line in command_lines(page)
        if line.startswith("urform ")
    }
    assert not sorted(set(COMMANDS) - shown)
