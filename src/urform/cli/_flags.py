"""The flags of a command: the fields of its dataclass and of the settings in it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints


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
        else:
            named = next((name for extra in extras if (name := getattr(extra, "name", None))), field.name)
            flags[field.name] = f"--{named.replace('_', '-')}"
    return flags
