"""Sections that need latents alone: where they lie, who lies apart, how many directions they use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Float

from urform.analysis._figures import ACCENT, GREY, SECOND, Section, png, scatter_groups, shortened_name
from urform.analysis._projection import PROJECTIONS, project
from urform.analysis._statistics import PrincipalDirections, latent_statistics, outliers, principal_directions

_NEIGHBOURS = 10  # whose mean distance says how far a latent lies apart
_OUTLIERS = 8
_SHOWN_COMPONENTS = 32


def latent_map(names: Sequence[str], latents: Float[np.ndarray, "S L"], projection: str, seed: int) -> Section:
    """The latents in the plane, those that lie apart named."""
    rows, scores = outliers(latents, _NEIGHBOURS, _OUTLIERS)
    places = project(latents, projection, seed)
    usual = float(np.median(scores))
    groups = [name.split("/")[0] if name.count("/") >= 2 else "latents" for name in names]
    text = (
        f"{PROJECTIONS[projection]} of the {len(latents)} learned latents, a color a dataset: neighbours in the "
        "picture are neighbours in latent space, while sizes of groups and gaps between them mean little. Ringed and "
        f"numbered are the {len(rows)} that lie apart in latent space itself: those with the largest mean distance to "
        f"their {min(_NEIGHBOURS, len(latents) - 1)} nearest neighbours (median over all latents {usual:.3f}). They "
        "are odd shapes, or shapes that were prepared badly and are worth a look."
    )
    numbers = {
        "neighbours": _NEIGHBOURS,
        "median_distance": usual,
        "outliers": [{"name": names[int(row)], "distance": float(scores[row])} for row in rows],
    }
    named = [(places[row], shortened_name(names[int(row)]), float(scores[row])) for row in rows]
    return Section(f"latents_{projection}", "The latents", text, _draw_map(places, groups, named), numbers)


def latent_numbers(latents: Float[np.ndarray, "S L"]) -> Section:
    """Norms, and the variance along the principal directions."""
    found, principal = latent_statistics(latents), principal_directions(latents)
    first = ", ".join(f"{share:.1%}" for share in principal.shares[:4])
    text = (
        "Left, how long the latents are; right, the share of their variance along each principal direction and, the "
        f"line, along all directions up to it. Norm {found.norm_mean:.3f} ± {found.norm_std:.3f}; the mean of all "
        f"latents has norm {found.mean_norm:.3f}, which is small where they lie around the origin, and cosines can be "
        f"trusted. Effective rank {found.effective_rank:.1f} of {min(found.size, found.count)}: near 1 the latents "
        "have collapsed onto a line, near the maximum no direction matters more than another. The first directions "
        f"have {first} of the variance; {found.components_90} have 90 % of it."
    )
    norms = np.linalg.norm(latents, axis=1)
    numbers = asdict(found) | {"variance_shares": principal.shares[:_SHOWN_COMPONENTS].tolist()}
    return Section("statistics", "How many directions they use", text, _draw_numbers(norms, principal), numbers)


def _draw_map(
    places: Float[np.ndarray, "S 2"], groups: Sequence[str], named: Sequence[tuple[Any, str, float]]
) -> bytes:
    def draw(figure: Any) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patheffects import withStroke

        axes = figure.subplots()
        scatter_groups(axes, places, groups, 14 if len(places) > 300 else 28)
        for number, (place, _, _) in enumerate(named, start=1):
            axes.scatter(*place, s=90, facecolors="none", edgecolors=ACCENT, linewidths=1.4)
            label = axes.annotate(str(number), place, (6, 5), textcoords="offset points", color=ACCENT, weight="bold")
            label.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
        lines = [f"{number}  {name}  {score:.2f}" for number, (_, name, score) in enumerate(named, start=1)]
        handles, labels = axes.get_legend_handles_labels()
        handles += [Line2D([], [], linestyle="none")] * (len(lines) + 2)
        labels += ["", "apart, with distance:", *lines]
        figure.legend(handles, labels, loc="outside right upper", frameon=False)

    return png(draw, 9.6, 5.4)


def _draw_numbers(norms: Float[np.ndarray, " S"], principal: PrincipalDirections) -> bytes:
    shares = principal.shares[:_SHOWN_COMPONENTS]

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.6))
        left.hist(norms, 40, color=GREY)
        left.axvline(norms.mean(), color=ACCENT, linestyle="--", linewidth=1.2, label=f"mean {norms.mean():.2f}")
        left.set(xlabel="norm of a latent", ylabel="latents")
        left.legend(frameon=False)
        numbers = np.arange(1, len(shares) + 1)
        right.bar(numbers, 100 * shares, color=SECOND)
        right.set(xlabel="principal direction", ylabel="share of the variance, % (bars)", xlim=(0.3, len(shares) + 0.7))
        together = right.twinx()
        together.plot(numbers, 100 * np.cumsum(shares), color=ACCENT, marker=".", markersize=4, linewidth=1.2)
        together.set(ylim=(0, 103), ylabel="up to this direction, % (line)")
        together.spines["right"].set_visible(True)
        together.yaxis.label.set_color(ACCENT)

    return png(draw, 9.0, 3.4)
