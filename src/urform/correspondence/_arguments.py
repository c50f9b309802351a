"""What is checked before any work: numbers that are out of range, and results that would replace what was given."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from urform.geometry import check_resolution


def check_numbers(steps: int, seed: int, resolution: int) -> None:
    """Raise a ValueError where a fit cannot have these steps and seed, or a mesh this resolution."""
    if steps < 1:
        raise ValueError(f"--steps must be at least 1, got {steps}")
    if seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {seed}")
    check_resolution(resolution)


def check_outputs(out: Path, outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise a ValueError where `out` cannot be a folder, or one of the outputs in it is one of the inputs."""
    there = next((path for path in (out, *out.parents) if path.exists()), None)
    if there is not None and not there.is_dir():
        raise ValueError(f"--out must be a folder, got {out}, but {there} is a file")
    present = [path for path in inputs if path.exists()]
    for output in outputs:
        if output.exists() and any(output.samefile(path) for path in present):
            raise ValueError(f"{output}: is an input and would be overwritten, choose another --out")
