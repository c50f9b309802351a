"""Range checks whose message names the argument; the command line puts its flags into messages."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

Kind = TypeVar("Kind")

LONGEST_NAME = 200  # bytes; file systems allow 255, and temporary names and endings are added


def is_name(text: str) -> bool:
    """Whether a text can be the name of a file or folder on any disk, and leads nowhere as a part of a path."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= LONGEST_NAME and text not in (".", "..") and min(text) >= " " and not set(text) & set("/\\")


def shortened(value: object, most: int = 80) -> str:
    """A value as messages show it: on one line, not longer than it."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def look_up(table: Mapping[str, Kind], name: str, argument: str) -> Kind:
    """The entry of a table of kinds; a ValueError lists what there is, and the nearest, where there is none.

    Args:
        table: kinds by name.
        name: the one that is wanted.
        argument: what gave the name, for the message.
    """
    if name in table:
        return table[name]
    close = get_close_matches(str(name), table, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise ValueError(f"{argument} must be one of {', '.join(table)}, got {name!r}{hint}")


def require(holds: bool, argument: str, expected: str, got: object) -> None:
    """Raise a ValueError that names the argument, what it takes and what it got, unless the condition holds."""
    if not holds:
        raise ValueError(f"{argument} must be {expected}, got {got!r}")
