"""The whole analysis: a model, or a file of latents, becomes pictures, numbers and a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from urform.analysis._features import feature_sections
from urform.analysis._figures import Section
from urform.analysis._latents import latent_map, latent_numbers
from urform.analysis._page import page
from urform.analysis._projection import MIN_POINTS, require_packages
from urform.analysis._shapes import morph_strips, neighbour_sheet, outlier_sheet
from urform.analysis._views import encode_views, encode_views_by, pick_views
from urform.analysis._warps import warp_comparison, warp_sheet
from urform.config import AnalysisConfig, ShapeChoice
from urform.data import ShapeKey
from urform.files import check_outputs, write_atomically
from urform.inference import Model, load
from urform.published import load_backbone, read_latents
from urform.weights import BackboneWeights

_WARPED = 3  # shapes beside the template
_DIGITS = 6


class _LeftOutError(ValueError):
    """A piece that cannot be drawn from what there is; the message is the reason."""


@dataclass(frozen=True)
class _Analyzed:
    """What is analysed.

    Attributes:
        source: as the user named it.
        model: None for a file of latents and for a contrastive encoder.
        backbone: a contrastive encoder.
        names: of the latents.
        latents: those that are analysed.
        known: how many latents there are.
        views: view files a shape of the split; None where no split was given.
    """

    source: str
    model: Model | None
    backbone: BackboneWeights | None
    names: list[str]
    latents: Float[np.ndarray, "S L"]
    known: int
    views: dict[ShapeKey, list[Path]] | None

    def networks(self) -> Model:
        if self.model is None:
            holds = "an encoder" if self.backbone else "latents"
            raise _LeftOutError(f"needs the networks of a model, and {self.source} holds {holds} alone")
        return self.model

    def known_latents(self, least: int = MIN_POINTS) -> Float[np.ndarray, "S L"]:
        if len(self.latents) < least:
            raise _LeftOutError(f"needs at least {least} latents, and {self.source} holds {len(self.latents)}")
        if not np.ptp(self.latents, axis=0).any():
            raise _LeftOutError(f"needs latents that differ, and all {len(self.latents)} of {self.source} are equal")
        return self.latents


def analyze(
    weights: str | Path,
    out: Path,
    data: Path | None = None,
    split: Path | None = None,
    options: AnalysisConfig | None = None,
    choice: ShapeChoice | None = None,
) -> dict[str, Any]:
    """Draw what a model has learned; the same pictures and numbers for the same seed.

    Args:
        weights: a shipped category, a run folder, a weights file; or a file of latents (.pkl as published, .npz), of
            which only what needs no network is drawn; or a contrastive run or published contrastive checkpoint, of
            which only the views are drawn.
        out: folder that gets a PNG a picture, `index.html` with all of them, and `analysis.json`.
        data: data folder with views, for what the encoder makes of them; together with `split`.
        split: split file that names the shapes whose views are encoded.
        options: see `AnalysisConfig`.
        choice: which shapes of the split are taken; by default those that have views.

    Returns:
        What `analysis.json` holds.

    Raises:
        FileNotFoundError: weights, split, data folder or views are not there.
        ValueError: they cannot be read, one of `data` and `split` is missing, an option is out of range, a package is
            not installed, or nothing can be drawn.
    """
    options = options or AnalysisConfig()
    require_packages(options.projection)
    check_outputs(
        out, [out / "index.html", out / "analysis.json"], [Path(weights), *([] if split is None else [split])]
    )
    subject = _read(weights, data, split, options, choice)
    sections, left_out = _drawn(subject, options)
    if not sections:
        raise ValueError(f"{weights}: nothing to draw: {next(iter(left_out.values()))}")
    result = _result(subject, sections, left_out, options)
    for section in sections:
        write_atomically(out / f"{section.name}.png", section.picture)
    what = f"{result['category']}, from {weights}" if subject.model else str(weights)
    intro = _intro(subject, options.seed)
    write_atomically(
        out / "analysis.json",
        (json.dumps(result, indent=1, ensure_ascii=False) + "\n").encode(errors="backslashreplace"),
    )
    write_atomically(out / "index.html", page(f"What the model has learned: {what}", intro, sections, left_out))
    return result


def _drawn(subject: _Analyzed, options: AnalysisConfig) -> tuple[list[Section], dict[str, str]]:
    """The sections that can be drawn, and why the others cannot."""
    sections, left_out = [], {}
    for title, piece in _PIECES.items():
        try:
            sections += piece(subject, options)
        except _LeftOutError as reason:
            left_out[title] = str(reason)
    return sections, left_out


def summarise_analysis(result: dict[str, Any]) -> str:
    """The most important numbers in a few lines."""
    lines = []
    found = result["numbers"]
    if latents := found.get("statistics"):
        lines.append(
            f"{latents['count']} latents of length {latents['size']}: norm {latents['norm_mean']:.3f} ± "
            f"{latents['norm_std']:.3f}, effective rank {latents['effective_rank']:.1f}"
        )
    if views := found.get("views_similarity"):
        lines.append(
            f"cosine similarity of {views['views']} views of {views['objects']} objects: within "
            f"{views['within_mean']:.3f} ± {views['within_std']:.3f}, between {views['between_mean']:.3f} ± "
            f"{views['between_std']:.3f}; nearest other view of the same object {views['nearest_same']:.1%}"
        )
    if (warps := found.get("warp_difference")) and warps["cosine"]["pearson"] is not None:
        lines.append(
            f"latents' cosine similarity against warp difference, {warps['pairs']} pairs: Pearson "
            f"{warps['cosine']['pearson']:+.3f}, Spearman {warps['cosine']['spearman']:+.3f}"
        )
    lines += [f"left out, {what}: {why}" for what, why in result["left_out"].items()]
    return "\n".join(lines)


def _read(
    weights: str | Path,
    data: Path | None,
    split: Path | None,
    options: AnalysisConfig,
    choice: ShapeChoice | None,
) -> _Analyzed:
    if (data is None) != (split is None):
        given, missing = ("`data`", "`split`") if split is None else ("`split`", "`data`")
        raise ValueError(f"{given} is given without {missing}; the views of a split need both, latents alone neither")
    views = None
    if data is not None and split is not None:
        views = pick_views(data, split, options.objects, options.views, choice)
    backbone = load_backbone(Path(weights)) if Path(weights).exists() and not _is_latent_file(weights) else None
    if backbone is not None:
        if views is None:
            raise ValueError(f"{weights}: is a contrastive encoder, of which views are drawn; give `data` and `split`")
        model, known, size = None, {}, 0
    elif _is_latent_file(weights):
        model, known = None, read_latents(Path(weights))
        size = len(next(iter(known.values())))
    else:
        model = load(weights)
        known, size = model.latents, model.config.latent_size
    names = list(known)
    if len(names) > options.max_latents:
        rng = np.random.default_rng([options.seed, 1])
        names = [names[row] for row in np.sort(rng.permutation(len(names))[: options.max_latents])]
    latents = np.stack([known[name] for name in names]) if names else np.zeros((0, size), np.float32)
    return _Analyzed(str(weights), model, backbone, names, latents, len(known), views)


def _is_latent_file(weights: str | Path) -> bool:
    return Path(weights).suffix in (".pkl", ".npz")


def _intro(subject: _Analyzed, seed: int) -> str:
    if subject.backbone is not None:
        return f"A {subject.backbone.name} of width {subject.backbone.width}, {subject.backbone.method}; seed {seed}."
    count = len(subject.latents)
    analysed = f"{count} of {subject.known} latents" if count < subject.known else f"{subject.known} latents"
    return f"{analysed} of length {subject.latents.shape[1]}; seed {seed}."


def _result(
    subject: _Analyzed, sections: list[Section], left_out: dict[str, str], options: AnalysisConfig
) -> dict[str, Any]:
    return {
        "source": subject.source,
        "category": subject.model.category if subject.model else None,
        "latents": subject.known,
        "analysed": len(subject.latents),
        "options": asdict(options),
        "pictures": [f"{section.name}.png" for section in sections],
        "numbers": {section.name: _rounded(section.numbers) for section in sections if section.numbers},
        "left_out": left_out,
    }


def _rounded(value: Any) -> Any:
    """Digits that another machine finds, too."""
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def _chosen(subject: _Analyzed, options: AnalysisConfig) -> list[int]:
    """The shapes that are drawn, at random, on all sheets the same."""
    order = np.random.default_rng([options.seed, 2]).permutation(len(subject.known_latents()))
    return order[: options.queries].tolist()


def _template(subject: _Analyzed, options: AnalysisConfig) -> list[Section]:
    model = subject.networks()
    latents = subject.known_latents()
    return [warp_sheet(model, subject.names, latents, _chosen(subject, options)[:_WARPED], options.resolution)]


def _map(subject: _Analyzed, options: AnalysisConfig) -> list[Section]:
    return [latent_map(subject.names, subject.known_latents(), options.projection, options.seed)]


def _apart(subject: _Analyzed, options: AnalysisConfig) -> list[Section]:
    return [outlier_sheet(subject.networks(), subject.names, subject.known_latents(), options.resolution)]


def _numbers(subject: _Analyzed, options: AnalysisConfig) -> list[Section]:
    return [latent_numbers(subject.known_latents(2))]


def _morphs(subject: _Analyzed, options: AnalysisConfig) -> list[Section]:
    return [morph_strips(subject.networks(), subject.known_latents(), options.components, options.resolution)]


def _neighbours(subject: _Analyzed, options: AnalysisConfig) -> list[Section]:
    model, latents = subject.networks(), subject.known_latents()
    return [neighbour_sheet(model, subject.names, latents, _chosen(subject, options), options.resolution)]


def _warps(subject: _Analyzed, options: AnalysisConfig) -> list[Section]:
    return [warp_comparison(subject.networks(), subject.known_latents(), options.compared, options.seed)]


def _views(subject: _Analyzed, options: AnalysisConfig) -> list[Section]:
    if subject.views is None:
        raise _LeftOutError("needs views: give `data` and `split`")
    if subject.backbone is not None:
        features, objects = encode_views_by(subject.backbone, subject.views)
    elif not subject.networks().has_encoder:
        raise _LeftOutError(f"{subject.source} has no image encoder yet; `urform train encoder` adds it")
    else:
        features, objects = encode_views(subject.networks(), subject.views)
    return feature_sections(features, objects, options.projection, options.seed, "views")


_PIECES: dict[str, Callable[[_Analyzed, AnalysisConfig], list[Section]]] = {
    "template and warps": _template,
    "the map of the latents": _map,
    "shapes that lie apart": _apart,
    "directions of the latents": _numbers,
    "morphs": _morphs,
    "nearest neighbours": _neighbours,
    "latents and warps": _warps,
    "views of the same object": _views,
}
