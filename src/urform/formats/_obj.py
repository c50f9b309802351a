"""OBJ files: vertices, faces and groups in the order of the file."""

from __future__ import annotations

import codecs
import re
from array import array
from pathlib import Path

import numpy as np

from urform.formats._mtl import MtlMaterial, read_mtl
from urform.formats._polygons import polygon_mesh
from urform.geometry import WHITE, Material, TexturedMesh

_FREE_FORM = frozenset({"bsp", "bzp", "cdc", "cdp", "cstype", "curv", "curv2", "surf"})
_NUMBERS = ("v", "vt", "vn", "f", "fo")
_ENCODINGS = {  # the longer marks first, as a short one is the beginning of a long one
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Of the words that a line begins with, those that say nothing of where a surface lies.
_SAY_NOTHING = frozenset(
    (
        *("s", "mg", "vp", "bevel", "c_interp", "d_interp", "lod", "usemap", "maplib", "shadow_obj", "trace_obj"),
        *("ctech", "stech", "csh", "deg", "bmat", "step", "parm", "trim", "hole", "scrv", "sp", "end", "con"),
    )
)


class _UnreadError(ValueError):
    """A sound line of a kind that is not read."""


class _Lines:
    """What the lines read so far say."""

    def __init__(self) -> None:
        self.vertices, self.normals, self.uvs, self.colors = (array("d") for _ in range(4))
        self.corners, self.corner_uvs, self.sizes = (array("q") for _ in range(3))
        self.groups: list[str] = []
        self.used: list[str] = []  # material of each face
        self.libraries: list[str] = []
        self.left_out = self.unknown = 0
        self.unknown_word = ""
        self.group, self.object, self.material = "", "", ""
        self.has_groups = False

    def add(self, word: str, rest: str) -> None:
        """Take in a line."""
        if word == "v":
            numbers = [float(text) for text in rest.split()]
            x, y, z = numbers[:3]
            self.vertices.extend((x, y, z))
            if len(numbers) >= 6:
                self.colors.extend(numbers[-3:])
        elif word == "vt":
            self.uvs.extend(float(text) for text in [*rest.split()[:2], "0"][:2])
        elif word == "vn":
            x, y, z = (float(text) for text in rest.split()[:3])
            self.normals.extend((x, y, z))
        elif word in ("f", "fo"):
            self._add_face(rest.split())
        elif word == "g":
            self.group, self.has_groups = rest.strip(), True
        elif word == "o":
            self.object, self.has_groups = rest.strip(), True
        elif word == "usemtl":
            self.material = rest.strip()
        elif word == "mtllib":
            self.libraries.append(rest.strip())
        elif word in ("l", "p"):
            self.left_out += 1
        elif word in _FREE_FORM:
            raise _UnreadError(f"free-form curves and surfaces (`{word}`) are not read, export it as polygons")
        elif word == "call":
            raise _UnreadError("other files (`call`) are not read, export it as one file")
        elif word and not word.startswith("#") and word not in _SAY_NOTHING:
            self.unknown += 1
            self.unknown_word = self.unknown_word or word

    def _add_face(self, texts: list[str]) -> None:
        vertices, uvs = len(self.vertices) // 3, len(self.uvs) // 2
        for text in texts:
            parts = text.split("/")
            self.corners.append(_index(parts[0], vertices))
            self.corner_uvs.append(_index(parts[1], uvs) if len(parts) > 1 and parts[1] else -1)
        self.sizes.append(len(texts))
        self.groups.append(self.group or self.object)
        self.used.append(self.material)


def read_obj(path: Path) -> TexturedMesh:
    """Read an OBJ file with its materials; one without faces gives points, with normals where each has one.

    Raises:
        ValueError: a line is damaged, a face names a vertex that is not there, or the file has free-form surfaces.
    """
    lines = _Lines()
    for number, line in enumerate(_text(path).split("\n"), start=1):
        word, rest = [*line.split(None, 1), "", ""][:2]
        if "#" in rest and word in _NUMBERS:
            rest = re.sub(r"(?<!\.)#.*", "", rest)  # 1.#INF is a number of old programs, and refused
        try:
            if "_" in rest and word in _NUMBERS:  # Python reads 1_0 as ten
                raise ValueError(rest)
            lines.add(word, rest)
        except _UnreadError as error:
            raise ValueError(f"line {number}: {error}") from error
        except (ValueError, IndexError, OverflowError) as error:
            raise ValueError(f"line {number}: not a line of an OBJ file: {line.strip()[:80]!r}") from error
    return _mesh(lines, path.parent)


def _text(path: Path) -> str:
    """The text, its lines ended alike; a line that ends in a backslash goes on in the next."""
    content = path.read_bytes()
    encoding = next((name for mark, name in _ENCODINGS.items() if content.startswith(mark)), "utf-8")
    text = content.decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise ValueError("holds zero bytes: it is damaged, or text whose encoding no mark at its beginning names")
    if "\\" in text:
        text = re.sub(r"^(\s*#.*)\\[ \t]*$", r"\1", text, flags=re.MULTILINE)  # comments end with their line
        text = re.sub(r"\\[ \t]*\n", " ", text)
    return text


def _index(text: str, count: int) -> int:
    """Index from 0 of what a corner names: counted from 1, or backwards from the line of the face."""
    index = int(text)
    if index == 0 or index < -count:
        raise ValueError(f"index {index}")
    return index - 1 if index > 0 else count + index


def _mesh(lines: _Lines, folder: Path) -> TexturedMesh:
    vertices = np.array(lines.vertices, np.float64).reshape(-1, 3)
    normals = np.array(lines.normals, np.float64).reshape(-1, 3)
    corners, sizes = np.array(lines.corners, np.int64), np.array(lines.sizes, np.int64)
    names, material = np.unique(lines.used, return_inverse=True) if lines.used else ([""], np.zeros(0, np.int64))
    mtl = read_mtl(folder, lines.libraries)
    has_colors = len(lines.colors) == len(lines.vertices) > 0
    found = [mtl.materials.get(str(name), MtlMaterial(Material(WHITE) if has_colors else Material())) for name in names]
    notes = [f"{lines.left_out} lines and points, left out"] if lines.left_out else []
    if lines.unknown:
        notes.append(f"{lines.unknown} lines of unknown kinds ({lines.unknown_word[:40]!r} the first), left out")
    if gone := int((np.array(lines.corner_uvs, np.int64) >= len(lines.uvs) // 2).sum()):
        notes.append(f"{gone} corners name texture coordinates that are not there")
    mesh_normals = normals if len(normals) == len(vertices) and not len(corners) else None
    return polygon_mesh(
        vertices,
        corners,
        sizes,
        uv=_uv(lines, np.repeat(material, sizes), found),
        rgb=_rgb(lines.colors, corners) if has_colors else None,
        material=material.astype(np.int64),
        materials=tuple(entry.material for entry in found),
        group=tuple(lines.groups) if lines.has_groups else (),
        normals=mesh_normals,
        notes=(*mtl.notes, *notes),
    )


def _uv(lines: _Lines, material: np.ndarray, found: list[MtlMaterial]) -> np.ndarray:
    """Texture coordinates of the corners, scaled and moved as their material says; zero where they are missing."""
    index = np.array(lines.corner_uvs, np.int64)
    known = np.concatenate([np.array(lines.uvs, np.float64), [0.0, 0.0]]).reshape(-1, 2)
    uv = known[np.where(index < len(known), index, -1)]
    scale, offset = (np.array([getattr(entry, name) for entry in found])[material] for name in ("scale", "offset"))
    return uv * scale + offset


def _rgb(colors: array[float], corners: np.ndarray) -> np.ndarray:
    rgb = np.array(colors, np.float64).reshape(-1, 3)
    rgb = rgb / 255 if rgb.max() > 1 else rgb
    return rgb[corners.clip(0, len(rgb) - 1)].clip(0, 1)
