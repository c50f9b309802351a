"""The signed distance of a mesh: which sign method tells its inside, and whether that can be learned from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from urform.config import PrepareConfig, look_up
from urform.geometry import (
    SIGNS,
    Cleaned,
    SignedDistance,
    SurfaceQuality,
    ThickenedDistance,
    face_normals,
    sample_visible_surface,
    surface_quality,
)
from urform.prepare._report import ShapeReport

Distance = Callable[[np.ndarray], np.ndarray]
"""Points (N, 3) -> sdf (N,), NEGATIVE inside."""

LEAST_INSIDE = 0.002  # share of the samples; with less there is nothing to learn
MOST_LOST = 0.4  # share of the visible surface that may be sheets
MOST_JUMPS = 0.008  # share of points at which the field may have a zero in the air
DOUBTFUL_JUMPS = 0.003  # from here on another sign method is tried
FIRST_SIGN, OTHER_SIGNS = "solid", ("winding", "guarded")
# Specks in the air where few rays get in, but right for an open box; once its walls have a thickness.
THICKENED_SIGNS = (*OTHER_SIGNS, "hidden")
PROBES = 1500
NEAR_SURFACE = 100_000  # visible surface points that the near samples are drawn around, each used several times


class Field(NamedTuple):
    """The signed distance that was settled on, the surface that goes with it, and what is to be said of them."""

    distance: Distance
    surface: Float[np.ndarray, "S 3"]
    quality: SurfaceQuality
    sign: str
    repaired: list[str]


def settled_field(cleaned: Cleaned, config: PrepareConfig, rng: np.random.Generator) -> Field:
    """The signed distance by the sign method of the settings, or by the one that leaves the fewest doubts.

    Sheets are thickened where that is wanted.

    Raises:
        ValueError: there is no such sign method.
    """
    vertices, faces = cleaned.vertices, cleaned.faces
    count = max(config.surface_points, min(NEAR_SURFACE, config.samples))
    surface, face = sample_visible_surface(vertices, faces, count, rng)
    normals = face_normals(vertices, faces)[face[:PROBES]]

    def judged(distance: Distance) -> SurfaceQuality:
        return surface_quality(distance, surface[:PROBES], normals, np.random.default_rng(0))

    def rank(quality: SurfaceQuality) -> tuple[float, float]:
        # Where sheets get a thickness, lost ones do no harm.
        return (max(quality.jumps, DOUBTFUL_JUMPS), quality.lost) if config.thicken else (quality.score, 0.0)

    sign = config.sign or FIRST_SIGN
    distance = SignedDistance(vertices, faces, look_up(SIGNS, sign, "sign"))
    quality = judged(distance)
    if config.sign is None and quality.jumps > DOUBTFUL_JUMPS:
        for name in THICKENED_SIGNS if config.thicken else OTHER_SIGNS:
            other = SignedDistance(vertices, faces, SIGNS[name])
            if rank(better := judged(other)) < rank(quality):
                sign, distance, quality = name, other, better
    repaired = list(cleaned.repairs)
    if config.thicken and quality.lost > 0:
        thick = ThickenedDistance(distance, vertices, faces, config.thicken)
        if thick.sheets.any():
            surface, kept = thick.onto_slabs(surface, rng)
            normals = face_normals(vertices, faces)[face[kept[:PROBES]]]
            quality = surface_quality(thick, surface[:PROBES], normals, np.random.default_rng(0))
            repaired.append(f"{thick.sheets.sum()} faces given a thickness of {config.thicken:g}")
            return Field(thick, surface, quality, sign, repaired)
    return Field(distance, surface, quality, sign, repaired)


def grown(field: Field, by: float) -> Field:
    """The field of a solid that is thicker on all sides; the surface stays where it is."""
    if by == 0:
        return field
    return field._replace(distance=lambda points: field.distance(points) - by)


def quarantine_reason(report: ShapeReport) -> str:
    """Why a shape cannot be learned from; empty where it can."""
    if report.inside_fraction < LEAST_INSIDE:
        return (
            f"only {report.inside_fraction:.2%} of the samples lie inside: open or flat; `thicken` gives it an inside"
        )
    if report.lost > MOST_LOST:
        return f"{report.lost:.0%} of the surface has no inside behind it: thin sheets; `thicken` gives them one"
    if report.jumps > MOST_JUMPS:
        return f"its inside ends in the air at {report.jumps:.1%} of the points: too open to tell inside from outside"
    return ""
