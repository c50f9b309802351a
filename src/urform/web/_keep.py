"""Uploads and answers on disk, for servers that are told to keep them."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

from urform.files import write_atomically


class Keep:
    """Writes each upload with its answer into a folder, or nothing at all.

    Args:
        folder: None = nothing is kept.
    """

    def __init__(self, folder: Path | None):
        self._folder = folder
        self._serial = itertools.count()

    def write(self, upload: bytes, answer: dict[str, Any], mesh: bytes, kind: str) -> None:
        """Keep one upload: `<time>_<number>.upload`, `.json` and the mesh."""
        if self._folder is None:
            return
        name = f"{time.strftime('%Y%m%d-%H%M%S')}_{next(self._serial):06d}"
        write_atomically(self._folder / f"{name}.upload", upload)
        write_atomically(self._folder / f"{name}.json", (json.dumps(answer) + "\n").encode())
        write_atomically(self._folder / f"{name}.{kind}", mesh)
