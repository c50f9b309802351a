"""A glTF file as arrays: its JSON, its buffers and the accessors into them. Source: glTF 2.0, sections 3.6 and 4."""

from __future__ import annotations

import base64
import json
import re
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import numpy as np
from jaxtyping import Shaped

from urform.files import RATIO_SLACK
from urform.formats._textures import is_file, short_name

_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_READ = frozenset(
    {
        "EXT_mesh_gpu_instancing",
        "EXT_texture_webp",
        "EXT_texture_avif",
        "KHR_draco_mesh_compression",
        "KHR_materials_pbrSpecularGlossiness",
        "KHR_materials_unlit",
        "KHR_mesh_quantization",
        "KHR_node_visibility",
        "KHR_texture_basisu",
        "KHR_texture_transform",
        "MSFT_texture_dds",
    }
)
# Those that say nothing of where a surface lies: how it reflects light, what else is in the scene, what things mean.
_SAY_NOTHING = re.compile(
    r"[A-Z]+_(materials|lights|texture|xmp|audio|environment|interactivity|physics|collision)(_\w+)?"
    r"|KHR_(animation_pointer|blend|implicit_shapes|node_hoverability|node_selectability|rigid_bodies|techniques_webgl)"
    r"|EXT_(feature_metadata|instance_features|mesh_features|mesh_manifold|structural_metadata)"
    r"|CESIUM_primitive_outline|MPEG_media|MSFT_lod|MSFT_packing_\w+|VRM|VRMC_\w+"
)


class GltfFile:
    """A .gltf or .glb file.

    Args:
        path: the file.

    Attributes:
        doc: its JSON.
        notes: what is left out of it.
        folder: where the files lie that it refers to.

    Raises:
        ValueError: it is damaged, of another version, or requires an extension that is not read.
    """

    def __init__(self, path: Path):
        self.folder = path.parent
        content = path.read_bytes()
        chunks = _chunks(content) if content.startswith(b"glTF") else {b"JSON": content}
        self._binary = chunks.get(b"BIN\0")
        try:
            self.doc: dict[str, Any] = json.loads(chunks[b"JSON"])
            version = str(self.doc["asset"].get("minVersion", self.doc["asset"]["version"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError("is not the JSON of glTF") from error
        if not version.startswith("2.") or ("minVersion" in self.doc["asset"] and version != "2.0"):
            raise ValueError(f"is glTF {version}, expected 2.0; export it again")
        others = [str(name) for name in self.doc.get("extensionsRequired", []) if name not in _READ]
        if unread := [name for name in others if not _SAY_NOTHING.fullmatch(name)]:
            raise ValueError(f"requires {', '.join(unread)}, which is not read; export it without")
        self.notes = (f"required extensions that change no surface ({', '.join(others)}), left out",) if others else ()
        self._buffers: dict[int, bytes] = {}

    def list(self, name: str) -> list[dict[str, Any]]:
        """The entries of one kind; empty where there are none."""
        return self.doc.get(name, [])

    def entry(self, name: str, index: int) -> dict[str, Any]:
        """The entry of one kind that an index names."""
        entries = self.list(name)
        if not 0 <= index < len(entries):
            raise ValueError(f"{name}[{index}] is referred to and not there, the file has {len(entries)}")
        return entries[index]

    def view(self, index: int) -> bytes:
        """The bytes of a buffer view."""
        view = self.entry("bufferViews", index)
        start, size = _natural(view, "byteOffset"), _natural(view, "byteLength")
        content = self._buffer(view["buffer"])[start : start + size]
        if len(content) < size:
            raise ValueError(f"buffer {view['buffer']} ends before its view {index}, the file is cut off")
        return content

    def accessor(self, index: int) -> Shaped[np.ndarray, "N ..."]:
        """Rows of numbers: float64 where they are floats or normalised integers."""
        entry = self.entry("accessors", index)
        kind, width, count = _component(entry), _WIDTHS[entry["type"]], _natural(entry, "count")
        if "bufferView" in entry:
            view = self.entry("bufferViews", entry["bufferView"])
            stride = view.get("byteStride", width * kind.itemsize)
            content = self.view(entry["bufferView"])[_natural(entry, "byteOffset") :]
            rows = _rows(content, kind, width, count, stride, index)
        elif count * width * kind.itemsize > RATIO_SLACK:
            raise ValueError(f"accessor {index} has {count} rows and no data")
        else:
            rows = np.zeros((count, width), kind)
        if "sparse" in entry:
            rows = self._with_sparse(rows, entry["sparse"], index)
        if entry.get("normalized") and kind.kind in "iu":
            rows = np.maximum(rows / np.iinfo(kind).max, -1.0)
        elif kind.kind == "f":
            rows = rows.astype(np.float64)
        return rows[:, 0] if entry["type"] == "SCALAR" else rows

    def _with_sparse(self, rows: np.ndarray, sparse: dict[str, Any], index: int) -> np.ndarray:
        """The rows of an accessor, some of them replaced."""
        number, where, what = _natural(sparse, "count"), sparse["indices"], sparse["values"]
        places = _component(where)
        content = self.view(where["bufferView"])[_natural(where, "byteOffset") :]
        chosen = _rows(content, places, 1, number, places.itemsize, index)[:, 0]
        if chosen.max(initial=0) >= max(len(rows), 1):
            raise ValueError(f"accessor {index} replaces row {chosen.max()}, it has {len(rows)}")
        content = self.view(what["bufferView"])[_natural(what, "byteOffset") :]
        rows = rows.copy()
        rows[chosen] = _rows(content, rows.dtype, rows.shape[1], number, rows.shape[1] * rows.itemsize, index)
        return rows

    def content(self, uri: str) -> bytes | Path:
        """What a URI means: bytes where they stand in it, else a file."""
        if not uri.startswith("data:"):
            return self.folder / unquote(uri)
        head, _, data = uri.partition(",")
        return base64.b64decode(data) if head.endswith(";base64") else unquote_to_bytes(data)

    def _buffer(self, index: int) -> bytes:
        if index not in self._buffers:
            entry = self.entry("buffers", index)
            if "uri" in entry:
                content = self.content(entry["uri"])
                if isinstance(content, Path) and not is_file(content):
                    raise ValueError(f"its buffer {short_name(entry['uri'])} is missing, expected it beside the file")
                self._buffers[index] = content.read_bytes() if isinstance(content, Path) else content
            elif index == 0 and self._binary is not None:
                self._buffers[index] = self._binary
            else:
                packed = ", ".join(self.doc.get("extensionsUsed", [])) or "an extension"
                raise ValueError(f"buffer {index} has no data; it is packed by {packed}, which is not read")
        return self._buffers[index]


def _chunks(content: bytes) -> dict[bytes, bytes]:
    """The chunks of a .glb file by kind."""
    if len(content) < 20 or struct.unpack_from("<I", content, 4)[0] != 2:
        raise ValueError("is not a .glb file of version 2")
    chunks: dict[bytes, bytes] = {}
    at, end = 12, struct.unpack_from("<I", content, 8)[0]
    while at + 8 <= min(end, len(content)):
        size, kind = struct.unpack_from("<I4s", content, at)
        chunk = content[at + 8 : at + 8 + size]
        if len(chunk) < size:
            raise ValueError("ends before its last chunk, the file is cut off")
        chunks.setdefault(kind, chunk)
        at += 8 + size
    return chunks


def _natural(entry: dict[str, Any], name: str) -> int:
    """A count, a size or an offset; 0 where it is missing."""
    number = entry.get(name, 0)
    if not isinstance(number, int) or number < 0:
        raise ValueError(f"`{name}` is {str(number)[:20]}, expected a whole number of at least 0")
    return number


def _component(entry: dict[str, Any]) -> np.dtype:
    number = entry["componentType"]
    if number not in _COMPONENTS:
        raise ValueError(f"component type {number} is none of glTF's")
    return np.dtype(_COMPONENTS[number])


def _rows(content: bytes, kind: np.dtype, width: int, count: int, stride: int, index: int) -> np.ndarray:
    size = width * kind.itemsize
    if stride < size:
        raise ValueError(f"accessor {index} has rows of {size} bytes in steps of {stride}")
    if count and (count - 1) * stride + size > len(content):
        raise ValueError(f"accessor {index} reaches beyond its buffer view")
    table = np.ndarray((count, width), kind, content, strides=(stride, kind.itemsize))
    return np.ascontiguousarray(table)
