"""Pictures by matplotlib, in memory: no display, no global state."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from urform.files import encode_png
from urform.pictures import Tile, contact_sheet

DOTS_PER_INCH = 120
_TILE = 200  # pixels of a picture on a sheet
_MARKERS = ("o", "^", "s", "D", "v")  # colors that are used again come with another one
GREY, ACCENT, SECOND = "#9aa3ad", "#d1495b", "#2e6f95"
_STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # a shape may be called `a$b$`
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True)
class Section:
    """One picture of the page.

    Attributes:
        name: of its file, and of its numbers in the JSON.
        title: above it.
        text: what it shows, how to read it, its numbers.
        picture: PNG.
        numbers: what it says, JSON-able.
    """

    name: str
    title: str
    text: str
    picture: bytes = field(repr=False)
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Panel:
    """One picture of a sheet: RGB, or None where the shape has no surface; what stands under it, and its background."""

    picture: UInt8[np.ndarray, "H W 3"] | None
    caption: str = ""


def png(draw: Callable[[Any], None], width_in: float, height_in: float) -> bytes:
    """A figure as PNG.

    Args:
        draw: is called with an empty `matplotlib.figure.Figure`.
        width_in: width, inches of 120 pixels.
        height_in: height.
    """
    import matplotlib
    from matplotlib.figure import Figure  # not pyplot, which asks for a display and keeps every figure

    content = io.BytesIO()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name in letters that the font lacks
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        draw(figure)
        figure.savefig(content, format="png", dpi=DOTS_PER_INCH)
    return content.getvalue()


def shortened_name(name: str, longest: int = 30) -> str:
    """The instance of `dataset/category/instance`, cut in the middle where it has more letters than `longest`."""
    instance = name.split("/", 2)[-1]
    if len(instance) <= longest:
        return instance
    half = (longest - 1) // 2
    return f"{instance[:half]}…{instance[-half:]}"


def scatter_groups(axes: Any, places: Float[np.ndarray, "N 2"], groups: Sequence[str], size: float) -> None:
    """Points of the plane, a color and marker a group, the largest first; the axes have no unit, so they show none."""
    import matplotlib

    names, labels = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    counts = np.bincount(labels)
    colors = matplotlib.colormaps["tab10"].colors  # type: ignore[attr-defined]
    for place, index in enumerate(np.argsort(-counts, kind="stable")):
        axes.scatter(
            *places[labels == index].T,
            s=size,
            color=colors[place % len(colors)],
            marker=_MARKERS[place // len(colors) % len(_MARKERS)],
            linewidths=0,
            alpha=0.75,
            label=f"{names[index]} ({counts[index]})",
        )
    axes.set(xticks=[], yticks=[])
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.03)
    axes.spines[:].set(visible=True, color="#dddddd")


def sheet_png(rows: Sequence[Sequence[Panel]], labels: Sequence[str], frame_first: bool = False) -> bytes:
    """Pictures in rows and columns, a caption under each, a label above each row.

    Args:
        rows: of equal or different length.
        labels: one a row.
        frame_first: draw a frame around the first picture of each row.
    """
    tiles = [
        [
            Tile(panel.picture, panel.caption, label if place == 0 else "", frame_first and place == 0)
            for place, panel in enumerate(row)
        ]
        for row, label in zip(rows, labels, strict=True)
    ]
    return encode_png(contact_sheet(tiles, _TILE))


def fill_panel(axes: Any, panel: Panel) -> None:
    """One picture with its caption."""
    axes.set_xlabel(panel.caption, fontsize=8)
    if panel.picture is None:
        axes.text(0.5, 0.5, "no surface", ha="center", va="center", color=ACCENT, transform=axes.transAxes)
        return
    axes.imshow(panel.picture, interpolation="antialiased")
