"""What is checked before any work: numbers that are out of range."""

from __future__ import annotations

from urform.config import look_up
from urform.formats import FORMATS
from urform.geometry import check_resolution


def check_numbers(steps: int, seed: int, resolution: int, file_format: str = "glb") -> None:
    """Raise a ValueError where a fit cannot have these steps and seed, or a mesh this resolution and format."""
    look_up(FORMATS, file_format, "file_format")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    check_resolution(resolution)
