"""The weights that come with the package: they lie in this folder, one folder a category."""

from __future__ import annotations

from pathlib import Path

from urform.data import known_category
from urform.weights._file import FILE_NAME

_SHIPPED = Path(__file__).parent


def shipped_categories() -> list[str]:
    """Names of the categories whose weights come with the package."""
    return sorted(path.parent.name for path in _SHIPPED.glob(f"*/{FILE_NAME}"))


def find_weights(name: str | Path) -> Path:
    """The weights file of a shipped category, a run folder or a path.

    Raises:
        FileNotFoundError: it is none of these.
    """
    if str(name) in shipped_categories():
        return _SHIPPED / str(name) / FILE_NAME
    path = Path(name)
    if path.is_file() or (path / FILE_NAME).is_file():
        return path if path.is_file() else path / FILE_NAME
    if known := known_category(str(name), shipped_categories()):
        return _SHIPPED / known / FILE_NAME
    shipped = ", ".join(shipped_categories()) or "none"
    raise FileNotFoundError(
        f"{name}: neither a shipped category ({shipped}) nor a run folder with {FILE_NAME} nor a weights file"
    )
