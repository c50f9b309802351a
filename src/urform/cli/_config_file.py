"""Flags from a file: `--config FILE` stands for the flags that the file names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FLAG = "--config"
LONGEST = 1_000_000  # letters of a file
MOST_BRACKETS = 1000  # flags need a few; the time that YAML takes grows with their square

Translate = Callable[[Mapping[Any, Any], Path], Mapping[Any, Any]]


def with_config_file(words: Sequence[str], translate: Translate | None = None) -> list[str]:
    """The words of a command line, `--config FILE` replaced by what is in the file; flags that are given win.

    `translate` takes the content and the path of a file in which flags have other names, and gives it with ours.

    The file is YAML (or JSON): names of flags, with `-` or `_`, and their values; a list has several values, true and
    false switch.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no YAML, or does not hold flags and values.
    """
    words = list(words)
    if FLAG not in words:
        return words
    place = words.index(FLAG)
    if place + 1 == len(words):
        raise ValueError(f"{FLAG} needs a file, expected YAML with flags and their values")
    path = Path(words[place + 1])
    rest = words[:place] + words[place + 2 :]
    given = {word.split("=")[0].replace("_", "-").replace("--no-", "--") for word in rest if word.startswith("--")}
    content = _read(path)
    for flag, values in _flags(translate(content, path) if translate else content, path):
        if flag.replace("--no-", "--") not in given:
            dashed = len(values) == 1 and values[0].startswith("-")  # not to be taken for a flag
            rest += [f"{flag}={values[0]}"] if dashed else [flag, *values]
    return rest


def _read(path: Path) -> Mapping[Any, Any]:
    from urform.files import read_yaml

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such config file, expected YAML with flags and their values")
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST or text.count("[") + text.count("{") > MOST_BRACKETS:
            raise ValueError(f"not YAML of flags: over {LONGEST:,} letters or {MOST_BRACKETS} brackets")
        content = read_yaml(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not YAML ({error})") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must hold flags and their values, got {type(content).__name__}")
    return content


def _flags(content: Mapping[Any, Any], path: Path) -> Iterator[tuple[str, list[str]]]:
    for key, value in content.items():
        if not isinstance(key, str):
            raise ValueError(f"{path}: {key!r} must be the name of a flag")
        name = key.replace("_", "-")
        if f"--{name}" == FLAG:
            raise ValueError(f"{path}: must not name another config file; give one with all flags")
        if isinstance(value, bool):
            yield f"--{'' if value else 'no-'}{name}", []
            continue
        values = value if isinstance(value, list) else [value]
        if any(isinstance(each, (dict, list)) for each in values):
            raise ValueError(f"{path}: {name} must be a value or a list of values")
        yield f"--{name}", ["None" if each is None else str(each) for each in values]
