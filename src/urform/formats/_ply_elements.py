"""The elements of a PLY file, in text or binary: a table of columns each, some of which may be lists."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

_TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "float": "f4",
    "double": "f8",
} | {f"{kind}{bits}": f"{kind[0]}{bits // 8}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)}
_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}


class Lists(NamedTuple):
    """Lists of a column: their values in one row, and how many each has."""

    values: Shaped[np.ndarray, " C"]
    sizes: Int[np.ndarray, " N"]


@dataclass(frozen=True)
class Element:
    """A table.

    Attributes:
        count: rows that the header declares.
        kinds: of each column, the types of a list's length (empty where it is no list) and of its values.
        columns: what is in them.
    """

    count: int
    kinds: dict[str, tuple[str, str]] = field(default_factory=dict)
    columns: dict[str, np.ndarray | Lists] = field(default_factory=dict)


class Ply(NamedTuple):
    """Elements by name, the comments, and what was amiss."""

    elements: dict[str, Element]
    comments: list[str]
    notes: tuple[str, ...] = ()


def read_elements(path: Path) -> Ply:
    """Read all elements.

    Raises:
        ValueError: it is damaged or cut off.
    """
    content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    end = re.search(rb"[\r\n]end_header[ \t]*(\r\n|\n|\r)", content)
    if not content.startswith(b"ply") or end is None:
        raise ValueError("has no header, expected a PLY file")
    elements, comments, order = _declared(content[: end.start()].decode("utf-8", "replace"))
    reader = _Text(content[end.end() :]) if order == "=" else _Binary(content, end.end(), order)
    for name, element in elements.items():
        try:
            element.columns.update(reader.read(element))
        except (IndexError, ValueError) as error:
            raise ValueError(f"has fewer than its {element.count} elements `{name}`, the file is cut off") from error
    left = reader.left()
    return Ply(elements, comments, (f"{left} after the last element, left out",) if left else ())


def _declared(header: str) -> tuple[dict[str, Element], list[str], str]:
    """Elements without rows, the comments, and the order of bytes."""
    elements: dict[str, Element] = {}
    comments: list[str] = []
    order, last = "", Element(0)
    for line in header.splitlines():
        words = line.split()
        if words[:1] == ["format"] and words[1] in _ORDERS:
            order = _ORDERS[words[1]]
        elif words[:1] == ["comment"]:
            comments.append(line.strip()[8:])
        elif words[:1] == ["element"]:
            if words[1] in elements or int(words[2]) < 0:
                raise ValueError(f"the element {words[1]!r} is declared twice, or less than none of it")
            last = elements[words[1]] = Element(int(words[2]))
        elif words[:1] == ["property"] and elements:
            length, kind, name = words[2:5] if words[1] == "list" else ("", *words[1:3])
            if name in last.kinds:
                raise ValueError(f"the property {name!r} is declared twice")
            if unknown := {length, kind} - _TYPES.keys() - {""}:
                raise ValueError(f"the property {name!r} has the type {unknown.pop()!r}, expected one of PLY's")
            last.kinds[name] = (_TYPES[length] if length else "", _TYPES[kind])
    if not order:
        raise ValueError(f"its format is not one of {', '.join(_ORDERS)}")
    return elements, comments, order


class _Binary:
    """Reads elements of a binary file one after the other."""

    def __init__(self, content: bytes, at: int, order: str):
        self._content, self._at, self._order = content, at, order

    def left(self) -> str:
        """How much is left after what was read; nothing where it is white space."""
        rest = self._content[self._at :].strip()
        return f"{len(rest)} bytes" if rest else ""

    def read(self, element: Element) -> dict[str, np.ndarray | Lists]:
        """All columns."""
        if not element.count or not element.kinds:
            return {}
        sizes = self._first_sizes(element)
        row = np.dtype(
            [
                part
                for name, (length, kind) in element.kinds.items()
                for part in (
                    [(f"{name} length", self._order + length), (name, self._order + kind, (sizes[name],))]
                    if length
                    else [(name, self._order + kind)]
                )
            ]
        )
        fits = self._at + element.count * row.itemsize <= len(self._content)
        if fits:
            table = np.frombuffer(self._content, row, element.count, self._at)
            if all((table[f"{name} length"] == size).all() for name, size in sizes.items()):
                self._at += table.nbytes
                return {
                    name: Lists(table[name].reshape(-1), np.full(element.count, sizes[name])) if length else table[name]
                    for name, (length, _) in element.kinds.items()
                }
        elif not sizes:
            raise ValueError("cut off")
        return self._read_rows(element)

    def _first_sizes(self, element: Element) -> dict[str, int]:
        """The lengths of the lists of the first row, which most files have in all."""
        at, sizes = self._at, {}
        for name, (length, kind) in element.kinds.items():
            size = 1
            if length:
                size = sizes[name] = int(np.frombuffer(self._content, self._order + length, 1, at)[0])
                at += int(length[1])
            at += size * int(kind[1])
        return sizes

    def _read_rows(self, element: Element) -> dict[str, np.ndarray | Lists]:
        """Row by row, as lists of different lengths must be read."""
        found: dict[str, list[np.ndarray]] = {name: [] for name in element.kinds}
        content, at = self._content, self._at
        kinds = [
            (found[name], np.dtype(self._order + length) if length else None, np.dtype(self._order + kind))
            for name, (length, kind) in element.kinds.items()
        ]
        for _ in range(element.count):
            for rows, length, kind in kinds:
                size = 1
                if length is not None:
                    size = int(np.frombuffer(content, length, 1, at)[0])
                    at += length.itemsize
                    if size < 0:
                        raise ValueError("a list of negative length")
                rows.append(np.frombuffer(content, kind, size, at) if size else np.zeros(0, kind))
                at += size * kind.itemsize
        self._at = at
        return _columns(element, found)


class _Text:
    """Reads elements of a text file one after the other."""

    def __init__(self, content: bytes):
        self._words, self._at = content.split(), 0

    def left(self) -> str:
        """How much is left after what was read."""
        rest = len(self._words) - self._at
        return f"{rest} words" if rest else ""

    def read(self, element: Element) -> dict[str, np.ndarray | Lists]:
        """All columns, row by row."""
        if element.count * len(element.kinds) > len(self._words) - self._at:
            raise ValueError("cut off")
        found: dict[str, list[list[bytes]]] = {name: [] for name in element.kinds}
        at = self._at
        for _ in range(element.count):
            for name, (length, _) in element.kinds.items():
                size = 1
                if length:
                    size, at = int(self._words[at]), at + 1
                if size < 0 or at + size > len(self._words):
                    raise ValueError("cut off")
                found[name].append(self._words[at : at + size])
                at += size
        self._at = at
        return _columns(element, found)


def _columns(element: Element, found: dict[str, list]) -> dict[str, np.ndarray | Lists]:
    columns: dict[str, np.ndarray | Lists] = {}
    for name, (length, kind) in element.kinds.items():
        rows = found[name]
        values = np.array([value for row in rows for value in row], np.float64).astype(kind)
        columns[name] = Lists(values, np.array([len(row) for row in rows], np.int64)) if length else values
    return columns
