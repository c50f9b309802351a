"""How much a packed file may grow."""

from __future__ import annotations

import zipfile
from pathlib import Path

# Deflate reaches 1032 to 1 on zeros; meshes, pictures and arrays stay below 20 to 1.
MAX_RATIO = 200
RATIO_SLACK = 100 << 20


def check_expansion(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise a ValueError where a zip file is made to fill memory."""
    if sum(member.file_size for member in archive.infolist()) > path.stat().st_size * MAX_RATIO + RATIO_SLACK:
        raise ValueError(f"unpacks to more than {MAX_RATIO} times its size")
