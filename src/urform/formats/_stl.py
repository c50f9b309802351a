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
_UNKNOWN = (0, 0xFFFFFFFF)  # what programs write that do not know the number of triangles yet
_NAMES = re.compile(rb"^\s*(?:end)?solid\b.*?(?=\bfacet\s+normal\b|$)", re.MULTILINE)
_CORNER = re.compile(rb"\bvertex\s+(\S+)\s+(\S+)\s+(\S+)")


def read_stl(path: Path) -> TexturedMesh:
    """Read an STL file; its corners stay apart.

    Raises:
        ValueError: it is damaged or cut off, or its facets are no triangles.
    """
    content = path.read_bytes()
    declared = struct.unpack_from("<I", content, 80)[0] if len(content) >= _HEADER else 0
    there, more = divmod(max(len(content) - _HEADER, 0), _ROW.itemsize)
    is_whole = len(content) == _HEADER + declared * _ROW.itemsize and len(content) >= _HEADER
    notes: tuple[str, ...] = ()
    is_text = b"\0" not in content[:_HEADER]  # of a binary file, the number of triangles has some
    if not is_whole and is_text and re.match(rb"(\xef\xbb\xbf)?\s*solid\b", content, re.IGNORECASE):
        corners, notes = _text(content)
    else:
        if declared in _UNKNOWN and there and not more:
            declared, notes = there, (f"the number of triangles is missing, the size of the file tells {there}",)
        if there < max(declared, 1):
            raise ValueError(f"has {there} of its {declared} triangles, the file is cut off")
        corners = np.frombuffer(content, _ROW, declared, _HEADER)["corners"].astype(np.float64)
        if left := len(content) - _HEADER - declared * _ROW.itemsize:
            notes = (f"{left} bytes after the last triangle, left out",)
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


def _text(content: bytes) -> tuple[Float[np.ndarray, "F 3 3"], tuple[str, ...]]:
    """The corners, and what was amiss."""
    lines = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n").lower()
    lines = re.sub(rb"\bend[ \t]+(?=(facet|loop|solid)\b)", b"end", lines)
    solids, ends = (len(re.findall(word, lines, re.MULTILINE)) for word in (rb"^\s*solid\b", rb"\bendsolid\b"))
    lines = _NAMES.sub(b"", lines)
    facets, done = (len(re.findall(word, lines)) for word in (rb"\bfacet\b", rb"\bendfacet\b"))
    if done < facets:
        raise ValueError(f"has the end of {done} of its {facets} facets, the file is cut off")
    corners = np.array(_CORNER.findall(lines), np.float64).reshape(-1, 3)
    if len(corners) != 3 * facets:
        raise ValueError(f"has {len(corners)} corners of {facets} facets, expected triangles")
    notes = () if ends >= solids else (f"`endsolid` is missing, the file may lack more than its {facets} facets",)
    return corners.reshape(-1, 3, 3), notes
