"""What is checked before any work: numbers that are out of range."""

from __future__ import annotations

from urform.formats import FORMATS
from urform.geometry import check_resolution


def check_numbers(steps: int, seed: int, resolution: int, file_format: str = FORMATS[0]) -> None:
    """Raise a ValueError where a fit cannot have these steps and seed, or a mesh this resolution and format."""
    if file_format not in FORMATS:
        raise ValueError(f"--format must be one of {', '.join(FORMATS)}, got {file_format!r}")
    if steps < 1:
        raise ValueError(f"--steps must be at least 1, got {steps}")
    if seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {seed}")
    check_resolution(resolution)
