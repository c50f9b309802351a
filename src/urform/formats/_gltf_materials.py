"""The materials of glTF files: base color and its texture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from urform.formats._gltf_file import GltfFile
from urform.formats._srgb import display_of
from urform.formats._textures import Texture, Textures
from urform.geometry import Material

_SPECULAR = "KHR_materials_pbrSpecularGlossiness"
_TRANSFORM = "KHR_texture_transform"
_PICTURES = ("EXT_texture_webp", "EXT_texture_avif", "MSFT_texture_dds")  # name another picture than the texture does


class GltfMaterials:
    """Reads the materials of a file, each picture once.

    Args:
        file: the file.
    """

    def __init__(self, file: GltfFile):
        self._file = file
        self._pictures: dict[int, Texture] = {}
        self._images: dict[int, Texture] = {}  # of each source, which several textures may share
        self._textures = Textures()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is missing of the pictures that were asked for."""
        return tuple(dict.fromkeys(picture.note for picture in self._pictures.values() if picture.note))

    def of(
        self, primitive: dict[str, Any], columns: dict[str, np.ndarray], count: int
    ) -> tuple[Float[np.ndarray, "V 2"], Material]:
        """Texture coordinates (v up) of the vertices of a primitive, and its material."""
        uv = np.zeros((count, 2))
        if "material" not in primitive:
            return uv, Material()
        entry = self._file.entry("materials", primitive["material"])
        surface = entry.get("pbrMetallicRoughness", {})
        factor, texture = surface.get("baseColorFactor"), surface.get("baseColorTexture")
        if _SPECULAR in entry.get("extensions", {}):
            surface = entry["extensions"][_SPECULAR]
            factor, texture = surface.get("diffuseFactor"), surface.get("diffuseTexture")
        red, green, blue = display_of(np.array((factor or (1, 1, 1))[:3], np.float64)).tolist()
        if texture is None:
            return uv, Material((red, green, blue))
        transform = texture.get("extensions", {}).get(_TRANSFORM, {})
        number = transform.get("texCoord", texture.get("texCoord", 0))
        uv = _transformed(columns.get(f"TEXCOORD_{number}", uv).astype(np.float64), transform)
        return uv * [1, -1] + [0, 1], Material((red, green, blue), self._picture(texture["index"]).pixels)

    def _picture(self, index: int) -> Texture:
        if index not in self._pictures:
            self._pictures[index] = self._read(index)
        return self._pictures[index]

    def _read(self, index: int) -> Texture:
        texture = self._file.entry("textures", index)
        others = [entry for name, entry in texture.get("extensions", {}).items() if name in _PICTURES]
        source = others[0].get("source") if others else texture.get("source")
        if source is None:
            kinds = ", ".join(texture.get("extensions", {})) or "no picture"
            return Texture(None, f"texture {index} is not read ({kinds})")
        if source not in self._images:
            self._images[source] = self._read_image(source)
        return self._images[source]

    def _read_image(self, source: int) -> Texture:
        image = self._file.entry("images", source)
        if "bufferView" in image:
            return self._textures.read(self._file.view(image["bufferView"]), image.get("name") or str(source))
        content = self._file.content(image["uri"])
        return self._textures.read(content, image["uri"] if isinstance(content, Path) else str(source))


def _transformed(uv: Float[np.ndarray, "V 2"], transform: dict[str, Any]) -> Float[np.ndarray, "V 2"]:
    """Texture coordinates after KHR_texture_transform."""
    turn = transform.get("rotation", 0.0)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return uv * transform.get("scale", (1, 1)) @ rotation.T + transform.get("offset", (0, 0))
