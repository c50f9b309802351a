"""How Sphinx makes a site of these pages: `make docs`."""

import re
from pathlib import Path

import urform

project = "urform"
author = "The urform authors"
release = urform.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = "urform"
html_show_copyright = False
myst_heading_anchors = 4
exclude_patterns = ["_*"]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
napoleon_use_ivar = True
default_role = "code"

PARTS = sorted(path.parent.name for path in Path(urform.__file__).parent.glob("*/__init__.py"))
WITHOUT_PAGE = {"cli"}  # `urform --help` documents it


def write_part(name: str) -> None:
    """Write the page of a part of the package."""
    page = Path(__file__).parent / "reference" / f"{name}.md"
    elsewhere = ", ".join(urform.__all__)  # reference/index.md documents these
    directive = f".. automodule:: urform.{name}\n   :members:\n   :exclude-members: {elsewhere}"
    text = f"# urform.{name}\n\n```{{eval-rst}}\n{directive}\n```\n"
    if not page.exists() or page.read_text() != text:
        page.write_text(text)


for part in PARTS:
    if part not in WITHOUT_PAGE:
        write_part(part)


values: dict[str, list[str]] = {}
VALUES = ("property", "attribute", "data")
SECTIONS = ("Args:", "Returns:", "Raises:", "Attributes:")


def as_text(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Escape what is markup in reStructuredText but not in our docstrings, which are plain text with `code`."""
    for number, line in enumerate(lines):
        parts = re.split(r"(``[^`]*``|`[^`]*`)", line)
        parts[::2] = [re.sub(r"([*|\\]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2]]
        lines[number] = "".join(parts)
    if what in VALUES and not any(line.strip() in SECTIONS for line in lines):
        values[name] = [*lines]


def without_type(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Undo what napoleon makes of a value's docstring: it takes everything before a colon for its type."""
    lines[:] = values.pop(name, lines)


def setup(app: object) -> None:
    """Sphinx's entry point."""
    app.connect("autodoc-process-docstring", as_text, priority=100)  # before napoleon
    app.connect("autodoc-process-docstring", without_type, priority=900)  # after it
