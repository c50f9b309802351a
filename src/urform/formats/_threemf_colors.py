"""The colors of 3MF files: of objects, triangles and corners, and textures."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from urform.formats._textures import Textures
from urform.geometry import GREY, WHITE, Material

LARGEST_TEXTURE = 1 << 28  # bytes of a picture in the archive once it is unpacked
_LISTS = {"basematerials": ("base", "displaycolor"), "colorgroup": ("color", "color")}
_UNREAD = {"compositematerials": "mixed materials", "multiproperties": "layered colors"}


class Skin(NamedTuple):
    """The colors of an object's triangles, as `TexturedMesh` has them."""

    uv: Float[np.ndarray, "F 3 2"]
    rgb: Float[np.ndarray, "F 3 3"]
    material: Int[np.ndarray, " F"]
    materials: tuple[Material, ...]


class Colors:
    """The groups of colors and texture coordinates of a model, by their numbers in the file.

    Args:
        model: root of its XML.
        archive: the file, for its textures.

    Raises:
        ValueError: a color is none, or a group refers to a texture that is not named.
    """

    def __init__(self, model: Any, archive: zipfile.ZipFile):
        self.notes: list[str] = []
        self._rgb: dict[str | None, np.ndarray] = {}
        self._uv: dict[str | None, np.ndarray] = {}
        self._materials = [Material(WHITE)]
        self._material: dict[str | None, int] = {}
        for tag, (entry, attribute) in _LISTS.items():
            for group in model.iter(f"{{*}}{tag}"):
                colors = [_rgb(each.get(attribute)) for each in group.iter(f"{{*}}{entry}")]
                self._rgb[group.get("id")] = np.array(colors).reshape(-1, 3)
        self._textures = Textures()
        self._members = {info.filename.lower(): info for info in archive.infolist()}
        paths = {each.get("id"): each.get("path", "").strip("/") for each in model.iter("{*}texture2d")}
        numbers: dict[str, int] = {}
        for group in model.iter("{*}texture2dgroup"):
            path = paths.get(group.get("texid"))
            if path is None:
                raise ValueError(f"texture {group.get('texid')} is referred to and not there")
            if path not in numbers:
                numbers[path] = self._add_texture(path, archive)
            self._material[group.get("id")] = numbers[path]
            places = [[float(each.get(axis)) for axis in "uv"] for each in group.iter("{*}tex2coord")]
            self._uv[group.get("id")] = np.array(places, np.float64).reshape(-1, 2)
        for tag, name in _UNREAD.items():
            if next(model.iter(f"{{*}}{tag}"), None) is not None:
                self.notes.append(f"{name} of 3MF (`{tag}`), left out")

    def of(self, element: Any, triangles: Sequence[Any]) -> Skin:
        """The colors of an object's triangles; grey where the file has none."""
        count = len(triangles)
        uv, rgb = np.zeros((count, 3, 2)), np.tile(np.array(GREY), (count, 3, 1))
        material = np.zeros(count, np.int64)
        group, entry = element.get("pid"), element.get("pindex", "0")
        for row, triangle in enumerate(triangles):
            own = triangle.get("pid", group)
            first = triangle.get("p1", entry)
            corners = [int(first), int(triangle.get("p2", first)), int(triangle.get("p3", first))]
            table = self._rgb.get(own, self._uv.get(own))
            if table is None:  # no color, or one that is left out
                continue
            if min(corners) < 0 or max(corners) >= len(table):
                raise ValueError(f"a triangle names color {max(corners)} of group {own}, which has {len(table)}")
            if own in self._rgb:
                rgb[row] = table[corners]
            elif self._materials[self._material[own]].texture is not None:
                uv[row], rgb[row], material[row] = table[corners], WHITE, self._material[own]
        used, own = np.unique(material, return_inverse=True)  # a file may have many materials, and many objects
        return Skin(uv, rgb, own.reshape(-1), tuple(self._materials[index] for index in used) or (Material(WHITE),))

    def _add_texture(self, path: str, archive: zipfile.ZipFile) -> int:
        """The number of a new material with a picture of the archive."""
        info = self._members.get(path.lower())
        if info is None or info.file_size > LARGEST_TEXTURE:
            self.notes.append(f"texture {path} is {'missing' if info is None else 'too large'}")
            self._materials.append(Material())
        else:
            picture = self._textures.read(archive.read(info), path)
            self.notes += [picture.note] if picture.note else []
            self._materials.append(Material(WHITE, picture.pixels))
        return len(self._materials) - 1


def _rgb(text: str | None) -> tuple[float, ...]:
    """`#RRGGBB` or `#RRGGBBAA` in 0..1."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", text or ""):
        raise ValueError(f"{text!r} is no color, expected #RRGGBB")
    return tuple(int(str(text)[start : start + 2], 16) / 255 for start in (1, 3, 5))
