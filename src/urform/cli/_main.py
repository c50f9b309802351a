"""Entry point: runs the command, turns bad input into one line and exit code 2."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from urform.cli._command_table import command_name
from urform.cli._config_file import Translate, with_config_file
from urform.cli._parser import parse


def entry() -> NoReturn:
    """The console script: `main`, then out at once. Tearing torch down takes half a second and frees nothing new."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin while they wait keep others from working
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    flags, files = _parted(words)
    debug = "--debug" in flags
    words = [part for word in flags if word != "--debug" for part in _apart(word)]
    if words == ["--version"]:
        from urform import __version__

        print(__version__)
        return 0
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the console cannot show must not end a batch
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="urform: %(message)s")
    try:
        return parse([*with_config_file(words, _translation(words)), *files]).run()
    except SystemExit as stopped:  # help, or a completion script, was printed
        return stopped.code if isinstance(stopped.code, int) else 0
    except (ValueError, OSError, MemoryError, ModuleNotFoundError) as error:
        if debug:
            raise
        print(f"urform: {_one_line(error)}", file=sys.stderr)
        return 2
    except Exception as error:
        if debug:
            raise
        print(f"urform: unexpected {type(error).__name__}: {_one_line(error)}; --debug shows more", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        print(f"urform: {str(stopped) or 'interrupted'}", file=sys.stderr)
        return 130


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """The words before `--`, and from it on: those are files, whatever they look like."""
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end:]


def _translation(words: list[str]) -> Translate | None:
    """How the settings of a published configuration file become those of a command; None where there is none."""
    if command_name(words) != "train contrastive":
        return None
    from urform.published import settings_from_published

    return settings_from_published


def _one_line(error: Exception) -> str:
    return " ".join(str(error).splitlines()) or type(error).__name__


def _apart(word: str) -> list[str]:
    """`--flag=value` of the flags that are looked at before the others are read, as two words."""
    return word.split("=", 1) if word.startswith(("--config=", "--specs=", "--preset=")) else [word]
