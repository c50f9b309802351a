"""Imports point one way: a part may import those before it, never those after it."""

import ast
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
    "cli",
)
SOURCE = Path(urform.__file__).parent


def imported_parts(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("urform."):
            names.add(node.module.split(".")[1])
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("urform.")}
    return names


def test_every_part_is_in_the_order() -> None:
    assert {path.parent.name for path in SOURCE.glob("*/__init__.py")} == set(PARTS)


def test_imports_point_one_way() -> None:
    for place, part in enumerate(PARTS):
        for path in (SOURCE / part).rglob("*.py"):
            later = imported_parts(path) & set(PARTS[place + 1 :])
            assert not later, f"{path} imports {later}"


def test_models_and_losses_import_torch_only() -> None:
    for part in ("models", "losses"):
        for path in (SOURCE / part).rglob("*.py"):
            assert imported_parts(path) <= {part}, path


def test_geometry_knows_no_networks() -> None:
    for path in (SOURCE / "geometry").rglob("*.py"):
        assert "torch" not in path.read_text(), path


def test_no_part_imports_a_private_module_of_another() -> None:
    for path in SOURCE.rglob("*/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module.split(".") if isinstance(node, ast.ImportFrom) and node.module else []
            private = module[:1] == ["urform"] and len(module) > 2 and module[2].startswith("_")
            assert not private or module[1] == path.relative_to(SOURCE).parts[0], f"{path} imports {'.'.join(module)}"
