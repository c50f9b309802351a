"""The README and the pages of docs as the tests see them: their commands, their Python, their sentences."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(page for page in (ROOT / "docs").glob("*.md") if not page.stem.startswith("_"))
RESULTS = sorted((ROOT / "docs" / "results").glob("*.md"))
_FENCED = re.compile(r"^```([^\s`]*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """What stands between two fences: its language, none for a shell, and its text."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(language, text) for language, text in _FENCED.findall(page.read_text())]


def command_lines(page: Path) -> list[str]:
    """The shell lines of a page: of blocks without a language, with their `$ ` and comments removed."""
    lines = []
    for block in blocks(page):
        if not block.language:
            text = re.sub(r"\\\n\s*", "", block.text)
            lines += [re.sub(r"\s+#.*$", "", line.removeprefix("$ ")).strip() for line in text.splitlines()]
    return lines


def commands(page: Path) -> list[list[str]]:
    """The words of each `urform` command in the blocks of a page, without `urform`."""
    return [shlex.split(line)[1:] for line in command_lines(page) if line.startswith("urform ")]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", _FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """The links and pictures of a page that lead to no file here, or to no heading of it."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", _FENCED.sub("", page.read_text())):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


def sentences(text: str) -> list[str]:
    """The sentences of a page's paragraphs and list items; tables, headings, pictures and blocks have none."""
    text = re.sub(r"^(```|:::|\(\w[\w-]*\)=)[^\n]*(\n(.*?)^```$)?", "", _FENCED.sub("", text), flags=re.MULTILINE)
    text = re.sub(r"^(#|\||!|\[!).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`", "CODE", text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\b(e\.g|i\.e|vs|etc|Dr|eq)\.", r"\1", text)
    found = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)", text):
        line = re.sub(r"^\s*(?:[-*]|\d+\.)\s+", "", " ".join(paragraph.split()))
        found += [part.strip() for part in re.split(r"(?<=[.!?])[*\")]*\s+", line) if part.strip()]
    return found


def length(sentence: str) -> int:
    """Its words; what is set as code counts as one."""
    return len(re.findall(r"[A-Za-z0-9][\w'.,/%-]*", sentence))
