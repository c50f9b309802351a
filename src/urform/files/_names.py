"""Instance names: from paths, safe as file names, unique."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

ANONYMOUS_STEMS = frozenset({"model", "model_normalized", "models", "mesh", "scene", "object"})
MAX_CHARACTERS = 120
MAX_BYTES = 180  # file systems allow 255, and temporary names are longer


def name_of(parts: Sequence[str]) -> str:
    """The instance name of a file by its path below the folder, without ending.

    A file called model.obj, scene.glb and the like is named after its folder.
    """
    parts = list(parts)
    while len(parts) > 1 and parts[-1].lower() in ANONYMOUS_STEMS:
        parts.pop()
    return safe_name("__".join(parts))


def safe_name(text: str) -> str:
    """A text as a file name: letters, digits, `_`, `.` and `-`, at most 120 characters, a long one ends in a hash."""
    name = re.sub(r"[^\w.\-]+", "_", unicodedata.normalize("NFC", text))
    if name in ("", ".", ".."):
        return "unnamed"
    if len(name) <= MAX_CHARACTERS and len(name.encode()) <= MAX_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    name = name[: MAX_CHARACTERS - len(digest) - 1]
    name = name.encode()[: MAX_BYTES - len(digest) - 1].decode(errors="ignore")
    return f"{name}_{digest}"


def unique_names(names: Iterable[str]) -> list[str]:
    """The names in the same order; of equal ones the first keeps it, the others get `_2`, `_3` ...

    Names that differ only in case are equal: on many disks they are one file.
    """
    names = list(names)
    taken = {caseless(name) for name in names}
    seen: set[str] = set()
    unique = []
    for name in names:
        chosen, number = name, 2
        if caseless(name) in seen:
            while caseless(chosen := f"{name}_{number}") in taken:
                number += 1
        seen.add(caseless(name))
        taken.add(caseless(chosen))
        unique.append(chosen)
    return unique


def caseless(name: str) -> str:
    """The form of a name in which disks compare it that ignore case or the spelling of accents."""
    return unicodedata.normalize("NFC", name).casefold()
