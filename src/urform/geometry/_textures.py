"""The files that a mesh file refers to, and what an OBJ file refers to and does not have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

TEXTURE_KEYWORDS = r"map_\w+|bump|disp|decal|refl|norm"
MAX_PIXELS = 70_000_000  # of a texture; a larger one is left out


def texture_notes(path: Path) -> tuple[str, ...]:
    """Material files and textures of an OBJ file that are missing, damaged or too large; empty for other formats."""
    if path.suffix.lower() != ".obj":
        return ()
    notes: list[str] = []
    for library in _values(path, b"mtllib", stop=b"f "):
        materials = path.parent / library
        if not materials.is_file():
            notes.append(f"{library} is missing, its materials with it")
            continue
        for value in _values(materials, b"map_Kd"):
            name = value.split()[-1] if value.startswith("-") else value
            if note := _texture_note(materials.parent / name.replace("\\", "/"), name):
                notes.append(note)
    return tuple(dict.fromkeys(notes))


def references(path: Path) -> list[str]:
    """What a mesh or material file refers to, as relative paths: materials, textures, buffers."""
    suffix = path.suffix.lower()
    if suffix == ".obj":
        names = list(_values(path, b"mtllib", stop=b"f "))
    elif suffix == ".mtl":
        words = [line.split() for line in path.read_text("utf-8", "replace").splitlines()]
        lines = [line for line in words if len(line) > 1 and re.fullmatch(TEXTURE_KEYWORDS, line[0], re.IGNORECASE)]
        names = [line[-1] if line[1].startswith("-") else " ".join(line[1:]) for line in lines]
    elif suffix == ".gltf":
        content = json.loads(path.read_text("utf-8"))
        entries = [*content.get("buffers", []), *content.get("images", [])]
        names = [unquote(entry["uri"]) for entry in entries if not entry.get("uri", "data:").startswith("data:")]
    elif suffix == ".dae":
        names = re.findall(r"<init_from>\s*([^<]+?)\s*</init_from>", path.read_text("utf-8", "replace"))
    else:
        return []
    return [name.replace("\\", "/") for name in dict.fromkeys(names)]


def _texture_note(path: Path, name: str) -> str:
    if not path.is_file():
        return f"texture {name} is missing"
    try:
        with Image.open(path) as image:
            too_large = image.width * image.height > MAX_PIXELS
    except Image.DecompressionBombError:
        too_large = True
    except (OSError, ValueError, SyntaxError):
        return f"texture {name} cannot be read"
    return f"texture {name} has more than {MAX_PIXELS // 1_000_000} million pixels, left out" if too_large else ""


def _values(path: Path, keyword: bytes, stop: bytes | None = None) -> Iterator[str]:
    """What follows a keyword at the beginning of a line."""
    with path.open("rb") as lines:
        for line in lines:
            if stop and line.startswith(stop):
                return
            words = line.strip().split(None, 1)
            if len(words) == 2 and words[0] == keyword:
                yield words[1].decode("utf-8", "replace").strip()
