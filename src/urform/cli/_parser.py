"""From the words of a command line to a command, by tyro's subcommands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args

import tyro
from tyro._errors import on_parse_error  # not public yet, thus tyro's version has an upper bound in pyproject
from tyro.conf import CascadeSubcommandArgs, FlagCreatePairsOff, arg, subcommand

from urform.cli._command_table import COMMANDS, DEFAULT_NAME, GROUPS, command_name
from urform.cli._complaints import complain
from urform.cli._presets import preset_of

DESCRIPTION = "Learn the archetype of a category of meshes; turn one picture into a watertight mesh."
CONFIG_HELP = "YAML file with flags and their values; flags on the command line win."
DEBUG_HELP = "Show tracebacks."
Level = Literal["debug", "info", "warning", "error"]
LOG_LEVELS = get_args(Level)
LEVEL_HELP = "Least important messages to print; info also names each file that is written."
QUIET_HELP = "Print no progress bars, and no messages but errors."
VERSION_HELP = "Print the version."


def parse(words: Sequence[str]) -> Any:
    """The command that the words name, with its flags read.

    Raises:
        ValueError: the words are wrong; the message says how, in one line.
        SystemExit: help or a completion script was printed.
    """
    name = command_name(list(words))
    root = _root({} if name is None else {name: preset_of(name, words)})
    with on_parse_error(lambda event: complain(event, words)):
        command = tyro.cli(root, prog="urform", description=DESCRIPTION, args=words).command
    return getattr(command, "command", command)  # a group holds the one that was chosen


def _root(defaults: dict[str, Any]) -> type[Any]:
    """The whole command line as one dataclass: a command, and the flags that all commands share.

    These flags are read before tyro reads the rest; they stand here for help and completion.
    """
    groups: dict[str, dict[str, type[Any]]] = {}
    for name, command in COMMANDS.items():
        groups.setdefault(name.split()[0], {})[name] = command
    options = [
        _group(name, group, defaults) if name in GROUPS else _option(name, group[name], defaults.get(name))
        for name, group in groups.items()
    ]
    anywhere = CascadeSubcommandArgs  # also behind the command
    fields = [
        ("command", _one_of(options)),
        ("config", Annotated[Path | None, anywhere, arg(help=CONFIG_HELP)], None),
        ("debug", Annotated[bool, anywhere, FlagCreatePairsOff, arg(help=DEBUG_HELP)], False),
        (
            "log_level",
            Annotated[Level, anywhere, arg(help=LEVEL_HELP)],
            "warning",
        ),
        ("quiet", Annotated[bool, anywhere, FlagCreatePairsOff, arg(help=QUIET_HELP)], False),
        ("version", Annotated[bool, FlagCreatePairsOff, arg(help=VERSION_HELP)], False),
    ]
    return make_dataclass("Urform", fields)


def _group(name: str, commands: dict[str, type[Any]], defaults: dict[str, Any]) -> Any:
    options = [
        _option(DEFAULT_NAME if full == name else full.split()[1], command, defaults.get(full), full == name)
        for full, command in commands.items()
    ]
    kind = make_dataclass(name, [("command", _one_of(options))])
    return Annotated[kind, subcommand(name, description=GROUPS[name])]


def _option(name: str, command: type[Any], default: Any, is_default: bool = False) -> Any:
    start = tyro.MISSING_NONPROP if default is None else default
    return Annotated[command, subcommand(name, default=start, is_default=is_default)]


def _one_of(options: list[Any]) -> Any:
    return Annotated[Union[tuple(options)], arg(name="")]  # noqa: UP007 - made from a list
