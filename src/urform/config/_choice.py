"""Which shapes of a split are taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ShapeChoice:
    """Which shapes of a split are taken: by default those whose files are there."""

    strict: bool = False
    """Refuse a split that names shapes whose files are not there, instead of leaving these out."""
    exclude: tuple[Path, ...] = ()
    """Files that name shapes to leave out, one a line or as a split file: published lists of errors, for example."""
