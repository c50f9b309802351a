"""The flags of a command: the fields of its dataclass and of the settings in it; messages that name them."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from tyro.conf import Positional

_POSITIONAL = get_args(Positional[int])[1]
_OTHER_NAMES = {"size_mm": "size", "file_format": "format", "keys": "split", "targets": "to", "inside": "point"}
"""Arguments of the library that a command calls by another name."""
_ARGUMENT = re.compile(r"`(\w+)`|^(\w+)(?= must )")
"""How the library's messages name arguments: in backticks, or as the first word before `must`."""


@cache
def flags_of(command: type[Any]) -> dict[str, str]:
    """The flag of each field, `{"sdf_weight": "--sdf-weight"}`; settings in settings are flags like others."""
    flags: dict[str, str] = {}
    hints = get_type_hints(command, include_extras=True)
    for field in fields(command):
        kind, extras = hints[field.name], ()
        if get_origin(kind) is Annotated:
            kind, *extras = get_args(kind)
        if is_dataclass(kind) and isinstance(kind, type):
            flags |= flags_of(kind)
        elif _POSITIONAL not in extras:
            named = next((name for extra in extras if (name := getattr(extra, "name", None))), field.name)
            flags[field.name] = f"--{named.replace('_', '-')}"
    return flags


def with_flags(message: str, command: type[Any] | None) -> str:
    """A message of the library, which names arguments, with the flags of a command in their place."""
    flags = {} if command is None else flags_of(command)

    def flag(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return flags.get(name) or flags.get(_OTHER_NAMES.get(name, "")) or found[0]

    return _ARGUMENT.sub(flag, message)
