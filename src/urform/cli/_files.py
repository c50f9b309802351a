"""The files that a command reads and writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from urform.config import RUN_FILES

_READ_WHOLE = ("data", "meshes")  # flags of folders that are read: any file in them may be an input
_WRITTEN = ("out", "json", "csv", "sheet")  # flags of files, or of a folder of files, that are written


def check_files(command: Any, *flags: str) -> None:
    """Refuse, before any work, result files that are each other, or files that other flags name or whose folder is."""
    from urform.files import check_outputs

    outputs = [file for flag in flags if (file := getattr(command, flag)) is not None]
    read = [given for flag in _READ_WHOLE if (given := getattr(command, flag, None))]
    folders = [
        os.path.realpath(folder) for given in read for folder in (given if isinstance(given, tuple) else (given,))
    ]
    inside = [file for file in outputs if any(Path(os.path.realpath(file)).is_relative_to(each) for each in folders)]
    check_outputs(None, outputs, [*_inputs_of(command, flags), *inside], "another file")


def check_config(command: Any, config: Path | None) -> None:
    """Refuse a command that would write over the file that its flags come from."""
    from urform.files import check_outputs

    given = [Path(each) for flag in _WRITTEN if isinstance(each := getattr(command, flag, None), str | Path)]
    outputs = [file for each in given for file in (each, *(each / name for name in RUN_FILES)) if file.is_file()]
    if config is not None:
        check_outputs(None, dict.fromkeys(outputs), [config])


def _inputs_of(command: Any, outputs: tuple[str, ...]) -> Iterator[Path]:
    """Whatever the flags of a command may name, but for these: files, and what lies in run folders."""
    for flag, value in vars(command).items():
        for each in value if isinstance(value, tuple) else (value,):
            if is_dataclass(each):
                yield from _inputs_of(each, ())
            elif flag not in outputs and isinstance(each, str | Path):
                yield from (Path(each), *(Path(each, name) for name in RUN_FILES))
