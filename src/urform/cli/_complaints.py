"""What is wrong with the words of a command line, in one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from tyro import _errors

from urform.cli._command_table import COMMANDS, GROUPS, command_name
from urform.cli._flags import flags_of


def complain(event: _errors.ParseErrorEvent, words: Sequence[str]) -> NoReturn:
    """Raise what tyro found as a ValueError of one line."""
    raise ValueError("; ".join(_sentences(event, words)) or "the flags cannot be read")


def _sentences(event: _errors.ParseErrorEvent, words: Sequence[str]) -> Iterator[str]:
    name = command_name(list(words))
    help_text = f"urform {name} --help" if name else "urform --help"
    if isinstance(event, _errors.MissingArgs):
        yield from _unknown(event.unrecognized_tokens, name, help_text)
        missing = [_shown(each.arg) for each in event.missing_arguments]
        yield f"{', '.join(missing)} must be given, see {help_text}"
    elif isinstance(event, _errors.MissingSubcommand):
        yield _no_command("given", words)
    elif isinstance(event, _errors.UnrecognizedArgs):
        if name is None and not event.tokens[0].startswith("-"):
            yield _no_command(repr(event.tokens[0]), words)
        else:
            yield from _unknown(event.tokens, name, help_text)
    elif isinstance(event, _errors.InvalidChoice):
        choices = ", ".join(event.choices)
        yield f"{_shown(event.argument)} must be one of {choices}, got {event.value!r}"
    elif isinstance(event, _errors.BadValue):
        yield f"{_shown(event.argument)} needs a value ({event.argument.lowered.metavar})"
    elif isinstance(event, _errors.InstantiationFailure):
        kind = event.argument and f"{_shown(event.argument)} must be {event.argument.lowered.metavar}"
        yield f"{kind} ({event.message})" if kind else event.message


def _shown(argument: Any) -> str:
    """A flag as it is typed; an argument without a flag in capitals, as the usage line has it."""
    name = argument.display_name()
    return name.rpartition(".")[-1].upper() if argument.is_positional() else name


def _no_command(found: str, words: Sequence[str]) -> str:
    group = f"{words[0]} " if words and words[0] in GROUPS else ""
    names = dict.fromkeys(full.removeprefix(group).split()[0] for full in COMMANDS if full.startswith(group))
    return f"no command {found}, expected `urform {group}COMMAND` with one of {', '.join(names)}"


def _unknown(tokens: Sequence[str], name: str | None, help_text: str) -> Iterator[str]:
    """A sentence for each flag that the command does not have; one for the other words where there is no such flag."""
    flags = [token.split("=")[0] for token in tokens if token.startswith("--") and len(token) > 2]
    known = flags_of(COMMANDS[name]).values() if name else ()
    for flag in flags:
        close = get_close_matches(flag.replace("_", "-"), known, 1)
        yield f"unknown flag {flag}, " + (f"did you mean {close[0]}?" if close else f"see {help_text}")
    if tokens and not flags:
        yield f"unexpected {', '.join(map(repr, tokens))}, see {help_text}"
