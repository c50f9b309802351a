"""The files that a command reads and writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_READ_WHOLE = ("data", "meshes")  # flags of folders that are read: any file in them may be an input


def check_files(command: Any, *flags: str) -> None:
    """Refuse, before any work, result files that are each other, or files that other flags name or whose folder is."""
    from urform.files import check_outputs

    outputs = [file for flag in flags if (file := getattr(command, flag)) is not None]
    read = [given for flag in _READ_WHOLE if (given := getattr(command, flag, None))]
    folders = [
        os.path.realpath(folder) for given in read for folder in (given if isinstance(given, tuple) else (given,))
    ]
    inside = [file for file in outputs if any(Path(os.path.realpath(file)).is_relative_to(each) for each in folders)]
    check_outputs(None, outputs, [*inputs_of(command, *flags), *inside], "another file")


def check_run(command: Any) -> None:
    """Refuse, before any work, a run folder `out` whose weights another flag names."""
    from urform.files import check_outputs

    check_outputs(None, [command.out / "model.safetensors"], inputs_of(command, "out"))


def inputs_of(command: Any, *outputs: str) -> Iterator[Path]:
    """Whatever the flags of a command may name, but for these: files, and the weights in run folders."""
    for flag, value in vars(command).items():
        for each in value if isinstance(value, tuple) else (value,):
            if flag not in outputs and isinstance(each, str | Path):
                yield from (Path(each), Path(each, "model.safetensors"))
