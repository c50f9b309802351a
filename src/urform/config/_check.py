"""Range checks whose message names the flag."""

from __future__ import annotations


def require(holds: bool, flag: str, expected: str, got: object) -> None:
    """Raise a ValueError that names the flag, what it takes and what it got, unless the condition holds."""
    if not holds:
        raise ValueError(f"{flag} must be {expected}, got {got!r}")
