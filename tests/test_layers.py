"""The layout: imports point one way, and files, functions and names are as the architecture page says."""

import ast
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import urform

PARTS = (
    "config",
    "files",
    "geometry",
    "formats",
    "render",
    "pictures",
    "data",
    "sources",
    "prepare",
    "synth",
    "sets",
    "models",
    "losses",
    "contrastive",
    "weights",
    "published",
    "training",
    "inference",
    "fitting",
    "correspondence",
    "evaluation",
    "analysis",
    "recipe",
    "web",
    "cli",
)
SOURCE = Path(urform.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
NAMED = (ast.ClassDef, *FUNCTIONS)
MEDIAN_LINES, MOST_LINES, MOST_FUNCTION_LINES = 110, 350, 50


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def part_of(path: Path) -> str:
    """The part that a file is in; empty for those of the package itself."""
    place = path.relative_to(SOURCE).parts
    return place[0] if len(place) > 1 else ""


def shown(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def imports(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line and dotted name of everything of urform that a file imports, wherever in the file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{shown(path)}:{node.lineno} is a relative import, which no rule here would see"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name.split(".")) for name in names if name.startswith("urform."))


def imported_parts(path: Path) -> set[str]:
    return {name[1] for _, name in imports(path)}


def check(broken: list[str], rule: str) -> None:
    assert not broken, f"{rule}:\n" + "\n".join(broken)


def test_every_part_is_in_the_order() -> None:
    assert {path.parent.name for path in SOURCE.glob("*/__init__.py")} == set(PARTS)


def test_imports_point_one_way() -> None:
    broken = [
        f"{shown(path)}:{line} imports {'.'.join(name)}"
        for place, part in enumerate(PARTS)
        for path in FILES
        if part_of(path) == part
        for line, name in imports(path)
        if name[1] not in (*PARTS[: place + 1], "__version__")
    ]
    check(broken, "a part imports those before it only")


def test_no_part_imports_what_is_private_to_another() -> None:
    broken = [
        f"{shown(path)}:{line} imports {'.'.join(name)}"
        for path in FILES
        for line, name in imports(path)
        if name[1] != part_of(path) and any(word.startswith("_") and not word.startswith("__") for word in name[2:])
    ]
    check(broken, "modules and names that begin with _ belong to their part")


def test_models_and_losses_import_torch_only() -> None:
    for part in ("models", "losses"):
        for path in (SOURCE / part).rglob("*.py"):
            check(sorted(imported_parts(path) - {part}), f"{shown(path)} imports torch only")


def test_geometry_and_formats_know_no_networks() -> None:
    for part in ("geometry", "formats"):
        for path in (SOURCE / part).rglob("*.py"):
            assert "torch" not in path.read_text(), shown(path)


def test_a_worker_of_prepare_imports_no_torch() -> None:
    code = "import sys, urform.prepare._shape_job as job; assert job.prepare_shape; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False"]


FOREIGN = ("--error-unmatch", "--short", "--porcelain", "--untracked-files", "--nproc-per-node")
"""Flags of git and torchrun."""


def test_the_library_names_arguments_not_flags() -> None:
    broken = [
        f"{shown(path)}:{node.lineno} {flag}"
        for path in FILES
        if part_of(path) != "cli"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*", node.value)
        if flag not in FOREIGN
    ]
    check(broken, "a message has the name of an argument in backticks, or before `must`; the command line has the flag")


def test_files_are_short() -> None:
    lines = {shown(path): len(path.read_text().splitlines()) for path in FILES}
    check([f"{path}: {count}" for path, count in lines.items() if count > MOST_LINES], f"at most {MOST_LINES} lines")
    middle = statistics.median(lines.values())
    long = [f"{path}: {count}" for path, count in lines.items() if count >= MEDIAN_LINES]
    assert middle < MEDIAN_LINES, f"the median file has {middle} lines, at most {MEDIAN_LINES - 1}:\n" + "\n".join(long)


def test_functions_are_short() -> None:
    broken = [
        f"{shown(path)}:{node.lineno} {node.name}: {count}"
        for path in FILES
        for node in ast.walk(parsed(path))
        if isinstance(node, FUNCTIONS) and (count := (node.end_lineno or 0) - node.lineno + 1) > MOST_FUNCTION_LINES
    ]
    check(broken, f"at most {MOST_FUNCTION_LINES} lines, docstring included")


def test_a_name_means_one_thing() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in FILES:
        if part_of(path) == "cli":  # its classes are commands, named as they are typed
            continue
        for node in parsed(path).body:
            if isinstance(node, NAMED) and not node.name.startswith("_"):
                places[node.name].append(f"{shown(path)}:{node.lineno}")
    check([f"{name}: {', '.join(found)}" for name, found in places.items() if len(found) > 1], "defined once")


def test_a_name_is_exported_by_one_part() -> None:
    owners: dict[str, list[str]] = defaultdict(list)
    for part in PARTS:
        for node in parsed(SOURCE / part / "__init__.py").body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    owners[alias.name].append(part)
    check([f"{name}: {', '.join(found)}" for name, found in owners.items() if len(found) > 1], "exported once")
