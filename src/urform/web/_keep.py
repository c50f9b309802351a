"""Uploads and answers on disk, for servers that are told to keep them."""

from __future__ import annotations

import itertools
import json
import logging
import time
from pathlib import Path
from typing import Any

from urform.files import write_atomically

logger = logging.getLogger(__name__)


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
        name = self._free(self._folder)
        files = {"upload": upload, "json": (json.dumps(answer) + "\n").encode(), kind: mesh}
        for ending, content in files.items():
            try:
                write_atomically(self._folder / f"{name}.{ending}", content)
            except OSError as error:  # whoever asked has an answer nevertheless
                logger.error("%s.%s is not kept: %s", name, ending, error)

    def _free(self, folder: Path) -> str:
        """A name that no earlier server has taken in the same second."""
        while True:
            name = f"{time.strftime('%Y%m%d-%H%M%S')}_{next(self._serial):06d}"
            if not (folder / f"{name}.upload").exists():
                return name
