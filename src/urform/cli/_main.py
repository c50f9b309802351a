"""Entry point: runs the command, turns bad input into one line and exit code 2."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO

from urform.cli._command_table import COMMANDS, command_name
from urform.cli._config_file import FLAG as CONFIG
from urform.cli._config_file import Translate, with_config_file
from urform.cli._files import check_config
from urform.cli._flags import with_flags
from urform.cli._parser import LOG_LEVELS, parse

FLAG = "--log-level"
CLOSED = 141  # exit code where nobody reads the output any more, as after `| head -1`: that of a shell


def entry() -> NoReturn:
    """The console script: `main`, then out at once. Tearing torch down takes half a second and frees nothing new."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin while they wait keep others from working
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open to the end
    code = main()
    logging.shutdown()
    os._exit(_flushed(code))


def _flushed(code: int) -> int:
    """Write what is left of the output; returns the exit code."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = CLOSED
    except OSError as error:
        print(f"urform: {error}", file=sys.stderr)
        code = code or 2
    with suppress(OSError):
        sys.stderr.flush()
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    flags, files = _parted(words)
    debug = "--debug" in flags
    words = [part for word in flags if word not in ("--debug", "--quiet") for part in _apart(word)]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the console cannot show must not end a batch
            stream.reconfigure(errors="backslashreplace")
    logger, before = logging.getLogger("urform"), logging.getLogger("urform").level
    try:
        if words == ["--version"]:
            from urform import __version__

            print(__version__)
            return 0
        words, level = _told(_config_last(words), "--quiet" in flags)
        logger.setLevel(before if level is None else level)
        with _told_by_flags(words):
            command = parse([*with_config_file(words, _translation(words)), *files])
            check_config(command, Path(words[words.index(CONFIG) + 1]) if CONFIG in words else None)
            return command.run()
    except SystemExit as stopped:  # help, or a completion script, was printed
        return stopped.code if isinstance(stopped.code, int) else 0
    except (ValueError, OSError, MemoryError, ModuleNotFoundError) as error:
        if isinstance(error, BrokenPipeError) and _is_closed(sys.stdout):
            return CLOSED
        if debug:
            raise
        print(f"urform: {_one_line(error, words)}", file=sys.stderr)
        return 2
    except Exception as error:
        if debug:
            raise
        print(
            f"urform: unexpected {type(error).__name__}: {_one_line(error, words)}; --debug shows more", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt as stopped:
        print(f"urform: {_one_line(stopped, words) if str(stopped) else 'interrupted'}", file=sys.stderr)
        return 130
    finally:
        logger.setLevel(before)


def _is_closed(stream: TextIO) -> bool:
    """Whether nobody reads it any more; an empty line finds out."""
    try:
        print(file=stream, flush=True)
    except BrokenPipeError:
        return True
    return False


class _Formatter(logging.Formatter):
    """Messages of the library, with the flags of a command where they name arguments."""

    def __init__(self, command: type[Any] | None):
        super().__init__("urform: %(message)s")
        self._command = command

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = with_flags(record.message, self._command)
        return super().formatMessage(record)


@contextmanager
def _told_by_flags(words: list[str]) -> Iterator[None]:
    """Print log messages while the command runs; a program that handles them itself is not disturbed."""
    root, handler = logging.getLogger(), logging.StreamHandler()
    handler.setFormatter(_Formatter(_command_of(words)))
    if not root.handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def _command_of(words: list[str]) -> type[Any] | None:
    name = command_name(words)
    return COMMANDS[name] if name else None


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """The words before `--`, and from it on: those are files, whatever they look like."""
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end:]


def _config_last(words: list[str]) -> list[str]:
    """The words with `--config FILE` at the end, so that they begin with the name of the command."""
    if "--config" not in words:
        return words
    place = words.index("--config")
    return words[:place] + words[place + 2 :] + words[place : place + 2]


def _told(words: list[str], quiet: bool) -> tuple[list[str], int | None]:
    """The words without `--log-level`, and the least importance of what is told; None = as usual."""
    if quiet:
        os.environ["TQDM_DISABLE"] = "1"  # read where tqdm is imported, which no command has done yet
    if FLAG not in words:
        return words, logging.ERROR if quiet else None
    place = words.index(FLAG)
    name = words[place + 1] if place + 1 < len(words) else ""
    if name not in LOG_LEVELS:
        raise ValueError(f"{FLAG} must be one of {', '.join(LOG_LEVELS)}, got {name!r}")
    if quiet:
        raise ValueError(f"--quiet must be omitted with {FLAG}")
    return words[:place] + words[place + 2 :], getattr(logging, name.upper())


def _translation(words: list[str]) -> Translate | None:
    """How the settings of a published configuration file become those of a command; None where there is none."""
    if command_name(words) != "train contrastive":
        return None
    from urform.published import settings_from_published

    return partial(settings_from_published, has_imagenet="--imagenet" in words)


def _one_line(error: BaseException, words: list[str]) -> str:
    """What an error says, with the flags of the command where the library names arguments."""
    message = with_flags(" ".join(str(error).splitlines()), _command_of(words))
    return message or type(error).__name__


def _apart(word: str) -> list[str]:
    """`--flag=value` of the flags that are looked at before the others are read, as two words."""
    return word.split("=", 1) if word.startswith(("--config=", "--specs=", "--preset=", "--log-level=")) else [word]
