"""MTL files: the colors and textures of an OBJ file's materials."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from urform.formats._textures import Texture, TextureLine, Textures, is_file, texture_line
from urform.geometry import WHITE, Material


class MtlMaterial(NamedTuple):
    """A material, and what becomes of texture coordinates: `uv * scale + offset`."""

    material: Material = Material()
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)


class Mtl(NamedTuple):
    """Materials by name, and what is missing of them."""

    materials: dict[str, MtlMaterial]
    notes: tuple[str, ...]


def read_mtl(folder: Path, names: list[str]) -> Mtl:
    """Read the material files that an OBJ file names.

    Args:
        folder: of the OBJ file.
        names: what follows `mtllib`: a file name, or several.
    """
    materials: dict[str, MtlMaterial] = {}
    notes: list[str] = []
    textures = Textures()
    for text in dict.fromkeys(names):
        for name in [text] if is_file(_found(folder, text)) else text.split():
            path = _found(folder, name)
            try:
                entries = _entries(path) if is_file(path) else None
            except OSError:
                entries = None
            if entries is None:
                notes.append(f"{name[:200]} is missing, its materials with it")
                continue
            for key, (color, line) in entries.items():
                picture = textures.read(_found(path.parent, line.name), line.name) if line else Texture(None)
                notes += [picture.note] if picture.note else []
                materials[key] = _material(color, picture, line)
    return Mtl(materials, tuple(dict.fromkeys(notes)))


def _entries(path: Path) -> dict[str, tuple[tuple[float, ...] | None, TextureLine | None]]:
    """Color and texture of each material."""
    entries: dict[str, tuple[tuple[float, ...] | None, TextureLine | None]] = {}
    name = ""
    for line in path.read_text("utf-8-sig", "replace").splitlines():
        word, rest = [*line.split(None, 1), "", ""][:2]
        word, rest = word.lower(), rest.strip()
        if word == "newmtl":
            name = rest
            entries[name] = (None, None)
        elif word == "kd" and name in entries:
            entries[name] = (_color(rest), entries[name][1])
        elif word == "map_kd" and rest and name in entries:
            entries[name] = (entries[name][0], texture_line(rest))
    return entries


def _color(text: str) -> tuple[float, ...] | None:
    try:
        values = [float(word) for word in text.partition("#")[0].split()[:3]]
    except ValueError:  # `Kd spectral file.rfl` and the like
        return None
    values = values * 3 if len(values) == 1 else values
    if len(values) != 3:
        return None
    largest = 255 if max(values) > 1 else 1
    return tuple(min(max(value / largest, 0.0), 1.0) for value in values)


def _material(color: tuple[float, ...] | None, picture: Texture, line: TextureLine | None) -> MtlMaterial:
    material = Material() if picture.pixels is None else Material(WHITE, picture.pixels)
    # Exporters write Kd 0 0 0 beside a texture.
    if color is not None and (line is None or max(color) >= 0.05):
        material = Material((color[0], color[1], color[2]), picture.pixels)
    return MtlMaterial(material, line.scale, line.offset) if line else MtlMaterial(material)


def _found(folder: Path, name: str) -> Path:
    """The file that a name means; one with a path of another machine is looked for beside the file that names it."""
    path = folder / name.replace("\\", "/")
    beside = folder / PureWindowsPath(name).name
    return beside if not is_file(path) and is_file(beside) else path
