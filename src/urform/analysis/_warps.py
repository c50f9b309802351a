"""Sections about template and warp: how far points are moved, what corresponds, and whether latents tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float

from urform.analysis._figures import ACCENT, SECOND, Panel, Section, fill_panel, png, shortened_name
from urform.analysis._shapes import mesh_or_none, surface_or_none
from urform.analysis._statistics import correlations, cosine_similarity
from urform.inference import Model, draw_mesh, trimmed

_POINTS = 2048
_BANDS = 12
_CAPTION = 22  # letters


def warp_comparison(model: Model, latents: Float[np.ndarray, "S L"], shapes: int, seed: int) -> Section:
    """Whether shapes with similar latents are warped alike."""
    rng = np.random.default_rng([seed, 3])
    chosen = latents[np.sort(rng.permutation(len(latents))[:shapes])]
    points = _points_in_ball(rng, _POINTS)
    canonical = [model.canonical(points, latent) for latent in chosen]
    one, other = np.triu_indices(len(chosen), 1)
    difference = np.array(
        [np.linalg.norm(canonical[a] - canonical[b], axis=1).mean() for a, b in zip(one, other, strict=True)]
    )
    cosine = cosine_similarity(chosen)[one, other]
    distance = np.linalg.norm(chosen[one] - chosen[other], axis=1)
    by_cosine, by_distance = correlations(cosine, difference), correlations(distance, difference)
    text = (
        f"Each of the {len(one):,} pairs of {len(chosen)} random shapes is a dot: how similar their latents are "
        "against how differently they are warped, the mean distance between their canonical points at "
        f"{_POINTS:,} common points of the unit ball. The line joins the medians of {_BANDS} bands. Cosine similarity "
        "should fall and distance rise with the difference of the warps: then latents say how shapes differ. Cosine: "
        f"{_told(by_cosine)}; distance: {_told(by_distance)}. Mean difference of the warps {difference.mean():.4f}."
    )
    numbers = {
        "shapes": len(chosen),
        "pairs": len(one),
        "points": _POINTS,
        "warp_difference_mean": float(difference.mean()),
        "warp_difference_std": float(difference.std()),
        "cosine": by_cosine,
        "distance": by_distance,
    }
    sides = (("cosine similarity of the latents", cosine), ("distance of the latents", distance))
    return Section("warp_difference", "Latents and warps", text, _draw_comparison(sides, difference), numbers)


@dataclass(frozen=True)
class _Warped:
    """A shape and what the warp does to its vertices.

    Attributes:
        name: of the shape.
        mesh: its surface.
        places: canonical points of the vertices.
    """

    name: str
    mesh: trimesh.Trimesh
    places: Float[np.ndarray, "V 3"]

    @property
    def lengths(self) -> Float[np.ndarray, " V"]:
        """How far each vertex is moved."""
        return np.linalg.norm(self.places - np.asarray(self.mesh.vertices), axis=1)


def warp_sheet(
    model: Model, names: Sequence[str], latents: Float[np.ndarray, "S L"], rows: Sequence[int], resolution: int
) -> Section:
    """The template and some shapes: as they are, by how far the warp moves them, and by where it takes them."""
    shapes = _warped_shapes(model, names, latents, rows, resolution)
    moved = [(shape.name, shape.lengths) for shape in shapes[1:] if shape is not None]
    largest = max((float(np.quantile(lengths, 0.98)) for _, lengths in moved), default=0.0) or 1.0
    pictures = [
        [None if shape is None else draw_mesh(shape.mesh) for shape in shapes],
        [None if shape is None else draw_mesh(shape.mesh, _by_length(shape.lengths / largest)) for shape in shapes],
        [None if shape is None else draw_mesh(shape.mesh, _by_place(shape.places)) for shape in shapes],
    ]
    means = ", ".join(f"{shortened_name(name)} {lengths.mean():.3f}" for name, lengths in moved)
    text = (
        "The template, left, is the one shape that all others are made of. Second row: how far the warp moves each "
        "point of a surface, |canonical - point| in units of the ball's radius; the template's own points stay. Third "
        "row: each point in the color of the place that it comes to in the template (red, green and blue along x, y "
        "and z), so that points of one color correspond; parts of the same kind should have the same colors in all "
        f"shapes. Mean displacement on the surface: {means or 'none'}."
    )
    numbers = {
        "displacement": [
            {"name": name, "mean": float(lengths.mean()), "p95": float(np.quantile(lengths, 0.95))}
            for name, lengths in moved
        ],
        "without_surface": sum(shape is None for shape in shapes),
    }
    titles = ["template", *(shortened_name(names[row], _CAPTION) for row in rows)]
    return Section("template", "Template and warps", text, _draw_warps(titles, pictures, largest), numbers)


def _warped_shapes(
    model: Model, names: Sequence[str], latents: Float[np.ndarray, "S L"], rows: Sequence[int], resolution: int
) -> list[_Warped | None]:
    """The template, whose points are where they belong, and the shapes; None where there is no surface."""
    template = surface_or_none("template", lambda: model.template_mesh(resolution))
    shapes = [None if template is None else _Warped("template", template, np.asarray(template.vertices))]
    for row in rows:
        mesh = mesh_or_none(model, latents[row], resolution, names[row])
        places = None if mesh is None else model.canonical(np.asarray(mesh.vertices), latents[row])
        shapes.append(None if mesh is None or places is None else _Warped(names[row], mesh, places))
    return shapes


def _points_in_ball(rng: np.random.Generator, count: int) -> Float[np.ndarray, "N 3"]:
    """Uniform in the unit ball."""
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return (directions * rng.uniform(size=(count, 1)) ** (1 / 3)).astype(np.float32)


def _by_length(lengths: Float[np.ndarray, " V"]) -> Float[np.ndarray, "V 3"]:
    import matplotlib

    return matplotlib.colormaps["viridis"](np.clip(lengths, 0, 1))[:, :3]


def _by_place(places: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """Places in the unit ball as colors; most of a shape is within 0.75 of the centre along each axis."""
    return np.clip(places / 1.5 + 0.5, 0, 1)


def _told(correlation: dict[str, float | None]) -> str:
    if correlation["pearson"] is None:
        return "no correlation, as nothing varies"
    return f"Pearson {correlation['pearson']:+.3f}, Spearman {correlation['spearman']:+.3f}"


def _draw_comparison(sides: Sequence[tuple[str, np.ndarray]], difference: Float[np.ndarray, " P"]) -> bytes:
    def draw(figure: Any) -> None:
        for axes, (label, values) in zip(figure.subplots(1, 2, sharey=True), sides, strict=True):
            axes.scatter(values, difference, s=6, color=SECOND, alpha=0.35, linewidths=0)
            edges = np.quantile(values, np.linspace(0, 1, _BANDS + 1))
            bands = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, _BANDS - 1)
            filled = [band for band in range(_BANDS) if (bands == band).any()]
            axes.plot(
                [np.median(values[bands == band]) for band in filled],
                [np.median(difference[bands == band]) for band in filled],
                color=ACCENT,
                marker="o",
                markersize=4,
            )
            axes.set_xlabel(label)
            axes.set_ylim(bottom=0)
        figure.axes[0].set_ylabel("difference of the warps (mean distance)")

    return png(draw, 9.0, 3.8)


def _draw_warps(names: Sequence[str], pictures: Sequence[Sequence[np.ndarray | None]], largest: float) -> bytes:
    shown = iter(trimmed([picture for line in pictures for picture in line]))

    def draw(figure: Any) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        grid = figure.subplots(len(pictures), len(names), squeeze=False)
        for line, label in zip(grid, ("as it is", "how far moved", "where to"), strict=True):
            for axes in line:
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
                fill_panel(axes, Panel(next(shown)))
            line[0].set_ylabel(label, fontsize=10)
        for axes, name in zip(grid[0], names, strict=True):
            axes.set_title(name, fontsize=9)
        scale = ScalarMappable(Normalize(0, largest), "viridis")
        figure.colorbar(scale, ax=grid[1].tolist(), label="|canonical - point|", extend="max", shrink=0.85)

    return png(draw, 2.0 * len(names) + 1.0, 6.4)
