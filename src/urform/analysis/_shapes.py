"""Sections drawn from meshes: neighbours, morphs along principal directions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np
import trimesh
from jaxtyping import Float

from urform.analysis._figures import Panel, Section, sheet_png, shortened_name
from urform.analysis._statistics import PrincipalDirections, nearest_neighbours, outliers, principal_directions
from urform.inference import Model, draw_mesh, trimmed

logger = logging.getLogger(__name__)

MORPH_STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # standard deviations
_NEIGHBOURS = 5
_CAPTION = 22  # letters


def surface_or_none(name: str, surface: Callable[[], trimesh.Trimesh]) -> trimesh.Trimesh | None:
    """The surface that a call makes; None, and a warning, where there is none."""
    try:
        return surface()
    except ValueError as error:
        logger.warning("%s: %s", name, error)
        return None


def mesh_or_none(model: Model, latent: Float[np.ndarray, " L"], resolution: int, name: str) -> trimesh.Trimesh | None:
    """The mesh of a latent; None, and a warning, where it has no surface."""
    return surface_or_none(name, lambda: model.mesh(latent.astype(np.float32), resolution))


def neighbour_sheet(
    model: Model, names: Sequence[str], latents: Float[np.ndarray, "S L"], queries: Sequence[int], resolution: int
) -> Section:
    """Some shapes and those whose latents are nearest."""
    rows, distances = nearest_neighbours(latents, queries, _NEIGHBOURS)
    wanted = [[query, *row] for query, row in zip(queries, rows.tolist(), strict=True)]
    captions = [["this shape", *(f"distance {distance:.2f}" for distance in line)] for line in distances]
    panels, failed = _panels(model, names, latents, wanted, captions, resolution)
    first = float(distances[:, 0].mean())
    text = (
        "The framed shape of each row, and to the right of it the shapes whose latents are nearest (Euclidean "
        "distance), as the model draws them. Neighbours that look alike mean that distances between latents can be "
        f"used for retrieval. Mean distance to the nearest {first:.3f}, to the last one drawn "
        f"{distances[:, -1].mean():.3f}."
    )
    numbers = {
        "queries": [
            {
                "name": names[query],
                "neighbours": [
                    {"name": names[row], "distance": float(distance)}
                    for row, distance in zip(line, line_distances, strict=True)
                ],
            }
            for query, line, line_distances in zip(queries, rows, distances, strict=True)
        ],
        "without_surface": failed,
    }
    return Section(
        "neighbours",
        "Nearest neighbours",
        text + _failures(failed),
        sheet_png(panels, [""] * len(panels), True),
        numbers,
    )


def outlier_sheet(
    model: Model, names: Sequence[str], latents: Float[np.ndarray, "S L"], resolution: int, count: int = 6
) -> Section:
    """The shapes that lie apart, and those that lie closest to others."""
    rows, scores = outliers(latents, count=len(latents))
    count = min(count, len(rows) // 2)
    wanted = [rows[:count].tolist(), rows[::-1][:count].tolist()]
    captions = [[f"{scores[row]:.2f}" for row in line] for line in wanted]
    panels, failed = _panels(model, names, latents, wanted, captions, resolution)
    text = (
        "Above, the shapes whose latents lie farthest apart from all others, in the order of the list beside the "
        "picture of the latents; below, for comparison, those that have the closest neighbours. Under each its name "
        "and its mean distance to its nearest neighbours. Odd shapes above are what one expects; broken ones are a "
        "reason to look at their meshes."
    )
    return Section(
        "outliers",
        "Shapes that lie apart",
        text + _failures(failed),
        sheet_png(panels, ["apart", "in company"]),
        {"without_surface": failed},
    )


def morph_latents(
    principal: PrincipalDirections, components: int, steps: Sequence[float] = MORPH_STEPS
) -> Float[np.ndarray, "K T L"]:
    """Latents along principal directions, through the mean.

    Args:
        principal: of all latents.
        components: how many directions, at most those that there are.
        steps: where along each, in standard deviations; 0 is the mean itself.
    """
    along = principal.std[:components, None] * principal.directions[:components]
    return principal.mean + np.asarray(steps)[None, :, None] * along[:, None]


def morph_strips(model: Model, latents: Float[np.ndarray, "S L"], components: int, resolution: int) -> Section:
    """What changes along each of the first principal directions."""
    principal = principal_directions(latents)
    morphs = morph_latents(principal, components)
    pictures, failed = [], 0
    for number, line in enumerate(morphs, start=1):
        for step, latent in zip(MORPH_STEPS, line, strict=True):
            mesh = mesh_or_none(model, latent, resolution, f"principal direction {number} at {step:+g} std")
            pictures.append(None if mesh is None else draw_mesh(mesh))
            failed += mesh is None
    shown = iter(trimmed(pictures))
    rows = [[Panel(next(shown), "mean" if step == 0 else f"{step:+g} std") for step in MORPH_STEPS] for _ in morphs]
    labels = [
        f"direction {number}: {share:.1%} of variance"
        for number, share in enumerate(principal.shares[: len(morphs)], start=1)
    ]
    text = (
        "From the mean latent (middle) two standard deviations to both sides along the directions in which the latents "
        "differ most, all shapes in one scale. Each row should be one understandable change, every shape in it whole; "
        "shapes that dissolve at the ends say that the space between the known latents is not filled."
    )
    numbers = {
        "std": principal.std[: len(morphs)].tolist(),
        "variance_shares": principal.shares[: len(morphs)].tolist(),
        "without_surface": failed,
    }
    return Section("morphs", "What the directions mean", text + _failures(failed), sheet_png(rows, labels), numbers)


def _panels(
    model: Model,
    names: Sequence[str],
    latents: Float[np.ndarray, "S L"],
    wanted: Sequence[Sequence[int]],
    captions: Sequence[Sequence[str]],
    resolution: int,
) -> tuple[list[list[Panel]], int]:
    """Shapes in rows, each with its name and a caption, and how many have no surface."""
    pictures, failed = [], 0
    for row in (row for line in wanted for row in line):
        mesh = mesh_or_none(model, latents[row], resolution, names[row])
        pictures.append(None if mesh is None else draw_mesh(mesh))
        failed += mesh is None
    shown = iter(trimmed(pictures))
    panels = [
        [
            Panel(next(shown), f"{shortened_name(names[row], _CAPTION)}\n{caption}")
            for row, caption in zip(line, texts, strict=True)
        ]
        for line, texts in zip(wanted, captions, strict=True)
    ]
    return panels, failed


def _failures(count: int) -> str:
    return f" {count} of them have no surface." if count else ""
