"""The pictures that materials refer to, and the other files that a mesh file refers to."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np
from jaxtyping import UInt8
from PIL import Image

TEXTURE_KEYWORDS = r"map_\w+|bump|disp|decal|refl|norm"
# Others are not even tried: EPS, say, would start another program.
TEXTURE_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "BMP", "GIF", "TIFF", "TGA", "DDS", "PPM", "AVIF", "JPEG2000", "PSD")
MAX_PIXELS = 70_000_000  # of a texture; a larger one is left out
MAX_PIXELS_TOGETHER = 280_000_000  # of all textures of a mesh
# Options of a line of an MTL file that names a texture, with the number of their arguments.
_OPTIONS = {"-mm": 2, "-o": 3, "-s": 3, "-t": 3}


class Texture(NamedTuple):
    """A texture, or why there is none."""

    pixels: UInt8[np.ndarray, "height width 3"] | None
    note: str = ""


class Textures:
    """Reads the textures of one mesh: each file once, and no more than memory has room for."""

    def __init__(self) -> None:
        self._of_file: dict[str, Texture] = {}
        self._room = MAX_PIXELS_TOGETHER

    def read(self, source: Path | bytes, name: str) -> Texture:
        """Read a picture file, or the bytes of one; what is left out has a note with the name."""
        file = os.path.realpath(source) if isinstance(source, Path) and is_file(source) else ""
        if file in self._of_file:
            return self._of_file[file]
        texture = _read_texture(source, name, self._room)
        if texture.pixels is not None:
            self._room -= texture.pixels.shape[0] * texture.pixels.shape[1]
        if file:
            self._of_file[file] = texture
        return texture


def is_file(path: Path) -> bool:
    """Whether a path from a file names a file; one that no file can have does not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read_texture(source: Path | bytes, name: str, room: int) -> Texture:
    if isinstance(source, Path) and not is_file(source):
        return Texture(None, f"texture {short_name(name)} is missing")
    try:
        Image.init()
        formats = [kind for kind in TEXTURE_FORMATS if kind in Image.OPEN]
        with Image.open(source if isinstance(source, Path) else io.BytesIO(source), formats=formats) as image:
            pixels = image.width * image.height
            if room < pixels <= MAX_PIXELS:
                together = f"{MAX_PIXELS_TOGETHER // 1_000_000} million pixels together"
                return Texture(None, f"textures have more than {together}, some left out")
            if pixels <= MAX_PIXELS:
                return Texture(np.asarray(image.convert("RGB")))
    except Image.DecompressionBombError:
        pass
    except (OSError, ValueError, SyntaxError):
        return Texture(None, f"texture {short_name(name)} cannot be read")
    return Texture(None, f"texture {short_name(name)} has more than {MAX_PIXELS // 1_000_000} million pixels, left out")


def short_name(name: str) -> str:
    """A name from a file, short enough for a message."""
    return name if len(name) <= 200 else f"{name[:200]}..."


class TextureLine(NamedTuple):
    """What a line of an MTL file says of a texture; its coordinates are `uv * scale + offset`."""

    name: str
    scale: tuple[float, float]
    offset: tuple[float, float]


def texture_line(text: str) -> TextureLine:
    """Read what follows `map_Kd` and the like: options, then a file name, which may have spaces in it."""
    pairs = {"-s": (1.0, 1.0), "-o": (0.0, 0.0)}
    while match := re.match(r"(-[a-z]+)\s+", text):
        option, text = match[1], text[match.end() :]
        values = []
        for _ in range(_OPTIONS.get(option, 1)):
            if option in _OPTIONS and not re.match(r"[-+.\d][-+.\deE]*\s", text):
                break  # -o, -s and -t may have fewer numbers than three
            word, text = [*text.split(None, 1), ""][:2]
            values.append(word)
        if option in pairs:
            first, second, *_ = [*map(float, values), *pairs[option][len(values) :]]
            pairs[option] = (first, second)
    return TextureLine(text.strip(), pairs["-s"], pairs["-o"])


def references(path: Path) -> list[str]:
    """What a mesh or material file refers to, as relative paths: materials, textures, buffers."""
    suffix = path.suffix.lower()
    if suffix == ".obj":
        names = list(_values(path, b"mtllib", stop=b"f "))
    elif suffix == ".mtl":
        words = [line.split(None, 1) for line in path.read_text("utf-8", "replace").splitlines()]
        lines = [line for line in words if len(line) > 1 and re.fullmatch(TEXTURE_KEYWORDS, line[0], re.IGNORECASE)]
        names = [texture_line(line[1]).name for line in lines]
    elif suffix == ".gltf":
        content = json.loads(path.read_text("utf-8"))
        entries = [*content.get("buffers", []), *content.get("images", [])]
        names = [unquote(entry["uri"]) for entry in entries if not entry.get("uri", "data:").startswith("data:")]
    elif suffix == ".dae":
        names = re.findall(r"<init_from>\s*([^<]+?)\s*</init_from>", path.read_text("utf-8", "replace"))
    else:
        return []
    return [name.replace("\\", "/") for name in dict.fromkeys(names)]


def _values(path: Path, keyword: bytes, stop: bytes | None = None) -> Iterator[str]:
    """What follows a keyword at the beginning of a line."""
    with path.open("rb") as lines:
        for line in lines:
            if stop and line.startswith(stop):
                return
            words = line.strip().split(None, 1)
            if len(words) == 2 and words[0] == keyword:
                yield words[1].decode("utf-8", "replace").strip()
