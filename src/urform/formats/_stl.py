"""STL files, text and binary."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
from jaxtyping import Float

from urform.geometry import Material, TexturedMesh

_HEADER = 84  # bytes before the first triangle of a binary file
_ROW = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_NAMES = re.compile(rb"^\s*(?:end)?solid\b.*$", re.MULTILINE)
_CORNER = re.compile(rb"\bvertex\s+(\S+)\s+(\S+)\s+(\S+)")


def read_stl(path: Path) -> TexturedMesh:
    """Read an STL file; its corners stay apart.

    Raises:
        ValueError: it is damaged or cut off, or its facets are no triangles.
    """
    content = path.read_bytes()
    declared = struct.unpack_from("<I", content, 80)[0] if len(content) >= _HEADER else 0
    is_whole = len(content) == _HEADER + declared * _ROW.itemsize and len(content) >= _HEADER
    notes: tuple[str, ...] = ()
    is_text = b"\0" not in content[:_HEADER]  # of a binary file, the number of triangles has some
    if not is_whole and is_text and re.match(rb"(\xef\xbb\xbf)?\s*solid\b", content, re.IGNORECASE):
        corners = _text(content)
    else:
        there = (len(content) - _HEADER) // _ROW.itemsize
        if there < max(declared, 1):
            raise ValueError(f"has {max(there, 0)} of its {declared} triangles, the file is cut off")
        corners = np.frombuffer(content, _ROW, declared, _HEADER)["corners"].astype(np.float64)
        if more := len(content) - _HEADER - declared * _ROW.itemsize:
            notes = (f"{more} bytes after the last triangle, left out",)
    count = len(corners)
    return TexturedMesh(
        corners.reshape(-1, 3),
        np.arange(3 * count).reshape(-1, 3),
        np.zeros((count, 3, 2)),
        np.ones((count, 3, 3)),
        np.zeros(count, np.int64),
        (Material(),),
        notes,
    )


def _text(content: bytes) -> Float[np.ndarray, "F 3 3"]:
    lines = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n").lower()
    solids, ends = (len(re.findall(word, lines, re.MULTILINE)) for word in (rb"^\s*solid\b", rb"^\s*endsolid\b"))
    lines = _NAMES.sub(b"", lines)
    facets, done = (len(re.findall(word, lines)) for word in (rb"\bfacet\b", rb"\bendfacet\b"))
    if done < facets or ends < solids:
        raise ValueError(f"has the end of {done} of its {facets} facets and of {ends} solids, the file is cut off")
    corners = np.array(_CORNER.findall(lines), np.float64).reshape(-1, 3)
    if len(corners) != 3 * facets:
        raise ValueError(f"has {len(corners)} corners of {facets} facets, expected triangles")
    return corners.reshape(-1, 3, 3)
