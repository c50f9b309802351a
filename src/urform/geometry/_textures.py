"""What an OBJ file refers to and does not have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

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
