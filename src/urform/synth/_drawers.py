"""Cases with drawers, doors or open shelves."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._solids import bar, lathe, rounded_box, xyz


def _handle(a: Assembly, rng: Generator, kind: str, centre: NDArray, width: float, size: float) -> None:
    """A knob, a bar or a bracket of `size` metres on a front that looks along +z."""
    if kind == "knob":
        knob = lathe([[size * 0.5, 0], [size * 0.5, size * 0.7], [size * 0.9, size * 1.1], [size * 0.6, size * 1.9]],
                     segments=10)  # fmt: skip
        a.add("handle", "metal", knob.rotate((90, 0, 0)).translate((centre - xyz(0, 0, size * 0.3)).tolist()))
    elif kind == "bar":
        half, ahead = xyz(width * 0.25, 0, 0), xyz(0, 0, size * 0.4)
        a.add("handle", "metal", bar(centre - half + ahead, centre + half + ahead, size, section="soft"))


def add_case(a: Assembly, rng: Generator, centre: NDArray, size: NDArray, board: float, rows: int | None = None,
             columns: int = 1, part: str = "case") -> None:  # fmt: skip
    """Adds a closed case with drawer fronts at +z, or an open one with shelves.

    Args:
        a: Receives the parts.
        rng: The object's generator.
        centre: Of the case, (3,) metres.
        size: Full extents (3,) metres.
        board: Thickness of walls and shelves, metres.
        rows: Drawers one above the other; 0 for an open case; drawn when None.
        columns: Drawers side by side.
        part: Name of the case's part.
    """
    rows = int(rng.integers(0, 5)) if rows is None else rows
    case = rounded_box(size, 0.005, 2, 1)
    if not rows and min(size) > 3 * board:
        case -= rounded_box(size - xyz(2 * board, 2 * board, 0), 0.004, 1, 1).translate((0, 0, board))
    a.add(part, "frame", case.translate(centre.tolist()))
    if not rows:
        if size[1] > 0.3 and rng.random() < 0.6:
            shelf = rounded_box(size * (1, 0, 1) + xyz(-board, board, -board * 0.5), 0.004, 1, 1)
            a.add("shelf", "frame", shelf.translate((centre + xyz(0, size[1] * rng.uniform(-0.15, 0.15), 0)).tolist()))
        return
    kind = pick(rng, {"knob": 2, "bar": 2, "none": 1.5})
    gap, proud = board * rng.uniform(0.5, 0.9), board * rng.uniform(0.3, 0.7)
    tall, wide = (size[1] - gap) / rows, (size[0] - gap) / columns
    for row in np.arange(rows) + 0.5:
        for column in np.arange(columns) + 0.5:
            place = centre - size / 2 + xyz(gap / 2 + column * wide, gap / 2 + row * tall, size[2])
            front = rounded_box((wide - gap, tall - gap, 2 * proud), proud * 0.4, 1, 1)
            a.add("drawer", "frame", front.translate(place.tolist()))
            _handle(a, rng, kind, place + xyz(0, 0, proud), wide, max(board, min(tall, wide) * 0.05))
    a.note(drawers=rows * columns, handles=kind)
